package websocket

import (
	"context"
	"errors"
	"time"
)

// Directory knows which process has a connection, and takes commands there. It is for
// several processes that serve the same APIs.
type Directory interface {
	// Start begins to serve commands of other processes by the Executor.
	Start(Executor)
	// Claim tells that a connection is here, and Release that it is no more.
	Claim(ctx context.Context, connection string) error
	Release(ctx context.Context, connection string) error
	// Ask has the process that has the connection carry out a command. The error is
	// ErrNobody if there is none.
	Ask(context.Context, Command) (Result, error)
	Close()
}

// Executor carries out commands on connections of this process: a *Server.
type Executor interface {
	Execute(Command) Result
	// Connections are the ids of all.
	Connections() []string
}

// ErrNobody says that no process has a connection.
var ErrNobody = errors.New("no process has the connection")

// directoryTimeout is how long a connection waits to be entered, or to be taken out.
const directoryTimeout = 2 * time.Second

// Connections are the ids of the connections that there are.
func (s *Server) Connections() []string {
	s.connections.mu.RLock()
	defer s.connections.mu.RUnlock()
	ids := make([]string, 0, len(s.connections.byID))
	for id := range s.connections.byID {
		ids = append(ids, id)
	}
	return ids
}

// claim enters a connection. Without the directory it is there for this process only,
// until the directory is again.
func (s *Server) claim(id string) {
	if s.directory == nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.running, directoryTimeout)
	defer cancel()
	if err := s.directory.Claim(ctx, id); err != nil {
		s.warn("other processes do not know of a connection yet", "connection", id, "error", err)
	}
}

func (s *Server) release(id string) {
	if s.directory == nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.running, directoryTimeout)
	defer cancel()
	if err := s.directory.Release(ctx, id); err != nil {
		s.log.Debug("other processes still look for a connection here", "connection", id, "error", err)
	}
}

package etcd

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"

	"gatehouse/management/store"
)

// A disk that is full ends an etcd server, and the process that it is in. What the gateway
// serves must not end with it: changes are refused while there is little room, and a server
// that fails all the same leaves the process alone.

// minRoom is what has to be free on the disk for a change: segments of the log that are made
// ahead of time, and what the database grows by at once.
const minRoom = 4 * segment

// room watches over an embedded server.
type room struct {
	dir string
	// least is what has to be free.
	least uint64
	// running is set when the server has started, failed when it is of no use any more.
	running, failed atomic.Bool
	// told is set while there is no room, so that it is logged once.
	told atomic.Bool
}

// problem tells why changes cannot be kept, nil when they can. Without a server of its own
// a store has none.
func (r *room) problem() error {
	if r == nil {
		return nil
	}
	if r.failed.Load() {
		return fmt.Errorf("%w: the embedded etcd has failed, and begins anew with the process", store.ErrUnavailable)
	}
	var at unix.Statfs_t
	if err := unix.Statfs(r.dir, &at); err != nil {
		return nil // etcd itself will tell.
	}
	if free := uint64(at.Bavail) * uint64(at.Bsize); free < r.least {
		return fmt.Errorf("%w: %d MiB are free on the disk of %s, and changes need %d", store.ErrUnavailable, free>>20, r.dir, r.least>>20)
	}
	return nil
}

// OnWrite is called where the server would end the process: after it has logged a fatal
// error, or before it panics. While it starts, the caller is told by a panic. Later only
// the goroutine ends, and the server with it: nobody waits for it.
func (r *room) OnWrite(e *zapcore.CheckedEntry, _ []zapcore.Field) {
	if !r.running.Load() {
		panic(e.Message)
	}
	r.failed.Store(true)
	runtime.Goexit()
}

// Problem tells why changes cannot be kept, "" when they can.
func (s *Store) Problem() string {
	if err := s.room.problem(); err != nil {
		return err.Error()
	}
	return ""
}

// checkRoom refuses changes that the disk has no room for.
func (s *Store) checkRoom(ctx context.Context) error {
	err := s.room.problem()
	if s.room == nil {
		return nil
	}
	if was := s.room.told.Swap(err != nil); err != nil && !was {
		s.log.ErrorContext(ctx, "what the management API is told cannot be kept; what is served goes on", "error", err)
	}
	return err
}

package websocket

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// What backends do with connections.
const (
	// OpPost sends a text to the client.
	OpPost = "POST"
	// OpGet tells about the connection.
	OpGet = "GET"
	// OpDelete ends it.
	OpDelete = "DELETE"
)

// Command is what a backend asks of a connection, wherever that is.
type Command struct {
	Op         string `json:"op"`
	API        string `json:"api"`
	Stage      string `json:"stage"`
	Connection string `json:"connection"`
	// Data is what is sent to the client.
	Data string `json:"data,omitempty"`
}

// Result is what became of a Command.
type Result struct {
	// Status is that of the answer: 200, 204, 410 if there is no such connection, 429 if
	// the client reads too slowly.
	Status int `json:"status"`
	// Info is about the connection, for OpGet.
	Info *Info `json:"info,omitempty"`
}

// Info is what GetConnection tells.
type Info struct {
	ConnectedAt  string   `json:"connectedAt"`
	Identity     Identity `json:"identity"`
	LastActiveAt string   `json:"lastActiveAt"`
}

// Identity is who is connected.
type Identity struct {
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// manageTimeout is how long a command may take, that of a client which reads slowly
// included.
const manageTimeout = 15 * time.Second

// manage serves @connections. Who asks was let in by Envoy.
func (s *Server) manage(w http.ResponseWriter, r *http.Request, st *stage) {
	request := requestID(r)
	fail := func(status int, exception, message string) {
		w.Header().Set("X-Amzn-Errortype", exception)
		refuse(w, status, message, "", request)
	}
	// Envoy tells the path by a header: what a client sends may be none.
	path, _, _ := strings.Cut(r.Header.Get(wire.PathHeader), "?")
	_, escaped, _ := strings.Cut(path, "/@connections/")
	id, err := url.PathUnescape(escaped)
	if err != nil || !identifierForm.MatchString(id) {
		fail(http.StatusBadRequest, "BadRequestException", "Invalid connectionId: "+escaped)
		return
	}
	command := Command{Op: r.Method, API: st.key.api, Stage: st.key.stage, Connection: id}
	switch r.Method {
	case OpPost:
		body, err := io.ReadAll(io.LimitReader(r.Body, maxMessage+1))
		switch {
		case err != nil:
			fail(http.StatusBadRequest, "BadRequestException", "Bad Request")
			return
		case len(body) > maxMessage:
			fail(http.StatusRequestEntityTooLarge, "PayloadTooLargeException", "Message too long")
			return
		case !utf8.Valid(body):
			fail(http.StatusBadRequest, "BadRequestException", "The data is not UTF-8 text")
			return
		}
		command.Data = string(body)
	case OpGet, OpDelete:
	default:
		w.Header().Set("Allow", "DELETE, GET, POST")
		fail(http.StatusMethodNotAllowed, "MethodNotAllowedException", "Method Not Allowed")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), manageTimeout)
	defer cancel()
	result, err := s.carryOut(ctx, command)
	s.metrics.managed(command.Op, result.Status, err)
	if err != nil {
		s.warn("@connections cannot be served", "api", st.key.api, "stage", st.key.stage, "request", request, "error", err)
		fail(http.StatusInternalServerError, "InternalServerErrorException", messageInternal)
		return
	}
	w.Header().Set("X-Amzn-Requestid", request)
	switch result.Status {
	case http.StatusGone:
		// Amazon's has no message.
		w.Header().Set("X-Amzn-Errortype", "GoneException")
		w.WriteHeader(http.StatusGone)
	case http.StatusTooManyRequests:
		fail(http.StatusTooManyRequests, "LimitExceededException", messageThrottled)
	case http.StatusNoContent:
		w.WriteHeader(http.StatusNoContent)
	default:
		if result.Info == nil {
			w.WriteHeader(result.Status)
			return
		}
		text, err := lambdaevent.Marshal(result.Info)
		if err != nil {
			fail(http.StatusInternalServerError, "InternalServerErrorException", messageInternal)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text) // the caller may be gone
	}
}

// carryOut carries out a command here, or where the connection is.
func (s *Server) carryOut(ctx context.Context, command Command) (Result, error) {
	if c := s.connections.find(command.Connection); c != nil || s.directory == nil {
		return s.Execute(command), nil
	}
	result, err := s.directory.Ask(ctx, command)
	if errors.Is(err, ErrNobody) {
		return Result{Status: http.StatusGone}, nil
	}
	return result, err
}

// Execute carries out a command on a connection of this process.
func (s *Server) Execute(command Command) Result {
	gone := Result{Status: http.StatusGone}
	c := s.connections.find(command.Connection)
	if c == nil || c.about.stage != (stageKey{command.API, command.Stage}) || c.ending() != nil {
		return gone
	}
	switch command.Op {
	case OpPost:
		switch err := c.send([]byte(command.Data)); {
		case errors.Is(err, errSlow):
			return Result{Status: http.StatusTooManyRequests}
		case err != nil:
			return gone
		}
		s.meterMessage(c.about, len(command.Data))
		s.tellSent(c.about, "")
		return Result{Status: http.StatusOK}
	case OpDelete:
		c.shut(endDeleted)
		return Result{Status: http.StatusNoContent}
	}
	const layout = "2006-01-02T15:04:05.000Z"
	return Result{Status: http.StatusOK, Info: &Info{
		ConnectedAt:  c.about.connected.UTC().Format(layout),
		LastActiveAt: c.lastActive().UTC().Format(layout),
		Identity:     Identity{c.about.sourceIP, c.about.userAgent},
	}}
}

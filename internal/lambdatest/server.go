package lambdatest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// maxEvent is Lambda's bound on events and results.
const maxEvent = 6 << 20

// Server is where functions are called. It ends with the test.
type Server struct {
	// URL is the endpoint of the Invoke API.
	URL string

	t         testing.TB
	mu        sync.Mutex
	functions map[string]*function
	calls     int
}

// New starts a Server without functions.
func New(t testing.TB) *Server {
	s := &Server{t: t, functions: map[string]*function{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", s.invoke)
	mux.HandleFunc("POST /2021-11-15/functions/{name}/response-streaming-invocations", s.stream)
	api := httptest.NewServer(mux)
	s.URL = api.URL
	t.Cleanup(api.Close)
	return s
}

// Calls is how often functions were called.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// ARN is that of a function.
func ARN(name string) string { return "arn:aws:lambda:us-east-1:000000000000:function:" + name }

// invoke is the Invoke API.
func (s *Server) invoke(w http.ResponseWriter, r *http.Request) {
	f, event := s.find(w, r)
	if f == nil {
		return
	}
	result, failed, err := f.call(r.Context(), event, nil)
	if err != nil {
		return // The caller is gone.
	}
	if failed {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
	}
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	w.Header().Set("Content-Type", "application/json")
	w.Write(result)
}

// find gives the function that a request asks for, and the event; nil when it has refused
// the request.
func (s *Server) find(w http.ResponseWriter, r *http.Request) (*function, []byte) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=") {
		refuse(w, http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
		return nil, nil
	}
	name := strings.TrimPrefix(r.PathValue("name"), ARN(""))
	s.mu.Lock()
	s.calls++
	f := s.functions[name]
	s.mu.Unlock()
	if f == nil {
		refuse(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+ARN(name))
		return nil, nil
	}
	event, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", err.Error())
		return nil, nil
	}
	return f, event
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"Type":"User","Message":%q}`, message)
}

// function is one that runs in a process of its own, and works on one event at a time.
type function struct {
	name string
	// waiting are the calls that no process has taken yet.
	waiting chan *call

	mu      sync.Mutex
	taken   map[string]*call
	counter int
}

type call struct {
	event []byte
	// stream gets what is returned as it comes; nil for all at the end.
	stream *eventStream
	result chan ended
}

type ended struct {
	result []byte
	failed bool
}

func newFunction(name string) *function {
	return &function{name: name, waiting: make(chan *call), taken: map[string]*call{}}
}

// call has the function work on an event.
func (f *function) call(ctx context.Context, event []byte, stream *eventStream) (result []byte, failed bool, err error) {
	c := &call{event, stream, make(chan ended, 1)}
	select {
	case f.waiting <- c:
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	select {
	case e := <-c.result:
		return e.result, e.failed, nil
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}

// runtimeAPI is what the function's process speaks.
func (f *function) runtimeAPI(t testing.TB) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { f.end(w, r, false) })
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) { f.end(w, r, true) })
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", func(w http.ResponseWriter, r *http.Request) {
		report, _ := io.ReadAll(io.LimitReader(r.Body, maxEvent))
		t.Errorf("the function %s cannot be loaded: %s", f.name, report)
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

// next waits for a call.
func (f *function) next(w http.ResponseWriter, r *http.Request) {
	var c *call
	select {
	case c = <-f.waiting:
	case <-r.Context().Done():
		return
	}
	f.mu.Lock()
	f.counter++
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", f.counter)
	f.taken[id] = c
	f.mu.Unlock()
	w.Header().Set("Lambda-Runtime-Aws-Request-Id", id)
	w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
	w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", ARN(f.name))
	w.Header().Set("Content-Type", "application/json")
	w.Write(c.event)
}

// end takes in what became of a call.
func (f *function) end(w http.ResponseWriter, r *http.Request, failed bool) {
	f.mu.Lock()
	c := f.taken[r.PathValue("id")]
	delete(f.taken, r.PathValue("id"))
	f.mu.Unlock()
	if c == nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "no such invocation")
		return
	}
	if c.stream != nil && !failed {
		c.result <- c.stream.relay(r)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	result, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", err.Error())
		return
	}
	c.result <- ended{result, failed}
	w.WriteHeader(http.StatusAccepted)
}

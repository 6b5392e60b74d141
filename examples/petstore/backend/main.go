// Command backend is the petstore behind Gatehouse's examples: a small HTTP
// service that keeps its pets in memory and says its own name in every answer,
// so that one can see which of several backends a request has reached.
//
//	GET    /pets            list, ?kind= filters
//	POST   /pets            create
//	GET    /pets/{id}       one pet
//	DELETE /pets/{id}       remove it
//	GET    /pets/events     server-sent events, one a ?interval= (1s), ?count= of them (no end)
//	ANY    /echo/...        what the backend was sent
//	GET    /healthz         for health checks
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "petstore:", err)
		os.Exit(1)
	}
}

func run() error {
	addr := flag.String("addr", "127.0.0.1:9101", "address to listen on")
	name := flag.String("name", "petstore", "name told in the header x-served-by")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	server := &http.Server{
		Addr:              *addr,
		Handler:           newStore(*name),
		ReadHeaderTimeout: 10 * time.Second,
		// Ending the process ends the event streams, too.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	done := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		done <- server.Shutdown(grace)
	}()
	slog.Info("petstore is listening", "name", *name, "addr", *addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}

// Pet is what the store sells.
type Pet struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// store holds the pets and serves them.
type store struct {
	name string
	mux  *http.ServeMux

	mu   sync.Mutex
	pets map[int]Pet
	next int
}

func newStore(name string) *store {
	s := &store{name: name, mux: http.NewServeMux(), next: 4, pets: map[int]Pet{
		1: {1, "Rex", "dog"},
		2: {2, "Mia", "cat"},
		3: {3, "Coco", "parrot"},
	}}
	s.mux.HandleFunc("GET /pets", s.list)
	s.mux.HandleFunc("POST /pets", s.create)
	s.mux.HandleFunc("GET /pets/{id}", s.get)
	s.mux.HandleFunc("DELETE /pets/{id}", s.remove)
	s.mux.HandleFunc("GET /pets/events", s.events)
	s.mux.HandleFunc("/echo/", s.echo)
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Served-By", s.name)
	s.mux.ServeHTTP(w, r)
}

func (s *store) list(w http.ResponseWriter, r *http.Request) {
	kind := r.URL.Query().Get("kind")
	s.mu.Lock()
	pets := slices.SortedFunc(maps.Values(s.pets), func(a, b Pet) int { return cmp.Compare(a.ID, b.ID) })
	s.mu.Unlock()
	if kind != "" {
		pets = slices.DeleteFunc(pets, func(p Pet) bool { return p.Kind != kind })
	}
	reply(w, http.StatusOK, pets)
}

func (s *store) create(w http.ResponseWriter, r *http.Request) {
	var pet Pet
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&pet); err != nil || pet.Name == "" {
		fail(w, http.StatusBadRequest, "a pet is a JSON object with a name")
		return
	}
	s.mu.Lock()
	pet.ID = s.next
	s.next++
	s.pets[pet.ID] = pet
	s.mu.Unlock()
	w.Header().Set("Location", fmt.Sprintf("/pets/%d", pet.ID))
	reply(w, http.StatusCreated, pet)
}

func (s *store) get(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.PathValue("id"))
	s.mu.Lock()
	pet, ok := s.pets[id]
	s.mu.Unlock()
	if !ok {
		fail(w, http.StatusNotFound, "no such pet")
		return
	}
	reply(w, http.StatusOK, pet)
}

func (s *store) remove(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.Atoi(r.PathValue("id"))
	s.mu.Lock()
	_, ok := s.pets[id]
	delete(s.pets, id)
	s.mu.Unlock()
	if !ok {
		fail(w, http.StatusNotFound, "no such pet")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// events streams what the pets are doing, each event as soon as it happens.
func (s *store) events(w http.ResponseWriter, r *http.Request) {
	interval, err := time.ParseDuration(cmp.Or(r.URL.Query().Get("interval"), "1s"))
	if err != nil || interval <= 0 {
		fail(w, http.StatusBadRequest, "interval is a duration such as 500ms")
		return
	}
	count, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("count"), "0"))
	if err != nil {
		fail(w, http.StatusBadRequest, "count is a number")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	doings := []string{"Rex barks", "Mia sleeps", "Coco talks"}
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for n := 1; ; n++ {
		fmt.Fprintf(w, "id: %d\ndata: %s\n\n", n, doings[(n-1)%len(doings)])
		if http.NewResponseController(w).Flush() != nil || n == count {
			return
		}
		select {
		case <-ticks.C:
		case <-r.Context().Done():
			return
		}
	}
}

// echo answers with the request as it arrived here, behind the gateway.
func (s *store) echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		fail(w, http.StatusRequestEntityTooLarge, "the body is larger than 1 MiB")
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"method":  r.Method,
		"host":    r.Host,
		"path":    r.URL.EscapedPath(),
		"query":   r.URL.Query(),
		"headers": r.Header,
		"body":    string(body),
	})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client has gone when this fails; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, message string) {
	reply(w, status, map[string]string{"error": message})
}

package integration

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"gatehouse/gateway"
	"gatehouse/integration/stagecache"
	"gatehouse/integration/upstream"
	"gatehouse/internal/amazon"
	"gatehouse/internal/executionlog"
	"gatehouse/internal/lambda"
	"gatehouse/internal/obs"
	"gatehouse/internal/wire"
)

// Invoker calls Lambda functions: a *lambda.Client. Its errors are those of
// lambda.Client.Invoke.
type Invoker interface {
	Invoke(ctx context.Context, target lambda.Target, event []byte) ([]byte, error)
	// Start has a function called that nobody waits for.
	Start(ctx context.Context, target lambda.Target, event []byte) error
}

const (
	// maxHeaderBytes bounds a request's headers: those of the client, which Envoy limits
	// to 60 KiB, and what an authorizer may answer, escaped.
	maxHeaderBytes = 1 << 20
	// maxStreams is how many requests may be under way on one connection. Envoys open
	// another one when there are more.
	maxStreams = 1000
)

// Options configure a Server. The zero value of each means its default.
type Options struct {
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
	// Lambda calls functions; a lambda.Client by default.
	Lambda Invoker
	// WebSocket serves WebSocket APIs, for which Envoys come by HTTP/1.1; nil for nobody.
	WebSocket http.Handler
	// MCP answers what Envoys ask about messages to MCP endpoints; nil for nobody.
	MCP http.Handler
	// Streams calls functions whose answers are streamed; a lambda.Client by default.
	Streams Streamer
	// MemoryBytes bounds what all requests hold together of bodies, events and results:
	// 512 MiB by default, or half of GOMEMLIMIT if that is less.
	MemoryBytes int64
	// Patience is how long a request waits for memory that others hold, 5 seconds by default.
	Patience time.Duration
	// Cache keeps answers for the caches of stages; one in memory by default.
	Cache stagecache.Store
	// Cached is told of each request to a route whose answers are kept, before it is answered,
	// and whether there was one: hit, miss, or refresh; nil for nobody.
	Cached func(requestID, result string)
	// Executed is told what was done with a request of a stage that keeps accounts of them,
	// when it has been answered; nil for nobody.
	Executed func(*executionlog.Account)
	// MaxWait is how long a request waits for the answer that another one fetches, 5
	// seconds by default.
	MaxWait time.Duration
	// Now is the clock, time.Now by default.
	Now func() time.Time
	// Tracer makes spans of requests that Envoys have sampled; nil for none.
	Tracer trace.Tracer
}

// Server is the integration service. It is safe for concurrent use.
type Server struct {
	log     *slog.Logger
	now     func() time.Time
	lambda  Invoker
	streams Streamer
	metrics *metrics
	memory  *memory
	cache   stagecache.Store
	flights stagecache.Flights
	maxWait time.Duration
	cached  func(requestID, result string)
	// executed may be nil.
	executed func(*executionlog.Account)
	serving  atomic.Pointer[serving]
	// services are found by the one, and called over the other.
	services  *amazon.Client
	transport http.RoundTripper
	// upstreams are the backends that are called over HTTP.
	upstreams upstream.Pools
	// webSocket serves what comes by HTTP/1.1.
	webSocket http.Handler
	mcp       http.Handler
	http      *http.Server
	tracer    trace.Tracer
}

// serving is what answers: a revision, and the one before it.
type serving struct{ current, previous *Compiled }

// New makes a Server that knows no routes until the first Swap.
func New(o Options) *Server {
	o.Log = cmp.Or(o.Log, slog.Default())
	if o.Now == nil {
		o.Now = time.Now
	}
	// A function that was called may have done its work though the answer was lost: only the
	// client knows whether to ask again.
	transport := obs.Transport(amazon.NewTransport())
	services := amazon.New(transport)
	client := lambda.New(lambda.Options{Attempts: 1, Transport: transport, AWS: services})
	if o.Lambda == nil {
		o.Lambda = client
	}
	if o.Streams == nil {
		o.Streams = client
	}
	if o.Cache == nil {
		o.Cache = stagecache.NewMemory(o.Now)
	}
	s := &Server{
		log: o.Log, now: o.Now, lambda: o.Lambda, streams: o.Streams, services: services, transport: transport,
		metrics: newMetrics(o.Registerer), memory: newMemory(o.MemoryBytes, cmp.Or(o.Patience, defaultPatience)),
		webSocket: o.WebSocket, mcp: o.MCP, cache: o.Cache, maxWait: cmp.Or(o.MaxWait, defaultMaxWait), tracer: o.Tracer, cached: o.Cached, executed: o.Executed,
	}
	s.serving.Store(&serving{})
	protocols := &http.Protocols{}
	// By HTTP/1.1 come WebSockets, and where this is at a socket of the machine requests of
	// routes. By TCP browsers speak it, too: see throughBrowser.
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	protocols.SetHTTP2(true)
	s.http = &http.Server{
		Handler:        s,
		Protocols:      protocols,
		HTTP2:          &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		MaxHeaderBytes: maxHeaderBytes,
		// Envoys send their headers at once.
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// Serve answers on a socket until Close. The connections of a TLS socket have to
// negotiate "h2".
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends what is under way when the context does, and all else at once.
func (s *Server) Close(ctx context.Context) error {
	defer s.upstreams.Keep(nil)
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

// Compile makes ready what a snapshot needs to be served. It has no other effect.
func (s *Server) Compile(snapshot *gateway.Snapshot) (*Compiled, gateway.Diagnostics) {
	return compile(snapshot, s.serving.Load().current)
}

// Swap takes a compiled revision into use, for every request that begins from now on.
// Routes that it does not know are those of the revision before, since Envoys go on to
// use those for a moment. The function that it returns goes back to how it was.
func (s *Server) Swap(c *Compiled) (back func()) {
	before := s.serving.Load()
	next := &serving{current: c, previous: before.current}
	if before.current == c {
		next.previous = before.previous
	}
	s.serving.Store(next)
	s.upstreams.Keep(next.upstreams())
	s.cache.Keep(next.cachedStages())
	return func() { s.serving.CompareAndSwap(next, before) }
}

// upstreams are the keys of those that the revisions call.
func (s *serving) upstreams() map[string]bool {
	wanted := map[string]bool{}
	for _, c := range []*Compiled{s.current, s.previous} {
		if c != nil {
			maps.Copy(wanted, c.upstreams)
		}
	}
	return wanted
}

// find gives the route that an Envoy means, and whose it is; nil if there is none.
func (s *serving) find(id wire.RouteIdentity) (*route, *Compiled) {
	for _, c := range []*Compiled{s.current, s.previous} {
		if c == nil {
			continue
		}
		if st := c.stages[stageKey{id.API, id.Stage, id.Canary}]; st != nil {
			if r := st.routes[id.Route]; r != nil {
				return r, c
			}
		}
	}
	return nil, nil
}

// routeHeader is wire.RouteHeader as net/http spells it.
var routeHeader = http.CanonicalHeaderKey(wire.RouteHeader)

// ServeHTTP answers Envoy's requests, and its health checks.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	identities := r.Header[routeHeader]
	switch {
	case s.mcp != nil && asksByGRPC(r):
		s.mcp.ServeHTTP(w, r)
		return
	case len(identities) == 0:
		s.serveOthers(w, r)
		return
	}
	id, ok := wire.ParseRouteIdentity(identities[0])
	if r.ProtoMajor == 1 {
		switch {
		case s.webSocket != nil && (id.Route == gateway.ConnectRoute || id.Route == gateway.ConnectionsRoute):
			s.webSocket.ServeHTTP(w, r)
			return
		case throughBrowser(r):
			http.Error(w, "this is for the gateway's own Envoys", http.StatusNotFound)
			return
		}
		if r.ContentLength != 0 {
			// An answer may begin before the request ends, as it may by HTTP/2.
			_ = http.NewResponseController(w).EnableFullDuplex()
		}
	}
	if given := r.Header.Get("X-Amzn-Trace-Id"); given != "" {
		r = r.WithContext(obs.WithXRay(r.Context(), given))
	}
	x := &exchange{server: s, w: w, memory: share{of: s.memory}}
	if given := r.Header.Get("Traceparent"); given != "" && s.tracer != nil {
		ctx, span := obs.Span(r.Context(), s.tracer, given, "integration "+id.Route, attribute.String("gatehouse.api", id.API), attribute.String("gatehouse.stage", id.Stage))
		defer func() {
			// Who has left is told nothing, and nobody has made a mistake.
			if x.failed != gone.name {
				obs.Answered(span, x.status, x.failed)
			}
			span.End()
		}()
		r = r.WithContext(ctx)
	}
	x.request = r
	defer x.memory.end()
	// Several are not what our Envoys send.
	if ok && len(identities) == 1 {
		x.route, x.compiled = s.serving.Load().find(id)
	}
	begin := time.Now()
	defer func() {
		if mistake := recover(); mistake != nil {
			if mistake == http.ErrAbortHandler {
				s.metrics.answered(x, time.Since(begin))
				panic(mistake)
			}
			s.log.Error("a mistake in gatehouse: please report it", "panic", mistake, "request", x.id(), "stack", string(debug.Stack()))
			if x.status != 0 {
				// Something of an answer is on its way: it must not look complete.
				panic(http.ErrAbortHandler)
			}
			x.fail(internalError, "a mistake in gatehouse")
		}
		s.metrics.answered(x, time.Since(begin))
	}()
	if x.route == nil {
		x.fail(unknownRoute, "Envoy asks for a route that this process does not know")
		return
	}
	x.base = id.Base
	x.readClient()
	if s.executed != nil && x.route.execution.Errors() {
		x.account(id)
		defer x.accounted(id)
	}
	x.route.handler.serve(x)
}

// throughBrowser reports whether a request of HTTP/1.1 may be a browser's: it can be made to
// send any header to what it takes for the site of a page, and that may be an address of this
// machine. Envoys come by HTTP/2, which browsers speak with TLS alone, or by a socket of the
// machine, which they do not reach.
func throughBrowser(r *http.Request) bool {
	address, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return address == nil || address.Network() != "unix"
}

// asksByGRPC reports whether an Envoy asks about a message, and sends no request.
func asksByGRPC(r *http.Request) bool {
	return r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") && strings.HasPrefix(r.URL.Path, "/envoy.service.")
}

// serveOthers is for who is no Envoy with a request.
func (s *Server) serveOthers(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != wire.IntegrationHealthPath:
		http.Error(w, "this is for the gateway's own Envoys", http.StatusNotFound)
	case s.serving.Load().current == nil:
		http.Error(w, "there is nothing to serve yet", http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusOK)
	}
}

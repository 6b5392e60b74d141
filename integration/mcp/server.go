package mcp

import (
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"gatehouse/internal/wire"
)

const (
	// maxBody bounds a message, and an answer of the API: no agent reads more.
	maxBody = 1 << 20
	// maxHeld bounds what all messages under way hold together.
	maxHeld = 256 << 20
	// defaultPatience is how long a client may take to send a message.
	defaultPatience = 30 * time.Second
)

// Options configure a Server. The zero value of each means its default.
type Options struct {
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
	// Patience is how long a client may take to send a message, 30 seconds by default.
	Patience time.Duration
}

// Server answers Envoys about messages to MCP endpoints. It is safe for concurrent use.
type Server struct {
	extprocv3.UnimplementedExternalProcessorServer
	log      *slog.Logger
	patience time.Duration
	grpc     *grpc.Server
	messages *prometheus.CounterVec
	serving  atomic.Pointer[serving]
	// held is how many bytes of messages and answers are in memory.
	held atomic.Int64
}

// serving is what answers: a revision, and the one before it, whose routes Envoys go on to
// use for a moment.
type serving struct{ current, previous *Compiled }

// New makes a Server that knows no endpoints until the first Swap.
func New(o Options) *Server {
	s := &Server{log: o.Log, patience: o.Patience}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.patience == 0 {
		s.patience = defaultPatience
	}
	s.messages = promauto.With(o.Registerer).NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_mcp_messages_total", Help: "Messages to MCP endpoints, by what became of them: answered, accepted, called, mistaken, refused, broken.",
	}, []string{"outcome"})
	s.serving.Store(&serving{})
	s.grpc = grpc.NewServer()
	extprocv3.RegisterExternalProcessorServer(s.grpc, s)
	return s
}

// Swap takes a compiled revision into use. The function that it returns goes back to how it
// was.
func (s *Server) Swap(c *Compiled) (back func()) {
	before := s.serving.Load()
	next := &serving{current: c, previous: before.current}
	if before.current == c {
		next.previous = before.previous
	}
	s.serving.Store(next)
	return func() { s.serving.CompareAndSwap(next, before) }
}

// ServeHTTP answers an Envoy on the socket of the integration service.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.grpc.ServeHTTP(w, r) }

// Process answers an Envoy about one message.
func (s *Server) Process(stream extprocv3.ExternalProcessor_ProcessServer) error {
	about, _ := metadata.FromIncomingContext(stream.Context())
	identities := about.Get(wire.RouteHeader)
	if len(identities) != 1 {
		return status.Error(codes.InvalidArgument, "this is for the gateway's own Envoys")
	}
	id, ok := wire.ParseRouteIdentity(identities[0])
	if !ok {
		return status.Error(codes.InvalidArgument, "this is for the gateway's own Envoys")
	}
	x := &exchange{server: s, stream: stream, base: id.Base, endpoint: s.serving.Load().find(id)}
	defer func() { s.held.Add(-x.held) }()
	outcome, err := x.run()
	if err != nil && stream.Context().Err() == nil {
		s.log.Error("a message to an MCP endpoint was not worked off", "api", id.API, "stage", id.Stage, "error", err)
		outcome = "broken"
	}
	if outcome != "" {
		s.messages.WithLabelValues(outcome).Inc()
	}
	return err
}

func (s *serving) find(id wire.RouteIdentity) *endpoint {
	for _, c := range []*Compiled{s.current, s.previous} {
		if c != nil {
			if e := c.endpoints[endpointKey{id.API, id.Stage}]; e != nil {
				return e
			}
		}
	}
	return nil
}

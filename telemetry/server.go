package telemetry

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"gatehouse/gateway"
	"gatehouse/internal/executionlog"
	"gatehouse/internal/wire"
)

// Options configure a Server. The zero value of each means its default.
type Options struct {
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
	// Stdout is where access logs go whose destination is stdout, os.Stdout by default.
	Stdout io.Writer
	// Collector gives what sends the lines of a stage's log to a collector, by its kind, which is
	// "access" or "execution"; nil without a collector. The error of a Write is that the
	// collector has not taken the lines.
	Collector func(kind, api, stage string) io.Writer
	// MaxBuffered bounds the bytes that wait to be written to each destination, 8 MiB by
	// default. Lines beyond that are dropped, and counted.
	MaxBuffered int
	// MaxSeries bounds the sets of labels of the metrics about APIs, 5,000 by default.
	// Stages and routes beyond that are counted together.
	MaxSeries int
	// Meter counts what bills are made of; nil for nobody.
	Meter Meter
	// History keeps what people look at; nil for nobody.
	History History
	// Now is the clock, time.Now by default.
	Now func() time.Time
	// Alone says that no Envoy tells this process about requests: what the integration
	// service tells of them is written at once.
	Alone bool
	// Minutes tells that another one is over, for what is metered by time; the clock does if
	// there is none.
	Minutes <-chan time.Time
}

// Server is what Envoys tell about requests, as OpenTelemetry's service for logs. It is safe
// for concurrent use.
type Server struct {
	log     *slog.Logger
	metrics *metrics
	logs    *destinations
	serving atomic.Pointer[serving]
	metered Meter
	history History
	now     func() time.Time
	cached  cacheResults
	// accounts wait for Envoys unless the server is alone.
	accounts accounts
	alone    bool

	maxSeries int
	ended     chan struct{}
	endOnce   sync.Once
	// mu guards receiving against being added to once it is waited for.
	mu        sync.Mutex
	receiving sync.WaitGroup
	// batches are those that nobody fills at the moment.
	batches sync.Pool
}

// serving is what requests are understood by: a revision, and the one before it.
type serving struct{ current, previous *Compiled }

// New makes a Server that knows no stage until the first Swap.
func New(o Options) *Server {
	o.Log = cmp.Or(o.Log, slog.Default())
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	m := newMetrics(o.Registerer)
	s := &Server{
		log: o.Log, metrics: m, ended: make(chan struct{}),
		logs:      newDestinations(&o, m),
		maxSeries: cmp.Or(o.MaxSeries, 5000), metered: o.Meter, history: o.History, now: o.Now, alone: o.Alone,
		batches: sync.Pool{New: func() any { return newBatch() }},
	}
	s.serving.Store(&serving{})
	if s.metered != nil {
		go s.meterCaches(cmp.Or(o.Minutes, time.Tick(time.Minute)))
	}
	return s
}

// Register adds the service to a gRPC server.
func (s *Server) Register(r grpc.ServiceRegistrar) {
	r.RegisterService(&grpc.ServiceDesc{
		ServiceName: wire.TelemetryService,
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Export", Handler: s.export}},
	}, s)
}

// Close writes what is still to be written of what was received, as long as the context
// lets it.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.endOnce.Do(func() { close(s.ended) })
	s.mu.Unlock()
	received := make(chan struct{})
	go func() { s.receiving.Wait(); close(received) }()
	select {
	case <-received:
	case <-ctx.Done():
		return ctx.Err()
	}
	s.writeAccounts(s.accounts.rest())
	defer s.logs.tellMissing()
	return s.logs.close(ctx)
}

// Swap takes a compiled revision into use. Routes that it does not know are understood by
// the revision before, since Envoys go on to tell about those for a moment. The function
// that it returns goes back to how it was.
func (s *Server) Swap(c *Compiled) (back func()) {
	before := s.serving.Load()
	next := &serving{current: c, previous: before.current}
	if before.current == c {
		next.previous = before.previous
	}
	s.serving.Store(next)
	s.metrics.keepOnly(next.current, next.previous)
	s.logs.rest(next.current, next.previous)
	return func() { s.serving.CompareAndSwap(next, before) }
}

// export takes what an Envoy tells. It waits for nothing but for its turn at the processor.
func (s *Server) export(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	s.mu.Lock()
	select {
	case <-s.ended:
		s.mu.Unlock()
		return nil, status.Error(codes.Unavailable, "the telemetry service ends")
	default:
	}
	s.receiving.Add(1)
	s.mu.Unlock()
	defer s.receiving.Done()
	// A message that knows no fields keeps the bytes of all.
	var message emptypb.Empty
	if err := decode(&message); err != nil {
		return nil, err
	}
	b := s.batches.Get().(*batch)
	s.handle(b, export(message.ProtoReflect().GetUnknown()))
	s.batches.Put(b)
	return &collogspb.ExportLogsServiceResponse{}, nil
}

// handle deals with what an Envoy tells at once. It does not wait for anything.
func (s *Server) handle(b *batch, message export) {
	now, node := s.serving.Load(), message.node()
	for e := range message.entries() {
		if e == nil {
			s.metrics.notUnderstood.Inc()
			continue
		}
		r := now.request(e)
		s.metrics.count(r)
		s.meter(r)
		var account []executionlog.Entry
		log, detail := r.execution()
		if log != nil {
			expected := r.stage.api.Protocol != gateway.WebSocket && r.servedByService() && (detail.Steps() || r.responseType() != "")
			account = r.account(detail, s.accounts.take(requestID(r), expected))
		}
		s.record(&b.told, node, r, account)
		if r.stage != nil && r.stage.log != nil && !r.servedConnection() {
			b.add(r.stage.log, r)
		}
		if log != nil {
			b.addExecution(log, r.logged.Canary, requestID(r), account)
		}
	}
	b.flush()
}

// request finds out which stage and route a request was for.
func (n *serving) request(e *logEntry) *request {
	r := newRequest(e)
	r.compiled, r.stage, r.route = n.find(r.logged)
	return r
}

// find gives the stage and the route of a request or an event, by the last revision that knows
// the route, or else by the last one that knows the stage: no stage where none does, and no
// route where it has none.
func (n *serving) find(of wire.LoggedRoute) (by *Compiled, st *stage, rt *route) {
	for _, c := range [...]*Compiled{n.current, n.previous} {
		if c == nil {
			continue
		}
		known := c.stages[stageKey{of.API, of.Stage}]
		if known == nil {
			continue
		}
		if rt = known.deployment(of.Canary).routes[of.Route]; rt != nil {
			return c, known, rt
		}
		if st == nil {
			by, st = c, known
		}
	}
	return by, st, nil
}

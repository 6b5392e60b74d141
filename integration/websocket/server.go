package websocket

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"gatehouse/gateway"
	"gatehouse/integration/upstream"
	"gatehouse/internal/amazon"
	"gatehouse/internal/lambda"
	"gatehouse/telemetry/socket"
)

// Options configure a Server. The zero value of each means its default.
type Options struct {
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
	// Lambda calls functions; a lambda.Client by default.
	Lambda Invoker
	// Directory finds the connections of other processes; nil where there are none.
	Directory Directory
	// Meter counts what bills are made of; nil for nobody.
	Meter Meter
	// Observer is told what happens; nil for nobody.
	Observer socket.Observer
	Limits   Limits
}

// Server serves WebSocket APIs. It is safe for concurrent use.
type Server struct {
	log       *slog.Logger
	callers   callers
	directory Directory
	limits    Limits
	metrics   *metrics
	meter     Meter
	observer  socket.Observer
	warned    atomic.Int64

	serving     atomic.Pointer[Compiled]
	connections connections
	budget      *byteBudget
	// values are how many there may be in messages that models are held against.
	values    *semaphore.Weighted
	throttles throttles
	calls     calls

	// running is for what goes on after a request: it ends with the server.
	running   context.Context
	stop      context.CancelFunc
	admission sync.Mutex
	// open counts connections from their first request to the end of their $disconnect.
	open   int
	closed bool
	// ending waits for those, and for their messages.
	ending sync.WaitGroup
}

// New makes a Server that refuses everything until the first Swap.
func New(o Options) *Server {
	o.Limits.setDefaults()
	transport := amazon.NewTransport()
	services := amazon.New(transport)
	if o.Lambda == nil {
		o.Lambda = lambda.New(lambda.Options{Transport: transport, AWS: services})
	}
	s := &Server{
		log: cmp.Or(o.Log, slog.Default()), directory: o.Directory, limits: o.Limits, meter: o.Meter, observer: o.Observer,
		budget: newByteBudget(o.Limits.MessageBytes), values: semaphore.NewWeighted(maxMessageValues), throttles: throttles{buckets: map[bucketKey]*bucket{}},
		calls: calls{limit: o.Limits.Calls, slots: map[stageKey]chan struct{}{}},
	}
	s.callers = callers{invoker: o.Lambda, services: services, transport: transport, backends: &upstream.Pools{}}
	s.metrics = newMetrics(o.Registerer, func() float64 { return float64(s.connections.len()) })
	s.running, s.stop = context.WithCancel(context.Background())
	s.serving.Store(&Compiled{})
	if o.Directory != nil {
		o.Directory.Start(s)
	}
	return s
}

// Compile makes ready what a snapshot needs to be served. It has no other effect.
func (s *Server) Compile(snapshot *gateway.Snapshot) (*Compiled, gateway.Diagnostics) {
	return compile(snapshot, s.callers)
}

// Swap takes a compiled revision into use: for those who connect, and for the next
// message of those who are connected. Connections of stages that are no more end. The
// function that it returns goes back to how it was.
func (s *Server) Swap(c *Compiled) (back func()) {
	before := s.serving.Swap(c)
	s.throttles.keepOnly(c.stages)
	s.calls.keepOnly(c.stages)
	wanted := maps.Clone(c.upstreams)
	maps.Copy(wanted, before.upstreams)
	s.callers.backends.Keep(wanted)
	for _, open := range s.connections.all() {
		if c.stages[open.about.stage] == nil {
			open.shut(endShutdown)
		}
	}
	return func() { s.serving.CompareAndSwap(c, before) }
}

func (s *Server) stage(key stageKey) *stage { return s.serving.Load().stages[key] }

// Close ends all connections, and waits for their $disconnect as long as the context
// lasts.
func (s *Server) Close(ctx context.Context) {
	s.admission.Lock()
	s.closed = true
	s.admission.Unlock()
	for _, c := range s.connections.all() {
		c.shut(endShutdown)
	}
	done := make(chan struct{})
	go func() { s.ending.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		s.log.Warn("connections of WebSocket APIs end without their $disconnect")
	}
	s.stop()
	s.callers.backends.Keep(nil)
	if s.directory != nil {
		s.directory.Close()
	}
}

// admit counts a connection that is about to be made, if there is room. Then leave is
// due at its very end.
func (s *Server) admit() bool {
	s.admission.Lock()
	defer s.admission.Unlock()
	if s.closed || s.open >= s.limits.Connections {
		return false
	}
	s.open++
	s.ending.Add(1)
	return true
}

func (s *Server) leave() {
	s.admission.Lock()
	s.open--
	s.admission.Unlock()
	s.ending.Done()
}

func (s *Server) isClosed() bool {
	s.admission.Lock()
	defer s.admission.Unlock()
	return s.closed
}

// warn tells of a failure that is for somebody to see to, at most one a second: the
// others are counted.
func (s *Server) warn(message string, args ...any) {
	now := time.Now().Unix()
	if before := s.warned.Load(); before != now && s.warned.CompareAndSwap(before, now) {
		s.log.Warn(message, args...)
		return
	}
	s.log.Debug(message, args...)
}

// connections are those of this process.
type connections struct {
	mu   sync.RWMutex
	byID map[string]*connection
	// open is how many stages have, of those that have any.
	open map[stageKey]int
}

// add takes in a connection. No two have the same id.
func (cs *connections) add(c *connection) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.byID == nil {
		cs.byID, cs.open = map[string]*connection{}, map[stageKey]int{}
	}
	cs.byID[c.about.id] = c
	cs.open[c.about.stage]++
}

func (cs *connections) remove(id string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.byID[id]
	if c == nil {
		return
	}
	delete(cs.byID, id)
	if cs.open[c.about.stage]--; cs.open[c.about.stage] == 0 {
		delete(cs.open, c.about.stage)
	}
}

func (cs *connections) find(id string) *connection {
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	return cs.byID[id]
}

func (cs *connections) len() int {
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	return len(cs.byID)
}

// Open is how many clients are connected to a stage by this process; to all stages of an API
// where none is named.
func (s *Server) Open(api, stage string) (n int) {
	cs := &s.connections
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	if stage != "" {
		return cs.open[stageKey{api, stage}]
	}
	for key, open := range cs.open {
		if key.api == api {
			n += open
		}
	}
	return n
}

func (cs *connections) all() []*connection {
	cs.mu.RLock()
	defer cs.mu.RUnlock()
	list := make([]*connection, 0, len(cs.byID))
	for _, c := range cs.byID {
		list = append(list, c)
	}
	return list
}

// calls bound what stages ask of their integrations at once: one whose backend hangs must
// not hold up the others.
type calls struct {
	limit int
	mu    sync.Mutex
	slots map[stageKey]chan struct{}
}

// begin waits for a turn. The function that it gives ends it.
func (c *calls) begin(ctx context.Context, key stageKey) (end func(), _ error) {
	c.mu.Lock()
	slots := c.slots[key]
	if slots == nil {
		slots = make(chan struct{}, c.limit)
		c.slots[key] = slots
	}
	c.mu.Unlock()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *calls) keepOnly(stages map[stageKey]*stage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.slots {
		if stages[key] == nil {
			delete(c.slots, key)
		}
	}
}

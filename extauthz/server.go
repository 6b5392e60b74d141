package extauthz

import (
	"cmp"
	"context"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"
	"google.golang.org/grpc"

	"gatehouse/gateway"
	"gatehouse/internal/amazon"
	"gatehouse/internal/introspection"
	"gatehouse/internal/lambda"
	"gatehouse/internal/obs"
	"gatehouse/internal/wire"
)

// Invoker calls Lambda functions: a *lambda.Client. Its errors are those of
// lambda.Client.Invoke.
type Invoker interface {
	Invoke(ctx context.Context, target lambda.Target, event []byte) ([]byte, error)
}

// Introspector asks about tokens: an *introspection.Client. Its errors are those of
// introspection.Client.Introspect.
type Introspector interface {
	Introspect(ctx context.Context, target introspection.Target, token string) (*introspection.Answer, error)
}

// MaxMessageBytes is what a gRPC server needs to take: a check may bring a request's
// whole body, which is 10 MiB at most, and its headers.
const MaxMessageBytes = 11 << 20

// maxAnswerBytes is what an authorizer may answer. Amazon keeps 8 KB of it for
// WebSocket APIs, and states no bound for the others.
const maxAnswerBytes = 256 << 10

// Options configure a Server. The zero value of each means its default.
type Options struct {
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
	// Lambda calls the functions of authorizers; a lambda.Client by default.
	Lambda Invoker
	// Introspection asks about opaque tokens; an introspection.Client by default.
	Introspection Introspector
	// Now is the clock, time.Now by default.
	Now func() time.Time
	// Tracer makes spans of checks that Envoys have sampled; nil for none.
	Tracer trace.Tracer
	// RESTTimeout and HTTPTimeout are how long an authorizer may take: 29 and 10
	// seconds, which are Amazon's bounds.
	RESTTimeout, HTTPTimeout time.Duration
	// IntrospectionTimeout is how long an introspection endpoint may take: 5 seconds.
	IntrospectionTimeout time.Duration
	// CacheEntries and CacheBytes bound the authorizers' answers that are kept for each
	// API: 10,000 of them and 64 MiB, and as much again of what is known about tokens.
	// Refusals have an eighth of that for themselves.
	CacheEntries int
	CacheBytes   int
	// Concurrency is how many calls of its authorizers an API may have under way, 500
	// by default; as many again may wait for their turn ten times over.
	Concurrency int
}

// Server is Envoy's authorization service. It is safe for concurrent use.
type Server struct {
	authv3.UnimplementedAuthorizationServer
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics
	runtime *authorizerRuntime
	serving atomic.Pointer[serving]
	// warnings are of refusals with a 500: those are somebody's mistake, and for everyone
	// to see, while the others are what the gateway is there for.
	warnings sparing
	// bodies are looked at together as far as there is room for what is in them.
	bodies *semaphore.Weighted
	tracer trace.Tracer
}

// serving is what decides: a revision, and the one before it.
type serving struct{ current, previous *Compiled }

var _ authv3.AuthorizationServer = (*Server)(nil)

// New makes a Server that refuses everything until the first Swap.
func New(o Options) *Server {
	o.Log = cmp.Or(o.Log, slog.Default())
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Lambda == nil {
		o.Lambda = lambda.New(lambda.Options{MaxResponseBytes: maxAnswerBytes, Transport: obs.Transport(amazon.NewTransport())})
	}
	if o.Introspection == nil {
		o.Introspection = introspection.New()
	}
	s := &Server{log: o.Log, now: o.Now, metrics: newMetrics(o.Registerer), bodies: semaphore.NewWeighted(maxBodyValues), tracer: o.Tracer}
	s.runtime = newAuthorizerRuntime(o, s.metrics)
	s.serving.Store(&serving{})
	return s
}

// Register adds the service to a gRPC server, which has to take MaxMessageBytes. It answers
// with less work if the server has encoded.ServerOption.
func (s *Server) Register(r grpc.ServiceRegistrar) { r.RegisterService(&service, s) }

// Close ends the calls of functions that are under way. Checks that wait for them are
// refused.
func (s *Server) Close() { s.runtime.close() }

// Compile makes ready what a snapshot needs to be served, using again what did not
// change since the revision that is served now. It has no other effect.
func (s *Server) Compile(snapshot *gateway.Snapshot) (*Compiled, gateway.Diagnostics) {
	return compile(snapshot, s.serving.Load().current)
}

// Swap takes a compiled revision into use, for every check that begins from now on.
// Routes that it does not know are answered by the revision before, since Envoys go on
// to use those for a moment. The function that it returns goes back to how it was.
func (s *Server) Swap(c *Compiled) (back func()) {
	before := s.serving.Load()
	next := &serving{current: c, previous: before.current}
	if before.current == c {
		next.previous = before.previous
	}
	s.serving.Store(next)
	s.runtime.keepOnly(func(api string) bool { return next.current.has(api) || next.previous.has(api) })
	return func() { s.serving.CompareAndSwap(next, before) }
}

// Check implements authv3.AuthorizationServer. It gives no errors: what Envoy does with
// those depends on its configuration, and a refusal does not.
func (s *Server) Check(ctx context.Context, r *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return s.answer(ctx, r).CheckResponse, nil
}

func (s *Server) answer(ctx context.Context, r *authv3.CheckRequest) (answer *response) {
	c := &check{request: newRequest(ctx, r.GetAttributes()), runtime: s.runtime, bodies: s.bodies, now: s.now()}
	defer func() {
		if mistake := recover(); mistake != nil {
			s.log.Error("a mistake in gatehouse: please report it", "panic", mistake, "request", c.id(), "stack", string(debug.Stack()))
			answer = s.refuse(c, "", refuse(CodeInternal, gateway.APIConfigurationError))
		}
	}()
	if !s.find(c, r.GetAttributes().GetContextExtensions()) {
		return s.refuse(c, "", refuse(CodeUnknownRoute, gateway.APIConfigurationError))
	}
	if s.tracer != nil {
		var span trace.Span
		ctx, span = obs.CallSpan(ctx, s.tracer, "authorization", attribute.String("gatehouse.route", c.describe()))
		defer func() {
			answer.tell(span)
			span.End()
		}()
	}
	evaluators := c.route.evaluators
	if aboutBody(r.GetAttributes().GetContextExtensions()) {
		evaluators = c.route.body
	}
	for _, e := range evaluators {
		begin := time.Now()
		refused := e.evaluate(ctx, c)
		s.metrics.evaluated(e.kind(), time.Since(begin), refused)
		if refused != nil {
			return s.refuse(c, kindNames[e.kind()], refused)
		}
	}
	s.metrics.checks[true].Inc()
	return c.grant()
}

// tell has a span tell the answer; there is none yet behind a mistake of ours.
func (r *response) tell(span trace.Span) {
	if r == nil {
		span.SetStatus(otelcodes.Error, "")
		return
	}
	denied := r.GetDeniedResponse()
	span.SetAttributes(attribute.Bool("gatehouse.allowed", denied == nil))
	if denied == nil {
		return
	}
	code := r.GetDynamicMetadata().GetFields()[wire.AnswerCode].GetStringValue()
	span.SetAttributes(attribute.String("gatehouse.code", code))
	if denied.GetStatus().GetCode() >= 500 {
		obs.Failed(span, code)
	}
}

// refuse books and answers a refusal.
func (s *Server) refuse(c *check, evaluator string, r *refusal) *response {
	if evaluator == "" {
		s.metrics.refused("none", r)
	}
	s.metrics.checks[false].Inc()
	answer := c.deny(r)
	level := slog.LevelDebug
	if answer.GetDeniedResponse().GetStatus().GetCode() >= 500 && r.code != CodeCancelled && s.warnings.due(string(r.code)+" "+c.describe(), c.now) {
		level = slog.LevelWarn
	}
	if s.log.Enabled(context.Background(), level) {
		s.log.Log(context.Background(), level, "request refused", "code", string(r.code), "reason", shortened(r.reason), "request", c.id(), "route", c.describe())
	}
	return &response{CheckResponse: answer}
}

package descriptorfile

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"gatehouse/gateway"
	"gatehouse/ratelimit"
)

// maxDescriptors bounds what a call may ask: everything from the network is hostile.
const maxDescriptors = 64

// Options configure a Service. The zero value of each means its default.
type Options struct {
	// Store keeps the counts. It has to be set.
	Store ratelimit.Store
	// FailureModes are what holds for the limits of a domain while the store does not
	// answer, FailureMode what holds for other domains: FailLocal by default.
	FailureModes map[string]gateway.FailureMode
	FailureMode  gateway.FailureMode
	// HeaderPrefix, if set, has answers bring response headers with this prefix:
	// PREFIX-Limit, PREFIX-Remaining and PREFIX-Reset.
	HeaderPrefix string
	// Log is where to log to, slog.Default() by default.
	Log *slog.Logger
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
}

// Service answers by the limits of files. It is safe for concurrent use.
type Service struct {
	options Options
	headers headers
	metrics *metrics
	serving atomic.Pointer[serving]
	// swapping is held by Swap.
	swapping sync.Mutex
}

// serving are the limits in force, with what was counted of each for the metrics.
type serving struct {
	*Limits
	outcomes map[*Limit]*outcomes
	// domains have those of descriptors that have no limit in the files.
	domains map[string]*domainOutcomes
}

var _ ratelimit.Domains = (*Service)(nil)

// New makes a Service that knows no domain until the first Swap.
func New(o Options) *Service {
	o.Log = cmp.Or(o.Log, slog.Default())
	s := &Service{options: o, headers: newHeaders(o.HeaderPrefix), metrics: newMetrics(o.Registerer)}
	s.serving.Store(&serving{Limits: &Limits{}})
	if o.Registerer != nil {
		o.Registerer.MustRegister(collector{s})
	}
	return s
}

// Swap takes limits into use, for every call that begins from now on.
func (s *Service) Swap(l *Limits) {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	s.serving.Store(newServing(l, s.serving.Load()))
}

// ShouldRateLimit answers as the reference service does: a request is over its limits
// when it is over one of them, and counts on each of them all the same.
func (s *Service) ShouldRateLimit(ctx context.Context, r *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
	if r.GetDomain() == "" {
		return nil, status.Error(codes.InvalidArgument, "the domain is empty")
	}
	if n := len(r.GetDescriptors()); n == 0 || n > maxDescriptors {
		return nil, status.Errorf(codes.InvalidArgument, "%d descriptors, must be 1 to %d", n, maxDescriptors)
	}
	now := s.serving.Load()
	c := call{request: r, descriptors: make([]descriptor, len(r.GetDescriptors()))}
	if err := c.find(now); err != nil {
		return nil, err
	}
	asks := c.asks(s.failureMode(r.GetDomain()))
	if len(asks) > 0 {
		answers, err := s.options.Store.Take(ctx, asks)
		if err != nil {
			s.metrics.storeErrors.Inc()
			s.options.Log.Debug("the store of limits failed", "error", err)
			return nil, status.Error(codes.Unavailable, "the store of limits failed")
		}
		c.judge(answers)
	}
	now.count(&c)
	return c.response(s.headers), nil
}

// call is one call under way.
type call struct {
	request     *ratelimitv3.RateLimitRequest
	descriptors []descriptor
}

// descriptor is one of a call's.
type descriptor struct {
	// limit is nil where there is none, own where the request has brought it.
	limit *Limit
	own   bool
	hits  int64
	// counter is empty where nothing is to be counted.
	counter string
	// replaced limits are not asked.
	replaced bool
	answer   ratelimit.Answer
	// over is whether its count is beyond the limit.
	over bool
}

// refuses tells whether the request must not go on because of it.
func (d *descriptor) refuses() bool { return d.over && !d.limit.Shadow && !d.limit.Quota }

// find finds the limit of each descriptor, and those that others replace.
func (c *call) find(limits *serving) error {
	var replaced map[string]bool
	_, known := limits.Limits.domains[c.request.GetDomain()]
	for i, asked := range c.request.GetDescriptors() {
		d := &c.descriptors[i]
		var err error
		if d.hits, err = ratelimit.Hits(c.request, asked); err != nil {
			return err
		}
		switch {
		case !known: // as in the reference service, what no file is about has no limits
		case asked.GetLimit() != nil:
			if err := c.bringOwn(d, asked); err != nil {
				return err
			}
		default:
			d.limit, d.counter = limits.find(c.request.GetDomain(), asked.GetEntries())
		}
		if d.limit == nil {
			continue
		}
		for _, name := range d.limit.Replaces {
			if replaced == nil {
				replaced = map[string]bool{}
			}
			replaced[name] = true
		}
	}
	for i := range c.descriptors {
		if d := &c.descriptors[i]; d.limit != nil && !d.limit.Unlimited && d.limit.Name != "" {
			d.replaced = replaced[d.limit.Name]
		}
	}
	return nil
}

// bringOwn takes the limit that Envoy's configuration has, in place of the files'.
func (c *call) bringOwn(d *descriptor, asked *commonv3.RateLimitDescriptor) error {
	own := asked.GetLimit()
	unit := Unit(own.GetUnit())
	if unit.period() == "" {
		return status.Errorf(codes.InvalidArgument, "a descriptor has a limit with the unit %s", own.GetUnit())
	}
	d.own = true
	d.limit = &Limit{Domain: c.request.GetDomain(), Unit: unit, Requests: own.GetRequestsPerUnit()}
	d.counter = counter(c.request.GetDomain(), asked.GetEntries(), nil, unit)
	return nil
}

// failureMode is what holds for a domain while the store does not answer.
func (s *Service) failureMode(domain string) gateway.FailureMode {
	if mode, own := s.options.FailureModes[domain]; own {
		return mode
	}
	return s.options.FailureMode
}

// asks are what the store is to count.
func (c *call) asks(mode gateway.FailureMode) []ratelimit.Ask {
	asks := make([]ratelimit.Ask, 0, len(c.descriptors))
	windows := make([]ratelimit.Window, len(c.descriptors))
	for i := range c.descriptors {
		d := &c.descriptors[i]
		if d.counter == "" || d.replaced {
			continue
		}
		windows[i] = ratelimit.Window{Limit: int64(d.limit.Requests), Period: d.limit.Unit.period()}
		asks = append(asks, ratelimit.Ask{Counter: d.counter, Window: &windows[i], Hits: d.hits, Always: true, Refusable: true, Failure: mode})
	}
	return asks
}

// judge takes the store's answers in. What is only looked at, or given back, is over when
// what was counted before is.
func (c *call) judge(answers []ratelimit.Answer) {
	for i := range c.descriptors {
		d := &c.descriptors[i]
		if d.counter == "" || d.replaced {
			continue
		}
		d.answer, answers = answers[0], answers[1:]
		d.over = d.answer.Remaining < 0 && d.hits >= 0
	}
}

// wholeSeconds is the time until a window ends, rounded up: nobody comes too early.
func wholeSeconds(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}

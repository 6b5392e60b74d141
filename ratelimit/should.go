package ratelimit

import (
	"context"
	"strconv"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"gatehouse/internal/obs"
	"gatehouse/internal/wire"
)

// Bounds of what a call may ask: everything from the network is hostile.
const (
	maxDescriptors = 64
	maxHits        = 1 << 40
)

// ShouldRateLimit implements ratelimitv3.RateLimitServiceServer. A request is over its
// limits when it is over one of them; then none of the others is used up by it, since
// the request does not go on.
func (s *Server) ShouldRateLimit(ctx context.Context, r *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
	begin := time.Now()
	defer func() { s.metrics.seconds.Observe(time.Since(begin).Seconds()) }()
	if s.options.Tracer == nil {
		return s.shouldRateLimit(ctx, r)
	}
	ctx, span := obs.CallSpan(ctx, s.options.Tracer, "limits", attribute.Int("gatehouse.descriptors", len(r.GetDescriptors())))
	defer span.End()
	answer, err := s.shouldRateLimit(ctx, r)
	if err != nil {
		span.SetStatus(otelcodes.Error, "no answer")
	} else {
		span.SetAttributes(attribute.Bool("gatehouse.allowed", answer.GetOverallCode() == ratelimitv3.RateLimitResponse_OK))
	}
	return answer, err
}

func (s *Server) shouldRateLimit(ctx context.Context, r *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
	if r.GetDomain() != wire.LimitDomain {
		if s.options.Others != nil {
			return s.options.Others.ShouldRateLimit(ctx, r)
		}
		return nil, status.Errorf(codes.NotFound, "there is no domain %q", r.GetDomain())
	}
	if n := len(r.GetDescriptors()); n == 0 || n > maxDescriptors {
		return nil, status.Errorf(codes.InvalidArgument, "%d descriptors, must be 1 to %d", n, maxDescriptors)
	}
	c := call{statuses: make([]*ratelimitv3.RateLimitResponse_DescriptorStatus, len(r.GetDescriptors()))}
	if err := c.find(s.serving.Load(), r); err != nil {
		return nil, err
	}
	s.metrics.unknown.Add(float64(c.unknown))
	var answers []Answer
	if len(c.asks) > 0 {
		var err error
		if answers, err = s.take(ctx, c.asks); err != nil {
			return nil, err
		}
		c.judge(answers)
	}
	for i, at := range c.limits {
		s.metrics.hits.WithLabelValues(at.kind, strconv.FormatBool(c.over[i])).Inc()
	}
	s.book(&c)
	if c.refused != nil {
		if back := c.giveBack(); len(back) > 0 {
			// The refusal stands, also where this cannot be counted.
			_, _ = s.take(ctx, back)
		}
	}
	return c.answer(answers), nil
}

// book counts the usage of keys.
func (s *Server) book(c *call) {
	for _, u := range c.unlimited {
		c.used(&s.tally, u.Usage, u.hits, false)
	}
	for i, at := range c.limits {
		if at.Usage != nil {
			c.used(&s.tally, *at.Usage, c.asks[i].Hits, c.over[i])
		}
	}
}

// used counts as AWS does: what a throttle refused is nobody's usage.
func (c *call) used(y *tally, u Usage, hits int64, over bool) {
	switch {
	case over:
		y.add(u, 0, hits)
	case c.refused == nil:
		y.add(u, hits, 0)
	}
}

// call is one call under way. limits, asks and over are in step.
type call struct {
	statuses []*ratelimitv3.RateLimitResponse_DescriptorStatus
	limits   []asked
	asks     []Ask
	over     []bool
	unknown  int
	refused  *asked
	// unlimited is the usage of keys whose plans have no quota.
	unlimited []usedOnly
}

type usedOnly struct {
	Usage
	hits int64
}

type asked struct {
	*Limit
	kind string
	// at is the place of its descriptor.
	at int
	// tell asks to say what remains.
	tell bool
}

// find fills in what to ask. What names no limit is not limited: Envoys get their
// parts of a revision at moments of their own, and may be ahead of this service.
func (c *call) find(limits *serving, r *ratelimitv3.RateLimitRequest) error {
	for i, d := range r.GetDescriptors() {
		c.statuses[i] = &ratelimitv3.RateLimitResponse_DescriptorStatus{Code: ratelimitv3.RateLimitResponse_OK}
		hits, err := Hits(r, d)
		if err != nil {
			return err
		}
		entries := make(map[string]string, len(d.GetEntries()))
		for _, e := range d.GetEntries() {
			entries[e.GetKey()] = e.GetValue()
		}
		found := limits.find(entries)
		if found == nil {
			c.unknown++
			continue
		}
		if found.Throttle == nil && found.Quota == nil {
			c.unlimited = append(c.unlimited, usedOnly{*found.Usage, hits})
			continue
		}
		ask := Ask{Counter: found.Counter, Hits: hits, Failure: found.FailureMode()}
		if t := found.Throttle; t != nil {
			ask.Bucket = &Bucket{Rate: t.Rate, Burst: t.Burst}
		} else {
			ask.Window = &Window{Limit: found.Quota.Limit, Period: Period(found.Quota.Period), Offset: found.Quota.Offset}
		}
		c.limits, c.asks = append(c.limits, asked{found, entries[wire.LimitKind], i, entries[wire.LimitTell] != ""}), append(c.asks, ask)
	}
	return nil
}

// Hits is the descriptor's own number of hits, or the request's, or 1; below 0 they are
// given back. Its error is one of gRPC.
func Hits(r *ratelimitv3.RateLimitRequest, d *commonv3.RateLimitDescriptor) (int64, error) {
	hits := uint64(max(1, r.GetHitsAddend()))
	if own := d.GetHitsAddend(); own != nil {
		hits = own.GetValue()
	}
	if hits > maxHits {
		return 0, status.Errorf(codes.InvalidArgument, "%d hits at once, must be at most %d", hits, int64(maxHits))
	}
	if d.GetIsNegativeHits() {
		return -int64(hits), nil
	}
	return int64(hits), nil
}

// judge reads the store's answers.
func (c *call) judge(answers []Answer) {
	c.over = make([]bool, len(answers))
	for i, got := range answers {
		limit, st := &c.limits[i], c.statuses[c.limits[i].at]
		st.CurrentLimit = currentLimit(limit.Limit)
		st.LimitRemaining = uint32(min(max(0, got.Remaining), 1<<32-1))
		st.DurationUntilReset = durationpb.New(got.Reset)
		if got.Granted == c.asks[i].Hits {
			continue
		}
		c.over[i], st.Code = true, ratelimitv3.RateLimitResponse_OVER_LIMIT
		// A quota is looked at before all throttles.
		if c.refused == nil || c.refused.Quota == nil && limit.Quota != nil {
			c.refused = limit
		}
	}
}

// giveBack are the hits that limits granted to a request that others refuse.
func (c *call) giveBack() []Ask {
	var back []Ask
	for i, ask := range c.asks {
		if !c.over[i] && ask.Hits > 0 {
			st := c.statuses[c.limits[i].at]
			st.LimitRemaining = uint32(min(int64(st.LimitRemaining)+ask.Hits, 1<<32-1))
			ask.Hits = -ask.Hits
			back = append(back, ask)
		}
	}
	return back
}

func currentLimit(l *Limit) *ratelimitv3.RateLimitResponse_RateLimit {
	if q := l.Quota; q != nil {
		unit := ratelimitv3.RateLimitResponse_RateLimit_Unit_value[string(q.Period)]
		return &ratelimitv3.RateLimitResponse_RateLimit{
			RequestsPerUnit: uint32(min(max(0, q.Limit), 1<<32-1)), Unit: ratelimitv3.RateLimitResponse_RateLimit_Unit(unit),
		}
	}
	rate, unit := l.Throttle.Rate, ratelimitv3.RateLimitResponse_RateLimit_SECOND
	if rate > 0 && rate < 1 {
		rate, unit = rate*60*60, ratelimitv3.RateLimitResponse_RateLimit_HOUR
	}
	return &ratelimitv3.RateLimitResponse_RateLimit{RequestsPerUnit: uint32(min(rate, 1<<32-1)), Unit: unit}
}

func (c *call) answer(answers []Answer) *ratelimitv3.RateLimitResponse {
	a := &ratelimitv3.RateLimitResponse{OverallCode: ratelimitv3.RateLimitResponse_OK, Statuses: c.statuses, DynamicMetadata: c.metadata(answers)}
	if c.refused == nil {
		return a
	}
	a.OverallCode = ratelimitv3.RateLimitResponse_OVER_LIMIT
	message := "Too Many Requests"
	if c.refused.Quota != nil {
		message = "Limit Exceeded"
	}
	a.RawBody = []byte(`{"message":"` + message + `"}`)
	a.ResponseHeadersToAdd = []*corev3.HeaderValue{{Key: "content-type", Value: "application/json"}}
	return a
}

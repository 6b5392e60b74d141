package ratelimit

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strconv"
	"time"

	quotav3 "github.com/envoyproxy/go-control-plane/envoy/service/rate_limit_quota/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"gatehouse/internal/wire"
)

const (
	// maxReported bounds what one report may claim, so that sums stay far from overflow.
	maxReported = 1 << 40
	// storeTimeout bounds one question of the store. It is shorter than the interval of
	// reports.
	storeTimeout = 2 * time.Second
	// maxAsks is how many counters the store is asked about at once.
	maxAsks = 1000
)

// quotaStreams is the rate limit quota service of a Server. Envoys report what they let
// through, and are told their part of each limit: of a quota so many requests, of a
// throttle so many a second.
//
// The store counts what was reported, and nothing in advance: a process that is killed
// takes no part of a quota with it. What Envoys may let through before they next report
// is never more than what is left.
type quotaStreams struct {
	quotav3.UnimplementedRateLimitQuotaServiceServer
	*Server
}

// envoyStream is what is known of an Envoy while it is connected. It is guarded by the
// pools' mutex.
type envoyStream struct {
	server  *Server
	members map[string]*member
	// wake has something when members were changed by what others reported.
	wake chan struct{}
}

func newStream(s *Server) *envoyStream {
	return &envoyStream{server: s, members: map[string]*member{}, wake: make(chan struct{}, 1)}
}

// StreamRateLimitQuotas implements quotav3.RateLimitQuotaServiceServer.
func (s quotaStreams) StreamRateLimitQuotas(stream quotav3.RateLimitQuotaService_StreamRateLimitQuotasServer) error {
	e := newStream(s.Server)
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	defer e.end()
	reports, failed := receive(stream)
	domain := ""
	for {
		var told []*action
		select {
		case <-s.ended:
			return status.Error(codes.Unavailable, "the service ends")
		case err := <-failed:
			if err == io.EOF {
				return nil
			}
			return err
		case <-e.wake:
			told = e.changes()
		case r := <-reports:
			// Only the first message has to say it.
			if domain = cmp.Or(r.GetDomain(), domain); domain != wire.LimitDomain {
				return status.Errorf(codes.InvalidArgument, "there is no domain %q", r.GetDomain())
			}
			// Whoever goes has still reported.
			told = e.report(context.WithoutCancel(stream.Context()), r)
		}
		if len(told) == 0 {
			continue
		}
		if err := stream.Send(&quotav3.RateLimitQuotaResponse{BucketAction: told}); err != nil {
			return err
		}
	}
}

// receive reads a stream. Neither channel is closed.
func receive(stream quotav3.RateLimitQuotaService_StreamRateLimitQuotasServer) (<-chan *quotav3.RateLimitQuotaUsageReports, <-chan error) {
	reports, failed := make(chan *quotav3.RateLimitQuotaUsageReports), make(chan error, 1)
	go func() {
		for {
			r, err := stream.Recv()
			if err != nil {
				failed <- err
				return
			}
			select {
			case reports <- r:
			case <-stream.Context().Done():
				return
			}
		}
	}()
	return reports, failed
}

// end forgets the Envoy. It goes on with what it has, and reports on its next stream.
func (e *envoyStream) end() {
	ps := e.server.pools
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, m := range e.members {
		ps.leave(m)
	}
	e.server.metrics.buckets.Set(float64(ps.members))
}

// report takes a report in, and gives what to tell the Envoy.
func (e *envoyStream) report(ctx context.Context, r *quotav3.RateLimitQuotaUsageReports) []*action {
	e.server.metrics.reports.Inc()
	ps := e.server.pools
	ps.mu.Lock()
	reported, told := e.take(r)
	asks, asked := ps.questions(reported)
	unmet := strangers(reported)
	ps.mu.Unlock()

	failed := e.server.count(ctx, ps, asks, asked)
	if e.server.census != nil {
		e.server.meet(e.server.census, unmet)
	}

	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, m := range reported {
		if e.members[m.name] != m {
			continue // silent for too long, and gone meanwhile
		}
		switch {
		case m.limit.Throttle != nil:
			ps.share(m.pool, m)
		case m.limit.Quota != nil && failed[m.pool]:
			told = append(told, m.withoutStore()...)
			continue
		case m.limit.Quota != nil:
			ps.lease(m)
		}
		// An Envoy that has no lease must not forget that: the first request of a bucket that
		// it does not know gets through.
		if m.idle >= idleReports && (m.limit.Quota == nil || m.size > 0) {
			told = append(told, abandon(m.id))
			ps.leave(m)
			continue
		}
		if m.pool != nil {
			m.pool.wake(e)
		}
		told = append(told, ps.actions(m)...)
	}
	// Those of this Envoy that were changed after they were told.
	told = append(told, e.changed()...)
	e.server.metrics.buckets.Set(float64(ps.members))
	return told
}

// take finds the members that a report is about, each once. It needs the pools' mutex.
func (e *envoyStream) take(r *quotav3.RateLimitQuotaUsageReports) (reported []*member, told []*action) {
	ps, limits := e.server.pools, e.server.serving.Load()
	seen := map[*member]bool{}
	for _, u := range r.GetBucketQuotaUsages() {
		id := u.GetBucketId()
		name := bucketName(id.GetBucket())
		m := e.members[name]
		limit, kind := e.limitOf(m, limits, id.GetBucket())
		if limit == nil {
			e.server.metrics.unknown.Inc()
			if m != nil {
				ps.leave(m)
			}
			if len(id.GetBucket()) > 0 {
				told = append(told, unlimited(u))
			}
			continue
		}
		allowed, denied := int64(min(u.GetNumRequestsAllowed(), maxReported)), int64(min(u.GetNumRequestsDenied(), maxReported))
		e.server.bookReport(limit, kind, allowed, denied)
		if m == nil {
			if m = ps.join(e, id, name, limit); m == nil {
				e.server.metrics.noRoom.Inc()
				continue
			}
		}
		m.kind, m.served = kind, limits
		ps.follow(m, limit)
		ps.used(m, allowed, denied)
		if !seen[m] {
			seen[m] = true
			reported = append(reported, m)
		}
	}
	return reported, told
}

// limitOf finds the limit of a bucket: it is the one that its member has, unless other
// limits are served now.
func (e *envoyStream) limitOf(m *member, limits *serving, id map[string]string) (limit *Limit, kind string) {
	if m != nil && m.served == limits {
		return m.limit, m.kind
	}
	entries, ok := wire.BucketEntries(id)
	if !ok {
		return nil, ""
	}
	return limits.find(entries), entries[wire.LimitKind]
}

// bucketName tells the buckets of an Envoy apart that may have a limit; those that have
// more entries than one have no name, and no member.
func bucketName(id map[string]string) string {
	if len(id) == 1 {
		for name, key := range id {
			return name + "\x00" + key
		}
	}
	return ""
}

// unlimited is for a bucket that names no limit: Envoys get their parts of a revision at
// moments of their own. One that is in use is not told to be forgotten, or the next
// request would make and report it anew.
func unlimited(u *quotav3.RateLimitQuotaUsageReports_BucketQuotaUsage) *action {
	if u.GetNumRequestsAllowed()+u.GetNumRequestsDenied() > 0 {
		return allowAll(u.GetBucketId(), openTTL)
	}
	return abandon(u.GetBucketId())
}

// bookReport counts what a bucket reports, for the usage of keys and for metrics.
func (s *Server) bookReport(limit *Limit, kind string, allowed, denied int64) {
	if limit.Usage != nil && allowed+denied > 0 {
		s.tally.add(*limit.Usage, allowed, denied)
	}
	for over, n := range map[bool]int64{false: allowed, true: denied} {
		if n > 0 {
			s.metrics.reported.WithLabelValues(kind, strconv.FormatBool(over)).Add(float64(n))
		}
	}
}

// questions are what the store is asked about the quotas that a report is about: it adds
// what was used, and tells what is left.
func (ps *pools) questions(reported []*member) (asks []Ask, asked []*pool) {
	at := map[*pool]bool{}
	for _, m := range reported {
		q := m.limit.Quota
		if q == nil || at[m.pool] {
			continue
		}
		at[m.pool] = true
		asks = append(asks, Ask{
			Counter: m.limit.Counter, Window: &Window{Limit: q.Limit, Period: Period(q.Period), Offset: q.Offset},
			Hits: m.pool.ask(), Always: true, Failure: q.FailureMode,
		})
		asked = append(asked, m.pool)
	}
	return asks, asked
}

// count asks the store, and gives the pools whose state it did not know.
func (s *Server) count(ctx context.Context, ps *pools, asks []Ask, asked []*pool) map[*pool]bool {
	failed := map[*pool]bool{}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	for len(asks) > 0 {
		n := min(len(asks), maxAsks)
		answers, err := s.take(ctx, asks[:n])
		if err == nil && len(answers) != n {
			err = io.ErrUnexpectedEOF
		}
		ps.mu.Lock()
		now := ps.now()
		for i, p := range asked[:n] {
			if failed[p] = err != nil || answers[i].Open; err != nil {
				p.answered(asks[i].Hits, nil, now)
			} else {
				p.answered(asks[i].Hits, &answers[i], now)
			}
		}
		ps.mu.Unlock()
		asks, asked = asks[n:], asked[n:]
	}
	return failed
}

// wake tells the other Envoys that have a part of a limit that theirs was changed.
func (p *pool) wake(but *envoyStream) {
	for _, m := range p.members {
		if m.changed && m.stream != but {
			select {
			case m.stream.wake <- struct{}{}:
			default:
			}
		}
	}
}

// changes are what to tell an Envoy when others have reported.
func (e *envoyStream) changes() []*action {
	e.server.pools.mu.Lock()
	defer e.server.pools.mu.Unlock()
	return e.changed()
}

func (e *envoyStream) changed() (told []*action) {
	var names []string
	for name, m := range e.members {
		if m.changed {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		told = append(told, e.server.pools.actions(e.members[name])...)
	}
	return told
}

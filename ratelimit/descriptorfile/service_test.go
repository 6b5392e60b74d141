package descriptorfile

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/ratelimit"
	"gatehouse/ratelimit/memory"
)

type (
	request     = ratelimitv3.RateLimitRequest
	descriptors = []*commonv3.RateLimitDescriptor
	answerOf    = ratelimitv3.RateLimitResponse
	statusOf    = ratelimitv3.RateLimitResponse_DescriptorStatus
	limitOf     = ratelimitv3.RateLimitResponse_RateLimit
)

const (
	ok   = ratelimitv3.RateLimitResponse_OK
	over = ratelimitv3.RateLimitResponse_OVER_LIMIT
)

// at is 20.5 seconds before a minute ends, on a Wednesday.
var at = time.Date(2025, time.November, 26, 10, 59, 39, 500e6, time.UTC)

// service answers by a file, at a time that stands still.
func service(t testing.TB, file string, o Options) *Service {
	t.Helper()
	if o.Store == nil {
		o.Store = memory.New(memory.Options{Now: func() time.Time { return at }})
	}
	s := New(o)
	s.Swap(parse(t, file))
	return s
}

func desc(texts ...string) *commonv3.RateLimitDescriptor {
	return &commonv3.RateLimitDescriptor{Entries: entries(texts...)}
}

func withHits(hits uint64, d *commonv3.RateLimitDescriptor) *commonv3.RateLimitDescriptor {
	d.HitsAddend = wrapperspb.UInt64(hits)
	return d
}

func withLimit(requests uint32, unit typev3.RateLimitUnit, d *commonv3.RateLimitDescriptor) *commonv3.RateLimitDescriptor {
	d.Limit = &commonv3.RateLimitDescriptor_RateLimitOverride{RequestsPerUnit: requests, Unit: unit}
	return d
}

func st(code ratelimitv3.RateLimitResponse_Code, remaining uint32, l *limitOf, seconds int64) *statusOf {
	return &statusOf{Code: code, LimitRemaining: remaining, CurrentLimit: l, DurationUntilReset: durationpb.New(time.Duration(seconds) * time.Second)}
}

func per(requests uint32, unit limitUnit, name string) *limitOf {
	return &limitOf{RequestsPerUnit: requests, Unit: unit, Name: name}
}

type limitUnit = ratelimitv3.RateLimitResponse_RateLimit_Unit

const (
	perSecond = ratelimitv3.RateLimitResponse_RateLimit_SECOND
	perMinute = ratelimitv3.RateLimitResponse_RateLimit_MINUTE
	perHour   = ratelimitv3.RateLimitResponse_RateLimit_HOUR
	perDay    = ratelimitv3.RateLimitResponse_RateLimit_DAY
	perWeek   = ratelimitv3.RateLimitResponse_RateLimit_WEEK
	perMonth  = ratelimitv3.RateLimitResponse_RateLimit_MONTH
	perYear   = ratelimitv3.RateLimitResponse_RateLimit_YEAR
)

// rules has each thing that a descriptor can say.
const rules = `domain: d
descriptors:
  - {key: two, rate_limit: {unit: minute, requests_per_unit: 2}}
  - {key: ten, rate_limit: {unit: hour, requests_per_unit: 10, name: ten}}
  - {key: none, rate_limit: {unit: second, requests_per_unit: 0}}
  - {key: free, rate_limit: {unlimited: true, replaces: [{name: ten}]}}
  - {key: shadow, shadow_mode: true, rate_limit: {unit: minute, requests_per_unit: 1}}
  - {key: quota, quota_mode: true, rate_limit: {unit: minute, requests_per_unit: 1}}
  - {key: instead, rate_limit: {unit: day, requests_per_unit: 1, replaces: [{name: ten}]}}
  - {key: share, value: a/*, share_threshold: true, rate_limit: {unit: minute, requests_per_unit: 1}}
  - {key: week, rate_limit: {unit: week, requests_per_unit: 1}}
  - {key: month, rate_limit: {unit: MONTH, requests_per_unit: 1}}
  - {key: year, rate_limit: {unit: year, requests_per_unit: 4294967295}}
`

func TestAnswers(t *testing.T) {
	unlimited := &statusOf{Code: ok, LimitRemaining: 1<<32 - 1}
	without := &statusOf{Code: ok}
	type step struct {
		ask  *request
		code ratelimitv3.RateLimitResponse_Code
		want []*statusOf
	}
	asks := func(d ...*commonv3.RateLimitDescriptor) *request { return &request{Domain: "d", Descriptors: d} }
	hits := func(n uint32, d ...*commonv3.RateLimitDescriptor) *request {
		return &request{Domain: "d", Descriptors: d, HitsAddend: n}
	}
	two, ten := per(2, perMinute, ""), per(10, perHour, "ten")
	for name, steps := range map[string][]step{
		"a limit, of each value": {
			{asks(desc("two", "a")), ok, []*statusOf{st(ok, 1, two, 21)}},
			{asks(desc("two", "a")), ok, []*statusOf{st(ok, 0, two, 21)}},
			{asks(desc("two", "a")), over, []*statusOf{st(over, 0, two, 21)}},
			{asks(desc("two", "b")), ok, []*statusOf{st(ok, 1, two, 21)}},
			{asks(desc("two", "")), ok, []*statusOf{st(ok, 1, two, 21)}},
		},
		"nothing at all": {{asks(desc("none", "a")), over, []*statusOf{st(over, 0, per(0, perSecond, ""), 1)}}},
		"windows": {
			// It is a Wednesday, the 20,418th day after the first of 1970.
			{asks(desc("week", "")), ok, []*statusOf{st(ok, 0, per(1, perWeek, ""), 13*3600+21)}},
			{asks(desc("month", "")), ok, []*statusOf{st(ok, 0, per(1, perMonth, ""), (30-1-20418%30)*86400+13*3600+21)}},
			{asks(desc("year", "")), ok, []*statusOf{st(ok, 1<<32-2, per(1<<32-1, perYear, ""), (365-1-20418%365)*86400+13*3600+21)}},
		},
		"hits": {
			{hits(3, desc("ten", "a")), ok, []*statusOf{st(ok, 7, ten, 21)}},
			// A descriptor's own go before the request's; none of them only looks.
			{hits(3, withHits(5, desc("ten", "a"))), ok, []*statusOf{st(ok, 2, ten, 21)}},
			{hits(3, withHits(0, desc("ten", "a"))), ok, []*statusOf{st(ok, 2, ten, 21)}},
			// What is too much counts all the same.
			{hits(3, desc("ten", "a")), over, []*statusOf{st(over, 0, ten, 21)}},
			{asks(desc("ten", "a")), over, []*statusOf{st(over, 0, ten, 21)}},
			{asks(withHits(0, desc("ten", "a"))), over, []*statusOf{st(over, 0, ten, 21)}},
		},
		"a look at the limit is not over it": {
			{asks(desc("two", "l"), desc("two", "l")), ok, []*statusOf{st(ok, 1, two, 21), st(ok, 0, two, 21)}},
			{asks(withHits(0, desc("two", "l"))), ok, []*statusOf{st(ok, 0, two, 21)}},
		},
		"hits that are given back": {
			{hits(3, desc("two", "n")), over, []*statusOf{st(over, 0, two, 21)}},
			{asks(&commonv3.RateLimitDescriptor{Entries: entries("two", "n"), HitsAddend: wrapperspb.UInt64(2), IsNegativeHits: true}), ok, []*statusOf{st(ok, 1, two, 21)}},
			{asks(desc("two", "n")), ok, []*statusOf{st(ok, 0, two, 21)}},
		},
		"all descriptors count, also those beside one that refuses": {
			{asks(desc("two", "m"), desc("none", ""), desc("nobody", "knows")), over, []*statusOf{st(ok, 1, two, 21), st(over, 0, per(0, perSecond, ""), 1), without}},
			{asks(desc("two", "m")), ok, []*statusOf{st(ok, 0, two, 21)}},
		},
		"unlimited": {{asks(desc("free", "a")), ok, []*statusOf{unlimited}}},
		"replaced": {
			{asks(desc("ten", "r"), desc("instead", "r")), ok, []*statusOf{without, st(ok, 0, per(1, perDay, ""), 13*3600+21)}},
			{asks(desc("free", "r"), desc("ten", "r")), ok, []*statusOf{unlimited, without}},
			{asks(desc("ten", "r")), ok, []*statusOf{st(ok, 9, ten, 21)}},
		},
		"shadow": {
			{asks(desc("shadow", "")), ok, []*statusOf{st(ok, 0, per(1, perMinute, ""), 21)}},
			{asks(desc("shadow", "")), ok, []*statusOf{st(ok, 0, per(1, perMinute, ""), 21)}},
		},
		"shared": {
			{asks(desc("share", "a/1")), ok, []*statusOf{st(ok, 0, per(1, perMinute, ""), 21)}},
			{asks(desc("share", "a/2")), over, []*statusOf{st(over, 0, per(1, perMinute, ""), 21)}},
		},
		"a limit that the request brings": {
			{asks(withLimit(1, typev3.RateLimitUnit_DAY, desc("two", "o"))), ok, []*statusOf{st(ok, 0, per(1, perDay, ""), 13*3600+21)}},
			{asks(withLimit(1, typev3.RateLimitUnit_DAY, desc("two", "o"))), over, []*statusOf{st(over, 0, per(1, perDay, ""), 13*3600+21)}},
			// Of another unit, and where no file has one.
			{asks(desc("two", "o")), ok, []*statusOf{st(ok, 1, two, 21)}},
			{asks(withLimit(5, typev3.RateLimitUnit_MONTH, desc("nobody", "knows"))), ok, []*statusOf{st(ok, 4, per(5, perMonth, ""), (30-1-20418%30)*86400+13*3600+21)}},
		},
		"a domain that no file is about": {
			{&request{Domain: "other", Descriptors: descriptors{desc("two", ""), withLimit(0, typev3.RateLimitUnit_DAY, desc("two", ""))}}, ok, []*statusOf{without, without}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := service(t, rules, Options{})
			for i, step := range steps {
				got, err := s.ShouldRateLimit(t.Context(), step.ask)
				if err != nil {
					t.Fatalf("step %d: %v", i, err)
				}
				for _, w := range step.want {
					if w.CurrentLimit == nil {
						w.DurationUntilReset = nil
					}
				}
				if diff := cmp.Diff(&answerOf{OverallCode: step.code, Statuses: step.want}, got, protocmp.Transform()); diff != "" {
					t.Errorf("step %d (-want +got):\n%s", i, diff)
				}
			}
		})
	}
}

func TestQuotaMode(t *testing.T) {
	s := service(t, rules, Options{})
	ask := &request{Domain: "d", Descriptors: descriptors{desc("ten", ""), desc("quota", "")}}
	for i, want := range []map[string]any{
		{"domain": "d", "quotaModeEnabled": true},
		{"domain": "d", "quotaModeEnabled": true, "quotaModeViolations": []any{1}},
	} {
		got, err := s.ShouldRateLimit(t.Context(), ask)
		if err != nil || got.GetOverallCode() != ok || got.GetStatuses()[1].GetCode() != ok {
			t.Fatalf("%v, %v", got, err)
		}
		metadata, err := structpb.NewStruct(want)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(metadata, got.GetDynamicMetadata(), protocmp.Transform()); diff != "" {
			t.Errorf("call %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestHeaders(t *testing.T) {
	s := service(t, rules, Options{HeaderPrefix: "X-RateLimit"})
	for name, c := range map[string]struct {
		ask  descriptors
		want string
	}{
		"the one that is closest": {descriptors{desc("ten", ""), desc("two", ""), desc("year", "")}, "X-RateLimit-Limit: 2, X-RateLimit-Remaining: 1, X-RateLimit-Reset: 21"},
		"the one that refuses":    {descriptors{desc("shadow", ""), desc("none", ""), desc("shadow", "")}, "X-RateLimit-Limit: 0, X-RateLimit-Remaining: 0, X-RateLimit-Reset: 1"},
		"no limit":                {descriptors{desc("free", ""), desc("nobody", "")}, ""},
	} {
		got, err := s.ShouldRateLimit(t.Context(), &request{Domain: "d", Descriptors: c.ask})
		if err != nil {
			t.Fatal(err)
		}
		var headers []string
		for _, h := range got.GetResponseHeadersToAdd() {
			headers = append(headers, h.GetKey()+": "+h.GetValue())
		}
		if got := strings.Join(headers, ", "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// failing is a store that is gone.
type failing struct{ ratelimit.Store }

func (failing) Take(context.Context, []ratelimit.Ask) ([]ratelimit.Answer, error) {
	return nil, errors.New("redis://user:password@host is gone")
}

func TestRefusals(t *testing.T) {
	good, gone := service(t, rules, Options{}), service(t, rules, Options{Store: failing{}})
	many := make(descriptors, 65)
	for i := range many {
		many[i] = desc("two", "")
	}
	for name, c := range map[string]struct {
		of   *Service
		ask  *request
		code codes.Code
	}{
		"no domain":        {good, &request{Descriptors: descriptors{desc("two", "")}}, codes.InvalidArgument},
		"no descriptors":   {good, &request{Domain: "d"}, codes.InvalidArgument},
		"many descriptors": {good, &request{Domain: "d", Descriptors: many}, codes.InvalidArgument},
		"many hits":        {good, &request{Domain: "d", Descriptors: descriptors{withHits(1<<63, desc("two", ""))}}, codes.InvalidArgument},
		"unknown unit":     {good, &request{Domain: "d", Descriptors: descriptors{withLimit(1, typev3.RateLimitUnit_UNKNOWN, desc("two", ""))}}, codes.InvalidArgument},
		"no such unit":     {good, &request{Domain: "d", Descriptors: descriptors{withLimit(1, 99, desc("two", ""))}}, codes.InvalidArgument},
		"store is gone":    {gone, &request{Domain: "d", Descriptors: descriptors{desc("two", "")}}, codes.Unavailable},
	} {
		got, err := c.of.ShouldRateLimit(t.Context(), c.ask)
		if status.Code(err) != c.code || strings.Contains(err.Error(), "password") {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	// What needs no store does not fail with it.
	if got, err := gone.ShouldRateLimit(t.Context(), &request{Domain: "d", Descriptors: descriptors{desc("free", ""), desc("nobody", "")}}); err != nil || got.GetOverallCode() != ok {
		t.Errorf("%v, %v", got, err)
	}
}

// TestSwap: a limit that is edited goes on with what was counted, in the middle of calls.
func TestSwap(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	s := service(t, rules, Options{Registerer: r})
	ask := func(d ...*commonv3.RateLimitDescriptor) ratelimitv3.RateLimitResponse_Code {
		t.Helper()
		got, err := s.ShouldRateLimit(t.Context(), &request{Domain: "d", Descriptors: d})
		if err != nil {
			t.Fatal(err)
		}
		return got.GetOverallCode()
	}
	for range 3 {
		ask(desc("two", "a"), desc("shadow", ""), desc("free", ""), desc("nobody", ""), withLimit(7, typev3.RateLimitUnit_DAY, desc("x", "")))
	}
	s.Swap(parse(t, strings.Replace(rules, "requests_per_unit: 2}", "requests_per_unit: 5}", 1)))
	for i, want := range []ratelimitv3.RateLimitResponse_Code{ok, ok, over} {
		if got := ask(desc("two", "a")); got != want {
			t.Errorf("call %d after the limit was raised from 2 to 5, of which 3 were used: %s, want %s", i, got, want)
		}
	}
	const name = "gatehouse_ratelimit_file_hits_total"
	want := `# HELP ` + name + ` Hits of limits of files, by what became of them: within, over (refused), shadow (over, but let through) or unlimited. The descriptor is where the limit stands in the file; it is empty for limits that requests brought.
# TYPE ` + name + ` counter
` + name + `{descriptor="",domain="d",outcome="within"} 3
` + name + `{descriptor="free",domain="d",outcome="unlimited"} 3
` + name + `{descriptor="shadow",domain="d",outcome="shadow"} 2
` + name + `{descriptor="shadow",domain="d",outcome="within"} 1
` + name + `{descriptor="two",domain="d",outcome="over"} 2
` + name + `{descriptor="two",domain="d",outcome="within"} 4
# HELP gatehouse_ratelimit_file_unmatched_total Descriptors that a file has no limit for. They are let through.
# TYPE gatehouse_ratelimit_file_unmatched_total counter
gatehouse_ratelimit_file_unmatched_total{domain="d"} 3
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(want), name, "gatehouse_ratelimit_file_unmatched_total"); err != nil {
		t.Error(err)
	}
	// What is gone from the files goes with its numbers.
	s.Swap(parse(t, "domain: other\n"))
	if ask(desc("two", "a")) != ok {
		t.Error("a domain that is gone has limits")
	}
	if n, err := testutil.GatherAndCount(r, name); n != 0 || err != nil {
		t.Errorf("%d limits have numbers, %v", n, err)
	}
}

// TestConcurrent: of any number of calls at a time, as many get through as the limit says,
// while files are loaded again.
func TestConcurrent(t *testing.T) {
	s := service(t, rules, Options{})
	limits := parse(t, rules)
	var calls sync.WaitGroup
	var passed atomic.Int64
	for range 10 {
		calls.Go(func() {
			for range 10 {
				s.Swap(limits)
				got, err := s.ShouldRateLimit(t.Context(), &request{Domain: "d", Descriptors: descriptors{desc("ten", "c")}})
				if err != nil {
					t.Error(err)
				}
				if got.GetOverallCode() == ok {
					passed.Add(1)
				}
			}
		})
	}
	calls.Wait()
	if n := passed.Load(); n != 10 {
		t.Errorf("%d calls got through a limit of 10", n)
	}
}

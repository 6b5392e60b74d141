package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/internal/redistest"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/storetest"
)

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// clocked is a store whose scripts go by the test's clock: it takes the place of
// Redis's TIME by a key, and nothing else of the scripts.
type clocked struct {
	*Store
	clock *storetest.Clock
	last  time.Time
	mu    sync.Mutex
}

const clockKey = "clock of the test"

func withClock(t testing.TB, s *Store, clock *storetest.Clock) *clocked {
	t.Helper()
	replace := func(texts ...string) *redis.Script {
		text := strings.Join(texts, "")
		if strings.Count(text, "redis.call('TIME')") != 1 {
			t.Fatal("a script asks for the time in another way")
		}
		clock := "(function() local t = redis.call('GET', '" + clockKey + "'); return { string.sub(t, 1, -7), string.sub(t, -6) } end)()"
		return redis.NewScript(strings.Replace(text, "redis.call('TIME')", clock, 1))
	}
	s.scripts = scripts{replace(calendarText, takeText), replace(usageText), replace(plansText), replace(censusText)}
	return &clocked{Store: s, clock: clock}
}

func (c *clocked) set() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.clock.Now(); !now.Equal(c.last) {
		c.last = now
		if err := c.client.Set(context.Background(), clockKey, now.UnixMicro(), 0).Err(); err != nil {
			panic(err)
		}
	}
}

func (c *clocked) Take(ctx context.Context, asks []ratelimit.Ask) ([]ratelimit.Answer, error) {
	c.set()
	return c.Store.Take(ctx, asks)
}

func (c *clocked) Meet(ctx context.Context, service string, claims []ratelimit.Claim) ([][]float64, error) {
	c.set()
	return c.Store.Meet(ctx, service, claims)
}

func (c *clocked) SetRemaining(ctx context.Context, counter string, limit ratelimit.Window, remaining int64) error {
	c.set()
	return c.Store.SetRemaining(ctx, counter, limit, remaining)
}

func (c *clocked) AddUsage(ctx context.Context, counts []ratelimit.Usage) error {
	c.set()
	return c.Store.AddUsage(ctx, counts)
}

func (c *clocked) Usage(ctx context.Context, plan string, from, to time.Time) ([]ratelimit.DayUsage, error) {
	c.set()
	return c.Store.Usage(ctx, plan, from, to)
}

func (c *clocked) NoteQuotas(ctx context.Context, notes []ratelimit.QuotaNote) error {
	c.set()
	return c.Store.NoteQuotas(ctx, notes)
}

func (c *clocked) Quotas(ctx context.Context, plan string, from, to time.Time) ([]ratelimit.DayQuota, error) {
	c.set()
	return c.Store.Quotas(ctx, plan, from, to)
}

func TestStore(t *testing.T) {
	server := redistest.Start(t)
	storetest.Run(t, func(t *testing.T, clock *storetest.Clock) ratelimit.Store {
		server.Do("FLUSHALL")
		return withClock(t, open(t, Options{URL: server.URL(), OverLimit: -1}), clock)
	})
}

// TestCluster: keys of one Take are in several places, and the answers in order.
func TestCluster(t *testing.T) {
	servers := redistest.Cluster(t, 3)
	s := open(t, Options{URL: "redis+cluster://" + servers[1].Addr()})
	ctx := context.Background()
	for round := range 2 {
		var asks []ratelimit.Ask
		for i := range 50 {
			asks = append(asks, ratelimit.Ask{
				Counter: fmt.Sprint("counter ", i), Hits: 2,
				Window: &ratelimit.Window{Limit: int64(i), Period: ratelimit.Year},
			})
		}
		answers, err := s.Take(ctx, asks)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range answers {
			if want := int64(i) - 2*int64(round+1); i >= 4 && a.Remaining != want {
				t.Errorf("round %d, counter %d: %+v, want %d left", round, i, a, want)
			}
		}
	}
	for i, server := range servers {
		if n := server.Do("DBSIZE").(int64); n < 5 {
			t.Errorf("server %d has %d of 50 keys", i, n)
		}
	}
	if err := s.AddUsage(ctx, []ratelimit.Usage{{Plan: "a", Key: "k", Allowed: 1}, {Plan: "b{}%", Key: "k", Denied: 2}}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Usage(ctx, "", time.Now().Add(-24*time.Hour), time.Now().Add(24*time.Hour))
	if err != nil || len(got) != 2 || got[1].Plan != "b{}%" || got[1].Denied != 2 {
		t.Errorf("usage %+v, %v", got, err)
	}
	// A slot that moves is found again.
	if err := s.SetRemaining(ctx, "counter 7", ratelimit.Window{Limit: 9, Period: ratelimit.Year}, 3); err != nil {
		t.Error(err)
	}
}

// TestCalendar holds the script's calendar to Go's, over four centuries.
func TestCalendar(t *testing.T) {
	server := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	periods := []ratelimit.Period{ratelimit.Second, ratelimit.Minute, ratelimit.Hour, ratelimit.Day, ratelimit.Week, ratelimit.Month, ratelimit.Year, ratelimit.Days7, ratelimit.Days30, ratelimit.Days365}
	script := redis.NewScript(calendarText + `
local out = {}
for i = 1, #ARGV, 2 do
  local a, b = bounds(ARGV[i], tonumber(ARGV[i + 1]))
  out[#out + 1], out[#out + 2] = a, b
end
return out`)
	random := rand.New(rand.NewPCG(1, 2))
	var times []time.Time
	for year := 1970; year < 2400; year++ {
		// Both sides of where years, months and leap days meet, and anywhere.
		for _, month := range []time.Month{time.January, time.March, time.Month(1 + random.IntN(12))} {
			first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
			times = append(times, first, first.Add(time.Duration(random.Int64N(int64(366*24*time.Hour)))).Truncate(time.Second))
			if year > 1970 {
				times = append(times, first.Add(-time.Second))
			}
		}
	}
	for _, p := range periods {
		var args []any
		for _, at := range times {
			args = append(args, string(p), at.Unix())
		}
		got, err := script.Run(context.Background(), client, nil, args...).Int64Slice()
		if err != nil {
			t.Fatal(err)
		}
		for i, at := range times {
			begin, end := p.Bounds(at)
			if got[2*i] != begin.Unix() || got[2*i+1] != end.Unix() {
				t.Fatalf("%s of %s: %s to %s, want %s to %s", p, at, time.Unix(got[2*i], 0).UTC(), time.Unix(got[2*i+1], 0).UTC(), begin, end)
			}
		}
	}
}

// TestBounded: nothing stays in Redis for good, and a bucket not beyond being full.
func TestBounded(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, Options{URL: server.URL()})
	ctx := context.Background()
	asks := []ratelimit.Ask{
		{Counter: "quick", Bucket: &ratelimit.Bucket{Rate: 100, Burst: 10}, Hits: 1},
		{Counter: "slow", Bucket: &ratelimit.Bucket{Rate: 0.01, Burst: 10}, Hits: 10},
		{Counter: "slowest", Bucket: &ratelimit.Bucket{Rate: 1e-300, Burst: 10}, Hits: 10},
		{Counter: "never", Bucket: &ratelimit.Bucket{Burst: 10}, Hits: 1},
		{Counter: "minute", Window: &ratelimit.Window{Limit: 5, Period: ratelimit.Minute}, Hits: 1},
		{Counter: "year", Window: &ratelimit.Window{Limit: 5, Period: ratelimit.Year, Offset: 1}, Hits: 1},
		{Counter: "refused", Window: &ratelimit.Window{Period: ratelimit.Year}, Hits: 1},
	}
	if _, err := s.Take(ctx, asks); err != nil {
		t.Fatal(err)
	}
	if err := s.AddUsage(ctx, []ratelimit.Usage{{Plan: "p", Key: "k", Allowed: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := s.NamePlans(ctx, map[string]string{"p": "gold"}); err != nil {
		t.Fatal(err)
	}
	most := map[string]time.Duration{
		"b:quick": 11 * time.Millisecond, "b:slow": 1001 * time.Second, "b:slowest": 400 * 24 * time.Hour,
		"w:minute": 2 * time.Minute, "w:year": 800 * 24 * time.Hour, "plans": 91 * 24 * time.Hour, "n:p": 90 * 24 * time.Hour,
	}
	keys := server.Do("KEYS", "*").([]any)
	for _, key := range keys {
		name := strings.TrimPrefix(key.(string), "gatehouse:")
		bound, ok := most[name]
		if strings.HasPrefix(name, "u:{pp}:") {
			bound, ok = 91*24*time.Hour, true
		}
		left := time.Duration(server.Do("PTTL", key).(int64)) * time.Millisecond
		if !ok || left < 0 && left != -2*time.Millisecond || left > bound {
			t.Errorf("%s lives for %s, want at most %s", key, left, bound)
		}
	}
	if len(keys) < 7 {
		t.Errorf("keys: %v", keys)
	}
}

// TestRoundTrips: the asks of a Take go out together, and so do those of Takes that run
// at a time.
func TestRoundTrips(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, Options{URL: server.URL(), OverLimit: -1})
	calls := func() int64 {
		info := fmt.Sprint(server.Do("INFO", "commandstats"))
		_, after, _ := strings.Cut(info, "cmdstat_evalsha:calls=")
		n, _ := strconv.ParseInt(after[:max(0, strings.IndexByte(after, ','))], 10, 64)
		return n
	}
	take := func(counter string) error {
		var asks []ratelimit.Ask
		for i := range 6 {
			asks = append(asks, ratelimit.Ask{Counter: fmt.Sprint(counter, i), Bucket: &ratelimit.Bucket{Rate: 1, Burst: 10}, Hits: 1})
		}
		_, err := s.Take(context.Background(), asks)
		return err
	}
	if err := take("first"); err != nil {
		t.Fatal(err)
	}
	before := calls()
	if err := take("one"); err != nil {
		t.Fatal(err)
	}
	if n := calls() - before; n != 1 {
		t.Errorf("six asks of one Take are %d calls", n)
	}
	// While Redis does not answer, 200 Takes gather.
	before = calls()
	server.Pause()
	var wait sync.WaitGroup
	for i := range 200 {
		wait.Go(func() {
			if err := take(fmt.Sprint("many", i, " ")); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	server.Resume()
	wait.Wait()
	// 1200 asks in calls of at most 32, and those that went out before they could gather.
	if n := calls() - before; n > 90 {
		t.Errorf("200 Takes at a time are %d calls", n)
	}
}

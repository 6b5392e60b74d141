package history

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// noon is a whole day, and so a whole step of any width.
var noon = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

// clock is one that tests set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func request(of Of, status int, latency time.Duration) *Request {
	return &Request{
		ID: "id", API: of.API, Stage: of.Stage, RouteMethod: of.Method, Resource: of.Resource, Protocol: "REST",
		Status: status, Latency: latency, Received: 10, Sent: 20,
	}
}

// told is what was added, to be counted in the simplest way; without a request it is a message
// that was sent.
type told struct {
	at time.Time
	of Of
	r  *Request
}

func (o Of) covers(part Of) bool {
	for ; part != o; part = part.in() {
		if part == (Of{}) {
			return false
		}
	}
	return true
}

func recounted(all []told, of Of, from, to time.Time) Point {
	c := &cell{}
	for _, x := range all {
		switch {
		case !of.covers(x.of) || x.at.Before(from) || !x.at.Before(to):
		case x.r == nil:
			c.sockets.Sent++
		default:
			c.add(x.r)
		}
	}
	return c.point(from)
}

var comparePoints = cmp.Options{cmp.AllowUnexported(Sketch{}), cmpopts.EquateEmpty()}

// TestSeriesAndTotals tells of requests in any order of minutes, as when the clock is set,
// and counts them anew for what is asked.
func TestSeriesAndTotals(t *testing.T) {
	var routes []Of
	for _, api := range []string{"shop", "web"} {
		for _, stage := range []string{"v1", "v2"} {
			routes = append(routes, Of{api, stage, "GET", "/pets"}, Of{api, stage, "POST", "/pets"}, Of{api, stage, None, None})
		}
	}
	for _, route := range []string{"$connect", "$default", "say"} {
		routes = append(routes, Of{"chat", "v1", "", route})
	}
	random := rand.New(rand.NewPCG(3, 4))
	c := &clock{noon}
	h := New(Options{Now: c.now})
	var all []told
	tell := func() {
		of := routes[random.IntN(len(routes))]
		r := request(of, []int{200, 201, 404, 429, 500, 0}[random.IntN(6)], time.Duration(random.IntN(1e9)))
		r.Throttled = r.Status == 429
		r.Integrated, r.IntegrationLatency = r.Status < 300, r.Latency/2
		r.Cache = []string{"", CacheHit, CacheMiss}[random.IntN(3)]
		if of.Method == None {
			r.RouteMethod, r.Resource = "", ""
		}
		if of.API == "chat" {
			r.Protocol, r.Event = "WEBSOCKET", []string{"CONNECT", "MESSAGE", "DISCONNECT"}[random.IntN(3)]
			r.Fault = []string{"", "ClientError", "IntegrationError", "ExecutionError"}[random.IntN(4)]
			if random.IntN(3) == 0 {
				h.Sent(of.API, of.Stage, of.Resource)
				all = append(all, told{c.at, of, nil})
			}
		}
		all = append(all, told{c.at, of, r})
		h.Add(r)
	}
	for range 1500 {
		tell()
		c.at = c.at.Add(time.Duration(random.IntN(30)) * time.Second)
		switch random.IntN(150) {
		case 0: // set back
			c.at = c.at.Add(-17 * time.Minute)
		case 1: // set forth for a moment, far
			before := c.at
			c.at = c.at.AddDate(3, 0, 0)
			tell()
			c.at = before
		}
	}
	if c.at.Before(noon.Add(2*time.Hour)) || c.at.After(noon.Add(12*time.Hour)) {
		t.Fatalf("the test is about an odd time: %v", c.at)
	}
	things := append([]Of{{}, {API: "shop"}, {API: "chat"}, routes[14], {API: "web", Stage: "v2"}, {API: "nobody"}}, routes[:3]...)
	from, to := noon.Add(3*time.Minute+time.Second), c.at.Add(time.Second)
	for _, of := range things {
		for _, step := range []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, 7 * time.Minute} {
			points := h.Series(of, from, to, step)
			begin := from.Truncate(step)
			if step == 7*time.Minute {
				begin = time.Unix(from.Unix()/420*420, 0).UTC()
			}
			var want []Point
			for at := begin; at.Before(to); at = at.Add(step) {
				want = append(want, recounted(all, of, at, at.Add(step)))
			}
			if diff := cmp.Diff(want, points, comparePoints...); diff != "" {
				t.Fatalf("%v by %v (-counted anew):\n%.2000s", of, step, diff)
			}
		}
	}
	minute, end := from.Truncate(time.Minute), to.Truncate(time.Minute).Add(time.Minute)
	for of, parts := range map[Of][]Of{
		{}: {{API: "shop"}, {API: "web"}, {API: "chat"}}, {API: "chat", Stage: "v1"}: routes[12:], {API: "shop"}: {{API: "shop", Stage: "v1"}, {API: "shop", Stage: "v2"}},
		{API: "shop", Stage: "v1"}: routes[:3], {API: "nobody"}: nil, routes[0]: nil,
	} {
		var want []Total
		for _, part := range parts {
			want = append(want, Total{part, recounted(all, part, minute, end)})
		}
		busiestFirst(want)
		if diff := cmp.Diff(want, h.Totals(of, from, to), comparePoints...); diff != "" {
			t.Errorf("totals of %v (-counted anew):\n%.2000s", of, diff)
		}
	}
	if got := h.Names(); len(got) != len(routes) {
		t.Errorf("names: %v", got)
	}
	// Whatever is asked for is bounded.
	if n := len(h.Series(Of{}, time.Time{}, noon.AddDate(5000, 0, 0), time.Nanosecond)); n != maxPoints {
		t.Errorf("%d points", n)
	}
	if n := len(h.Series(Of{}, noon.AddDate(-1, 0, 0), c.at, 1<<62)); n > maxPoints {
		t.Errorf("%d points", n)
	}
	if n := len(h.Series(Of{}, to, from, time.Minute)); n != 0 {
		t.Errorf("%d points of a time that ends before it begins", n)
	}
}

func TestWhatDoesNotCount(t *testing.T) {
	h := New(Options{})
	for _, r := range []*Request{
		{ID: "1", Host: "scanner.example"},
		{ID: "2", API: "gone", Stage: "v1", Status: 200},
		{ID: "3", API: "chat", Stage: "v1", Protocol: "WEBSOCKET", Status: 101, Latency: time.Hour},
	} {
		h.Add(r)
	}
	now := time.Now()
	if got := h.Series(Of{}, now.Add(-time.Minute), now.Add(time.Minute), time.Hour); got[0].Count != 0 {
		t.Errorf("counted: %d", got[0].Count)
	}
	if got := h.Recent(Filter{}, 10); len(got) != 3 {
		t.Errorf("the last requests have %d of 3", len(got))
	}
}

// TestMoreRoutesThanRoom counts those that there is no room for together.
func TestMoreRoutesThanRoom(t *testing.T) {
	c := &clock{noon}
	h := New(Options{MaxSeries: 10, Now: c.now})
	for i := range 100 {
		h.Add(request(Of{"shop", "v1", "GET", fmt.Sprintf("/%d", i)}, 200, 0))
		h.Add(request(Of{fmt.Sprintf("api%d", i), "v1", "GET", "/"}, 200, 0))
	}
	if n := h.series.len(); n > 10+4 {
		t.Errorf("%d series", n)
	}
	var sum uint64
	byName := map[Of]uint64{}
	for _, total := range h.Totals(Of{}, noon, noon.Add(time.Minute)) {
		byName[total.Of] = total.Count
		sum += total.Count
	}
	if sum != 200 || byName[Of{API: "shop"}] != 100 || byName[Of{API: Other}] < 90 {
		t.Errorf("totals: %v", byName)
	}
	routes := h.Totals(Of{API: "shop", Stage: "v1"}, noon, noon.Add(time.Minute))
	if first := routes[0]; first.Of != (Of{"shop", "v1", Other, Other}) || first.Count < 90 {
		t.Errorf("the routes beyond: %v %d", first.Of, first.Count)
	}

	// After a day there is room for others, and what was is no longer told.
	c.at = noon.Add(Window + time.Hour)
	for range maxMinutePages + 60 {
		h.Add(request(Of{"new", "v1", "GET", "/"}, 200, 0))
		c.at = c.at.Add(time.Minute)
	}
	h.Add(request(Of{"newer", "v1", "GET", "/"}, 200, 0))
	names := h.Names()
	for _, name := range names {
		if name.API != "new" && name.API != "newer" && name.API != Other {
			t.Errorf("still there: %v", name)
		}
	}
	if len(names) < 2 || names[0].API != "new" && names[1].API != "new" {
		t.Errorf("names: %v", names)
	}
}

// TestAPIsThatAreCalledLate have numbers of their own also when routes have taken their room.
func TestAPIsThatAreCalledLate(t *testing.T) {
	h := New(Options{MaxSeries: 40, Now: (&clock{noon}).now})
	for i := range 100 {
		h.Add(request(Of{"shop", "v1", "GET", fmt.Sprintf("/%d", i)}, 200, 0))
	}
	for i := range 3 {
		for j := range 5 {
			h.Add(request(Of{fmt.Sprintf("api%d", i), "v1", "GET", fmt.Sprintf("/%d", j)}, 200, 0))
		}
	}
	got := map[Of]uint64{}
	for _, total := range h.Totals(Of{}, noon, noon.Add(time.Minute)) {
		got[total.Of] = total.Count
	}
	if diff := cmp.Diff(map[Of]uint64{{API: "shop"}: 100, {API: "api0"}: 5, {API: "api1"}: 5, {API: "api2"}: 5}, got); diff != "" {
		t.Error(diff)
	}
	var routes uint64
	for _, total := range h.Totals(Of{API: "shop", Stage: "v1"}, noon, noon.Add(time.Minute)) {
		if total.Of.Method != Other {
			routes += total.Count
		}
	}
	if h.together != 115-routes || routes < 25 {
		t.Errorf("%d routes are told apart, and %d requests are counted together", routes, h.together)
	}
}

// TestNoRoomForMinutes gives up minutes, and keeps their tens.
func TestNoRoomForMinutes(t *testing.T) {
	const room = 64 << 10
	c := &clock{noon}
	h := New(Options{MaxBytes: room, Now: c.now})
	for minute := range 6 * 60 {
		c.at = noon.Add(time.Duration(minute) * time.Minute)
		for i := range 10 {
			h.Add(request(Of{"shop", "v1", "GET", fmt.Sprintf("/%d", i%3)}, 200, time.Duration(i+1)*time.Millisecond))
		}
	}
	if h.bytes() > room || h.finest <= minuteOf(noon) {
		t.Fatalf("%d bytes, minutes are kept since %v", h.bytes(), timeOf(h.finest))
	}
	long := h.Series(Of{API: "shop"}, noon, noon.Add(6*time.Hour), time.Minute)
	if len(long) != 36 || long[0].Count != 100 || long[1].At.Sub(long[0].At) != 10*time.Minute {
		t.Errorf("%d points, the first with %d", len(long), long[0].Count)
	}
	short := h.Series(Of{API: "shop"}, c.at.Add(-5*time.Minute), c.at, time.Minute)
	if len(short) != 5 || short[4].Count != 10 {
		t.Errorf("of the last minutes: %d points", len(short))
	}
	if got := h.Totals(Of{}, noon, noon.Add(6*time.Hour)); len(got) != 1 || got[0].Count != 3600 {
		t.Errorf("totals: %+v", got)
	}
}

func TestTop(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	c := &clock{noon}
	h := New(Options{Now: c.now})
	exact := map[string]uint64{}
	for i := range 20_000 {
		c.at = noon.Add(time.Duration(i) * time.Hour / 20_000)
		r := request(Of{"shop", "v1", "GET", []string{"/a", "/b"}[i%2]}, 200, 0)
		switch i % 10 {
		case 0, 1, 2:
			r.Caller, r.KeyName = "192.0.2.1", "acme"
		case 3:
			r.Caller, r.KeyName = "192.0.2.2", "zeta"
		default: // a flood of addresses
			r.Caller = fmt.Sprintf("198.51.%d.%d", random.IntN(250), random.IntN(250))
		}
		exact[r.Caller]++
		h.Add(r)
	}
	for _, of := range []Of{{}, {API: "shop"}, {API: "shop", Stage: "v1"}} {
		callers := h.Top(of, ByCaller, noon, noon.Add(time.Hour), 5)
		if len(callers) != 5 || callers[0].Name != "192.0.2.1" || callers[1].Name != "192.0.2.2" {
			t.Fatalf("callers of %v: %v", of, callers)
		}
		for _, caller := range callers {
			if n := exact[caller.Name]; caller.Count < n || caller.Count-caller.Over > n {
				t.Errorf("%+v, are %d", caller, n)
			}
		}
		want := []Count{{Name: "acme", Count: 6000}, {Name: "zeta", Count: 2000}}
		if diff := cmp.Diff(want, h.Top(of, ByKey, noon, noon.Add(time.Hour), 5)); diff != "" {
			t.Errorf("keys of %v (-want):\n%s", of, diff)
		}
	}
	// Ten minutes have 3,333 requests; of every ten, those numbered 0 and 2 are of acme and to /a.
	got := h.Top(Of{"shop", "v1", "GET", "/a"}, ByKey, noon.Add(10*time.Minute), noon.Add(20*time.Minute), 1)
	if len(got) != 1 || got[0].Name != "acme" || got[0].Count < 664 || got[0].Count > 669 || got[0].Over != 0 {
		t.Errorf("of a route in ten minutes: %v", got)
	}
	if got := h.Top(Of{API: "nobody"}, ByKey, noon, noon.Add(time.Hour), 5); len(got) != 0 {
		t.Errorf("of nobody: %v", got)
	}
}

// TestWhileAsked is for the race detector.
func TestWhileAsked(t *testing.T) {
	var mu sync.Mutex
	at := noon
	registry := prometheus.NewRegistry()
	h := New(Options{Registerer: registry, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(3 * time.Second)
		return at
	}})
	var adding sync.WaitGroup
	for i := range 2 {
		adding.Go(func() {
			for j := range 2000 {
				r := request(Of{"shop", fmt.Sprint(i), "GET", fmt.Sprint("/", j%5)}, 200, time.Millisecond)
				r.KeyName, r.Caller = "acme", fmt.Sprint(j%100)
				h.Add(r)
			}
		})
	}
	done := make(chan struct{})
	go func() { adding.Wait(); close(done) }()
	for finished := false; !finished; {
		select {
		case <-done:
			finished = true
		default:
		}
		h.Series(Of{API: "shop"}, noon, noon.Add(4*time.Hour), 10*time.Minute)
		h.Totals(Of{}, noon, noon.Add(4*time.Hour))
		h.Top(Of{}, ByCaller, noon, noon.Add(4*time.Hour), 3)
		h.Names()
		h.Recent(Filter{}, 10)
	}
	if got := h.Totals(Of{}, noon, noon.Add(4*time.Hour)); got[0].Count != 4000 {
		t.Errorf("totals: %d", got[0].Count)
	}
	if n, err := testutil.GatherAndCount(registry); err != nil || n != 6 {
		t.Errorf("%d metrics, %v", n, err)
	}
}

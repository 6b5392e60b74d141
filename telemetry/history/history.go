package history

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reader is what pages and commands ask.
type Reader interface {
	// Series gives a point for every step from one time to another, zero where nothing was
	// counted. Times are whole steps: the first begins at or before from. A step is at
	// least a minute; it is ten where the minutes that were asked for have been given up.
	Series(of Of, from, to time.Time, step time.Duration) []Point
	// Totals are those of all parts of something, busiest first: of APIs for the zero Of,
	// else of an API's stages, or of a stage's routes.
	Totals(of Of, from, to time.Time) []Total
	// Names are the routes that there were requests to, busiest first.
	Names() []Of
	// Top are the keys or callers (ByKey, ByCaller) that asked most, by tens of minutes.
	Top(of Of, by string, from, to time.Time, n int) []Count
	// Request finds one of the last requests by its id.
	Request(id string) (Request, bool)
	// Recent are the last requests, newest first.
	Recent(f Filter, n int) []Request
	// Tail gives the last requests, newest first, and follows those that come behind them
	// until the context ends.
	Tail(ctx context.Context, f Filter, n int) ([]Request, *Tail)
}

// Window is how far back History goes.
const Window = 24 * time.Hour

const (
	// coarse is the width of the wider slots in minutes.
	coarse = 10
	// One more than the window has, as it begins in the middle of one.
	maxMinutePages = int(Window/time.Minute) + 1
	maxCoarsePages = maxMinutePages/coarse + 2
)

// Options configure a History. The zero value of each means its default.
type Options struct {
	// MaxSeries bounds the APIs, stages and routes that are told apart, 20,000 by default.
	MaxSeries int
	// MaxBytes bounds what the minutes take, 256 MiB by default. It is used only as far as
	// there are requests to count.
	MaxBytes int
	// MaxRequests and MaxRequestBytes bound the last requests, 10,000 and 32 MiB by default.
	MaxRequests, MaxRequestBytes int
	// Registerer is where metrics are registered; nil for nowhere.
	Registerer prometheus.Registerer
	// Now is the clock, time.Now by default.
	Now func() time.Time
}

// History is what is kept. It is safe for concurrent use.
type History struct {
	now      func() time.Time
	maxBytes int
	last     *last

	mu     sync.Mutex
	series *series
	// together are requests that there was no room to count for their route alone.
	together uint64
	minutes  *level[*cell]
	tens     *level[*cell]
	tops     *level[*tops]
	// finest is the first minute of which minutes were not given up.
	finest int64
}

var _ Reader = (*History)(nil)

// New makes a History with nothing in it.
func New(o Options) *History {
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &History{
		now: o.Now, maxBytes: cmp.Or(o.MaxBytes, 256<<20),
		last:    newLast(cmp.Or(o.MaxRequests, 10_000), cmp.Or(o.MaxRequestBytes, 32<<20)),
		series:  newSeries(max(cmp.Or(o.MaxSeries, 20_000), 4)),
		minutes: newLevel(1, newCell), tens: newLevel(coarse, newCell), tops: newLevel(coarse, newTops),
	}
	if o.Registerer != nil {
		h.register(o.Registerer)
	}
	return h
}

func (h *History) register(r prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "gatehouse", Subsystem: "history", Name: name, Help: help}, value))
	}
	locked := func(mu *sync.Mutex, value func() int) func() float64 {
		return func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return float64(value())
		}
	}
	gauge("bytes", "Bytes that the minutes of the last day take, as far as they are over.", locked(&h.mu, h.bytes))
	gauge("series", "APIs, stages and routes that are told apart.", locked(&h.mu, func() int { return h.series.len() }))
	gauge("request_bytes", "Bytes that the last requests take.", locked(&h.last.mu, func() int { return h.last.bytes }))
	gauge("tails", "Who follows requests as they come.", locked(&h.last.mu, func() int { return h.last.tails }))
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "gatehouse", Subsystem: "history", Name: "tail_lost_total", Help: "Requests that were forgotten before one who follows them had looked at them.",
	}, locked(&h.last.mu, func() int { return int(h.last.lost) })))
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Namespace: "gatehouse", Subsystem: "history", Name: "together_total", Help: "Requests that were counted together with others, as there is no room to tell more routes apart.",
	}, locked(&h.mu, func() int { return int(h.together) })))
}

// Add takes in a request that has ended, of which it keeps a copy. It makes the texts in it
// harmless.
func (h *History) Add(r *Request) {
	r.bound()
	if of, ok := r.counts(); ok {
		h.count(of, r)
	}
	h.last.add(r)
}

func (h *History) count(of Of, r *Request) {
	minute := minuteOf(h.now())
	h.mu.Lock()
	defer h.mu.Unlock()
	if minute != h.minutes.slot {
		h.advance(minute)
	}
	id := h.series.get(of)
	if h.series.all[id].of != of {
		h.together++
	}
	h.minutes.of(id).add(r)
	h.tops.of(id).add(r, routeTop)
	stage := h.series.all[id].in
	h.tops.of(stage).add(r, stageTop)
}

func minuteOf(t time.Time) int64 { return slotOf(t.Unix(), 60) }

// slotOf divides, and rounds down.
func slotOf(n, width int64) int64 {
	slot := n / width
	if n%width < 0 {
		slot--
	}
	return slot
}

// advance goes to another minute, the next one unless the clock jumps.
func (h *History) advance(minute int64) {
	h.sumUp()
	for id, c := range h.minutes.open {
		h.tens.of(id).merge(c)
	}
	h.minutes.seal()
	h.minutes.slot = minute
	if ten := slotOf(minute, coarse); ten != h.tens.slot {
		h.tens.seal()
		h.sumUpTops()
		h.tops.seal()
		h.tens.slot, h.tops.slot = ten, ten
		h.forgetNames()
	}
	h.makeRoom()
}

// sumUp adds what was counted of routes to their stages, APIs, and everything.
func (h *History) sumUp() {
	for _, id := range slices.Collect(maps.Keys(h.minutes.open)) {
		c := h.minutes.open[id]
		for up := id; up != 0; {
			up = h.series.all[up].in
			h.minutes.of(up).merge(c)
		}
	}
}

// sumUpTops does so from stages on: a stage is told of each request itself, to know more
// of those who ask many routes.
func (h *History) sumUpTops() {
	for _, id := range slices.Collect(maps.Keys(h.tops.open)) {
		if h.series.all[id].depth != 2 {
			continue
		}
		for up := id; up != 0; {
			up = h.series.all[up].in
			h.tops.of(up).merge(h.tops.open[id])
		}
	}
}

// makeRoom forgets what is older than the window, and for want of room the oldest minutes
// before their tens of minutes.
func (h *History) makeRoom() {
	for len(h.minutes.sealed) > 0 && (len(h.minutes.sealed) > maxMinutePages || h.bytes() > h.maxBytes) {
		// After the clock was wrong there may be pages of a time to come.
		if slot := h.minutes.dropOldest(); slot < h.minutes.slot {
			h.finest = max(h.finest, slot+1)
		}
	}
	for len(h.tens.sealed) > 0 && (len(h.tens.sealed) > maxCoarsePages || h.bytes() > h.maxBytes) {
		h.tens.dropOldest()
	}
	for len(h.tops.sealed) > 0 && (len(h.tops.sealed) > maxCoarsePages || h.bytes() > h.maxBytes) {
		h.tops.dropOldest()
	}
}

// forgetNames frees the numbers of what nothing is kept of, once there is no room.
func (h *History) forgetNames() {
	if h.series.hasRoom() {
		return
	}
	used := make([]bool, len(h.series.all))
	h.minutes.mark(used)
	h.tens.mark(used)
	h.tops.mark(used)
	h.series.keepOnly(used)
}

// bytes are those of all that is sealed. What is open is bounded by the number of series.
func (h *History) bytes() int { return h.minutes.bytes + h.tens.bytes + h.tops.bytes }

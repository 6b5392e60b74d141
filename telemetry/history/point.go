package history

import (
	"cmp"
	"slices"
	"time"
)

// Of names what is counted. Empty fields stand for all: the zero value is everything,
// {API} is one API, {API, Stage} a stage, and with all of them it is a route.
type Of struct {
	API      string `json:"api,omitempty"`
	Stage    string `json:"stage,omitempty"`
	Method   string `json:"method,omitempty"`
	Resource string `json:"resource,omitempty"`
}

// Words in the place of names. No definition can have them: methods are in capitals, and
// resources begin with a slash or are route keys of WebSocket APIs, which have no method.
const (
	// None stands for the method and the resource of requests that matched no route.
	None = "none"
	// Other stands for what there is no room to tell apart: routes of a stage, and
	// everything beyond.
	Other = "other"
)

// depth is how much of the name is given: 0 for everything, 3 for a route.
func (o Of) depth() int {
	switch {
	case o.API == "":
		return 0
	case o.Stage == "":
		return 1
	case o.Method == "" && o.Resource == "":
		return 2
	}
	return 3
}

// in is what it is a part of.
func (o Of) in() Of {
	switch o.depth() {
	case 3:
		return Of{API: o.API, Stage: o.Stage}
	case 2:
		return Of{API: o.API}
	}
	return Of{}
}

func compareOf(a, b Of) int {
	return cmp.Or(cmp.Compare(a.API, b.API), cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Method, b.Method))
}

// Point is what was counted from At on, for as long as the step that was asked for. A
// request counts when it has ended, by this process's clock.
type Point struct {
	At time.Time
	// Count has all requests. Client errors have a status of 400 to 499, throttled ones
	// among them; server errors 500 to 599.
	Count, ClientErrors, ServerErrors uint64
	// Throttled are those that the gateway answered with 429, for a rate or a quota.
	Throttled uint64
	// CacheHits and CacheMisses are of routes whose answers are kept.
	CacheHits, CacheMisses uint64
	// Bytes are those received and sent, headers included.
	Bytes uint64
	// Statuses are the requests by the status of their answer; 0 for those that got none.
	Statuses map[int]uint64
	// Latency is of all requests, IntegrationLatency of those that an integration answered.
	Latency, IntegrationLatency Sketch
	// Sockets are of WebSocket APIs, whose events are counted as requests.
	Sockets Sockets
}

// Add adds what was counted at another point, or of something else.
func (p *Point) Add(o *Point) {
	p.Count += o.Count
	p.ClientErrors += o.ClientErrors
	p.ServerErrors += o.ServerErrors
	p.Throttled += o.Throttled
	p.CacheHits += o.CacheHits
	p.CacheMisses += o.CacheMisses
	p.Bytes += o.Bytes
	for status, n := range o.Statuses {
		if p.Statuses == nil {
			p.Statuses = make(map[int]uint64, len(o.Statuses))
		}
		p.Statuses[status] += n
	}
	p.Latency.Merge(&o.Latency)
	p.IntegrationLatency.Merge(&o.IntegrationLatency)
	p.Sockets.Add(&o.Sockets)
}

// Total is all that was counted of something in a time.
type Total struct {
	Of Of
	Point
}

func busiestFirst(totals []Total) {
	slices.SortFunc(totals, func(a, b Total) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), compareOf(a.Of, b.Of))
	})
}

// What Top can be asked for.
const (
	// ByKey counts by the name of the API key.
	ByKey = "key"
	// ByCaller counts by the client's address.
	ByCaller = "caller"
)

// Count is how many requests came with a key, or from a caller. Where there are many of
// them, those that called little are told apart no more: Count may then be too high, by
// Over at most.
type Count struct {
	Name  string `json:"name"`
	Count uint64 `json:"count"`
	Over  uint64 `json:"over,omitempty"`
}

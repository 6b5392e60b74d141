package dashboard

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

// apiPage is how an API fared over time, stageTrafficPage a stage or a route of it.
var (
	apiPage = page{
		pattern: "apis/{api}", under: "Overview", template: "traffic", every: 5 * time.Second,
		read: (*Server).apiTraffic,
	}
	stageTrafficPage = page{
		pattern: "apis/{api}/{stage}", under: "Overview", template: "traffic", every: 5 * time.Second,
		read: (*Server).stageTraffic,
	}
)

// trafficView is what the pages show.
type trafficView struct {
	// stageView has no tabs on the page of an API.
	*stageView
	// Known tells whether requests are known of at all, Counted whether any gateway has its
	// Envoys tell about them, Connections whether it is a WebSocket API.
	Known, Counted, Connections bool
	// Apart: the connections of a WebSocket API are with another process; else Open tells how
	// many there are at the moment, but not on the page of a route.
	Apart  bool
	Open   string
	Of     Of
	Span   timespan
	Ranges []navItem
	// Any is set where any time may be asked for; Query is what a form keeps.
	Any   bool
	Query []queryValue
	// Wrong says what is wrong with what was asked for, Failed that the archive did not
	// answer.
	Wrong, Failed string
	// Since is from when on there are numbers of this process's own in place of those, which Missing
	// says that there are none of.
	Since   string
	Missing bool
	// Archived are numbers of the archive, which knows less.
	Archived bool
	// Together are calls that may be of what the page is about: there was no room to tell more
	// routes apart. TogetherHref leads to them where they have a page.
	Together     uint64
	TogetherHref string

	Total                summary
	Calls, Errors, Cache barChart
	// Messages, Connects and Faults are of WebSocket APIs alone.
	Messages, Connects, Faults barChart
	Latency, Integration       lineChart
	Rows                       []trafficRow
	Statuses                   []statusRow
	Keys, Callers              []topRow
	// Parts are the stages of an API, or the routes of a stage; PartsAre says which.
	Parts    []partRow
	PartsAre string
	// MoreParts is how many were called less than those that are shown.
	MoreParts int
	Requests  string
}

type queryValue struct{ Name, Value string }

// trafficRow is a step in the table beside the charts.
type trafficRow struct {
	At string
	summary
	P90, IntegrationP90 time.Duration
}

type statusRow struct {
	Status, Text string
	Kind         string
	Count        uint64
	Share        string
}

type topRow struct {
	Name  string
	Count uint64
	// About is set where there may be fewer.
	About bool
	Share string
	Href  string
}

type partRow struct {
	Name, Method string
	Href         string
	summary
}

func (s *Server) apiTraffic(r *http.Request) (*shown, error) {
	snapshot := s.snapshot()
	if snapshot == nil {
		return nil, absent("Nothing is served yet.")
	}
	id := r.PathValue("api")
	api := snapshot.API(id)
	if api == nil {
		return nil, notFound(fmt.Sprintf("No API has the id %q in what is served.", id))
	}
	v := &trafficView{stageView: &stageView{API: api}, Of: Of{API: id}, PartsAre: "Stages", Connections: api.Protocol == gateway.WebSocket}
	s.fillTraffic(r, v, snapshot)
	return &shown{Title: cmp.Or(api.Name, id), Trail: []link{{"Overview", Prefix}}, Data: v}, nil
}

func (s *Server) stageTraffic(r *http.Request) (*shown, error) {
	snapshot, stage, err := s.stageOf(r, "")
	if err != nil {
		return nil, err
	}
	v := &trafficView{
		stageView: stage, PartsAre: "Routes", Connections: stage.API.Protocol == gateway.WebSocket,
		Of: Of{API: stage.API.ID, Stage: stage.Stage.Name, Method: asked(r, "method"), Resource: asked(r, "resource")},
	}
	out := &shown{Title: stage.title(), Trail: []link{{"Overview", Prefix}, {cmp.Or(stage.API.Name, stage.API.ID), pathTo("apis", stage.API.ID)}}, Data: v}
	if v.Of.Method+v.Of.Resource != "" {
		out.Title = routeText(v.Of)
		out.Trail = append(out.Trail, link{stage.Stage.Name, pathTo("apis", stage.API.ID, stage.Stage.Name)})
	}
	s.fillTraffic(r, v, snapshot)
	return out, nil
}

// routeText names a route.
func routeText(of Of) string {
	switch {
	case of.Method == history.None:
		return "No route"
	case of.Method == history.Other:
		return "Other routes"
	case of.Resource == gateway.DefaultRoute || of.Method == "":
		return of.Resource
	}
	return of.Method + " " + of.Resource
}

// trafficHref is the page about something, of a time.
func trafficHref(of Of, span timespan) string {
	segments := []string{"apis", of.API}
	if of.Stage != "" {
		segments = append(segments, of.Stage)
	}
	values := span.values()
	if of.Method+of.Resource != "" {
		values.Set("method", of.Method)
		values.Set("resource", of.Resource)
	}
	if values.Get("range") == ranges[0].name {
		values.Del("range")
	}
	if len(values) == 0 {
		return pathTo(segments...)
	}
	return pathTo(segments...) + "?" + values.Encode()
}

// fillTraffic asks for all numbers of the page.
func (s *Server) fillTraffic(r *http.Request, v *trafficView, snapshot *gateway.Snapshot) {
	now := s.options.Now()
	v.Counted = slices.ContainsFunc(snapshot.Gateways, func(g gateway.Gateway) bool { return g.Telemetry })
	v.Known = s.options.Traffic != nil || s.archive != nil
	v.Any = s.archive != nil
	v.Apart = v.Connections && s.options.Connected == nil
	if v.Connections && !v.Apart && v.Of.Resource == "" {
		v.Open = showCount(uint64(s.options.Connected(v.Of.API, v.Of.Stage))) + " open now"
	}
	span, err := askedTimespan(r, now)
	if err != nil {
		v.Wrong = err.Error()
	}
	for i := range ranges {
		if ranges[i].length > history.Window && !v.Any {
			break
		}
		v.Ranges = append(v.Ranges, navItem{link{ranges[i].text, trafficHref(v.Of, lastOf(i, now))}, span.Name == ranges[i].name})
	}
	if v.Of.Method+v.Of.Resource != "" {
		v.Query = []queryValue{{"method", v.Of.Method}, {"resource", v.Of.Resource}}
	}
	if v.Span = span; !v.Known {
		return
	}
	points := s.points(r.Context(), v)
	v.draw(points)
	if s.options.Traffic == nil {
		return
	}
	if points != nil && !v.Archived {
		v.parts(s.options.Traffic.Totals(v.Of, v.Span.From, v.Span.To))
		v.together(s.options.Traffic)
		v.Keys = v.top(s.options.Traffic, history.ByKey)
		v.Callers = v.top(s.options.Traffic, history.ByCaller)
	}
	v.Requests = requestsHref(history.Filter{Of: v.Of})
}

// together looks for calls that were counted together with others.
func (v *trafficView) together(traffic history.Reader) {
	others := Of{API: history.Other}
	if v.Of.Method+v.Of.Resource != "" {
		others = Of{API: v.Of.API, Stage: v.Of.Stage, Method: history.Other, Resource: history.Other}
		if v.Of == others {
			return
		}
		v.TogetherHref = trafficHref(others, v.Span)
	}
	for _, point := range traffic.Series(others, v.Span.From, v.Span.To, v.Span.Step) {
		v.Together += point.Count
	}
}

// points are those of the time that is asked for: of this process's own history, or of the
// archive where it goes further back.
func (s *Server) points(ctx context.Context, v *trafficView) []Point {
	own := s.options.Traffic != nil
	if s.archive != nil && (!own || !v.Span.recent(s.started, s.options.Now())) {
		v.Archived = true
		points, err := s.archive.series(ctx, v.Of, v.Span)
		if err == nil {
			return points
		}
		s.log.Warn("the archive of metrics did not answer", "error", err)
		v.Failed = err.Error()
		from := v.Span.remembered(s.started, s.options.Now())
		if !own || !from.Before(v.Span.To) {
			v.Missing = true
			return nil
		}
		v.Archived, v.Since = false, v.Span.at(from)
		return s.options.Traffic.Series(v.Of, from, v.Span.To, v.Span.Step)
	}
	if !v.Span.recent(time.Time{}, s.options.Now()) {
		v.Wrong = "That is longer ago than the day that this process remembers: with --prometheus-url it can ask a Prometheus."
		return nil
	}
	points := s.options.Traffic.Series(v.Of, v.Span.From, v.Span.To, v.Span.Step)
	if len(points) > 1 {
		// It may be wider where there was no room for the minutes.
		v.Span.Step = points[1].At.Sub(points[0].At)
	}
	return points
}

// sketchOf is how long requests took.
type sketchOf = history.Sketch

// draw makes the charts, and the table beside them.
func (v *trafficView) draw(points []Point) {
	var whole Point
	by := stepText(v.Span.Step)
	v.Calls, v.Errors, v.Cache = newBarChart("good", "client", "server"), newBarChart("throttled", "client", "server"), newBarChart("good", "miss")
	for i := range points {
		p := &points[i]
		whole.Add(p)
		tick, at := v.Span.tick(p.At), v.Span.at(p.At)+" UTC: "
		if !tickFits(i, len(points)) {
			tick = ""
		}
		errors, throttled := min(p.ClientErrors+p.ServerErrors, p.Count), min(p.Throttled, p.ClientErrors)
		v.Calls.add(p.At, tick, at+fmt.Sprintf("%s calls, %s 4xx, %s 5xx", showExact(p.Count), showExact(p.ClientErrors), showExact(p.ServerErrors)),
			p.Count-errors, p.ClientErrors, p.ServerErrors)
		v.Errors.add(p.At, tick, at+fmt.Sprintf("%s throttled, %s other 4xx, %s 5xx", showExact(throttled), showExact(p.ClientErrors-throttled), showExact(p.ServerErrors)),
			throttled, p.ClientErrors-throttled, p.ServerErrors)
		v.Cache.add(p.At, tick, at+fmt.Sprintf("%s hits, %s misses", showExact(p.CacheHits), showExact(p.CacheMisses)), p.CacheHits, p.CacheMisses)
		if p.Count > 0 || p.Sockets != (history.Sockets{}) {
			row := trafficRow{At: v.Span.at(p.At), summary: summarize(p), P90: p.Latency.Quantile(0.9), IntegrationP90: p.IntegrationLatency.Quantile(0.9)}
			v.Rows = append(v.Rows, row)
		}
	}
	slices.Reverse(v.Rows)
	t := summarize(&whole)
	v.Total = t
	v.Calls = v.Calls.done(fmt.Sprintf("Calls by %s: %s in all", by, showExact(t.Calls)))
	v.Errors = v.Errors.done(fmt.Sprintf("Errors by %s: %s throttled, %s 4xx with those, %s 5xx", by, showExact(t.Throttled), showExact(t.ClientErrors), showExact(t.ServerErrors)))
	v.Cache = v.Cache.done(fmt.Sprintf("Cache by %s: %s hits, %s misses", by, showExact(t.CacheHits), showExact(t.Cacheable-t.CacheHits)))
	if v.Connections {
		v.drawConnections(points)
	}
	v.Latency = latencyChart("Latency", points, v.Span, func(p *Point) *sketchOf { return &p.Latency })
	v.Integration = latencyChart("Integration latency", points, v.Span, func(p *Point) *sketchOf { return &p.IntegrationLatency })
	for _, status := range slices.Sorted(maps.Keys(whole.Statuses)) {
		row := statusRow{Status: fmt.Sprint(status), Text: http.StatusText(status), Count: whole.Statuses[status], Share: showPercent(whole.Statuses[status], t.Calls)}
		switch status / 100 {
		case 0:
			row.Status, row.Text = nothing, "no answer began"
		case 4:
			row.Kind = "warn"
		case 5:
			row.Kind = "bad"
		}
		v.Statuses = append(v.Statuses, row)
	}
}

// partsSize is how many stages or routes are shown: every few seconds, to all who look on.
const partsSize = 100

// parts are what the numbers are made up of, busiest first.
func (v *trafficView) parts(totals []history.Total) {
	v.MoreParts = max(len(totals)-partsSize, 0)
	for _, total := range totals[:len(totals)-v.MoreParts] {
		row := partRow{Name: total.Of.Stage, Href: trafficHref(total.Of, v.Span), summary: summarize(&total.Point)}
		if of := total.Of; of.Method+of.Resource != "" {
			row.Name = routeText(of)
			if row.Name == of.Method+" "+of.Resource {
				row.Name, row.Method = of.Resource, of.Method
			}
		}
		v.Parts = append(v.Parts, row)
	}
}

// topSize is how many keys and callers are shown.
const topSize = 10

func (v *trafficView) top(traffic Traffic, by string) (rows []topRow) {
	for _, c := range traffic.Top(v.Of, by, v.Span.From, v.Span.To, topSize) {
		filter := history.Filter{Of: v.Of, Caller: c.Name}
		if by == history.ByKey {
			filter = history.Filter{Of: v.Of, Key: c.Name}
		}
		rows = append(rows, topRow{c.Name, c.Count, c.Over > 0, showPercent(min(c.Count, v.Total.Calls), v.Total.Calls), requestsHref(filter)})
	}
	return rows
}

// requestsHref leads to the last requests of a kind.
func requestsHref(f history.Filter) string {
	values := url.Values{}
	for name, value := range map[string]string{
		"api": f.Of.API, "stage": f.Of.Stage, "method": f.Of.Method, "resource": f.Of.Resource, "key": f.Key, "caller": f.Caller, "connection": f.Connection,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(values) == 0 {
		return pathTo("requests")
	}
	return pathTo("requests") + "?" + values.Encode()
}

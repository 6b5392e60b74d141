package dashboard

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

// overviewPage is what people see first: each API and stage, with how it fared in the last
// hour.
var overviewPage = page{
	pattern: "{$}", nav: "Overview", template: "overview", every: 2 * time.Second,
	read: (*Server).overview,
}

// overviewSize is how many APIs are shown at once.
const overviewSize = 25

// overview is what the page shows.
type overview struct {
	// Known tells whether this process knows of requests, Counted whether any gateway has
	// its Envoys tell about them.
	Known, Counted bool
	// Young is when counting began, if that was within the hour.
	Young *time.Time
	Total summary
	// Rate is how many calls there were in a second, in the last one or two minutes.
	Rate  string
	Chart barChart
	Rows  []overviewRow
	overviewQuery
	// All is how many APIs there are, whichever are asked for.
	All   int
	Sorts []sortLink
	Pager pager
}

// overviewQuery is what of it is asked for.
type overviewQuery struct {
	Filter, Sort string
}

type sortLink struct {
	link
	Current bool
}

// overviewRow is an API, or a stage of one.
type overviewRow struct {
	// ID names the row among the others.
	ID, Name, Stage string
	Protocol        gateway.Protocol
	Href            string
	// Part: it is a stage below its API.
	Part bool
	// Gone: it was called, and is no longer defined.
	Gone bool
	// Together: it stands for all APIs that there was no room to tell apart.
	Together bool
	// Canary is the percentage of a stage's canary, empty without one.
	Canary string
	summary
	Line   sparkline
	Stages []overviewRow
}

// overviewSorts are what APIs may be sorted by. Who is first is what sort compares as less.
var overviewSorts = []struct {
	name, text string
	sort       func(a, b *overviewRow) int
}{
	{"calls", "Calls", func(a, b *overviewRow) int { return cmp.Compare(b.Calls, a.Calls) }},
	{"errors", "5xx", func(a, b *overviewRow) int {
		return cmp.Or(cmp.Compare(b.ServerErrors, a.ServerErrors), cmp.Compare(b.ClientErrors, a.ClientErrors))
	}},
	{"latency", "p99", func(a, b *overviewRow) int { return cmp.Compare(b.P99, a.P99) }},
	{"throttled", "Throttled", func(a, b *overviewRow) int { return cmp.Compare(b.Throttled, a.Throttled) }},
	{"name", "Name", func(a, b *overviewRow) int { return 0 }},
}

func (s *Server) overview(r *http.Request) (*shown, error) {
	now, snapshot := s.options.Now(), s.snapshot()
	o := &overview{Known: s.options.Traffic != nil, overviewQuery: askedOverview(r)}
	rows := s.overviewAPIs(snapshot, now)
	o.All = len(rows)
	rows = slices.DeleteFunc(rows, func(row overviewRow) bool { return !contains(row.Name, o.Filter) && !contains(row.ID, o.Filter) })
	for _, by := range overviewSorts {
		if by.name == o.Sort {
			slices.SortStableFunc(rows, func(a, b overviewRow) int {
				return cmp.Or(by.sort(&a, &b), strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.ID, b.ID))
			})
		}
		o.Sorts = append(o.Sorts, sortLink{link{by.text, overviewQuery{Filter: o.Filter, Sort: by.name}.href()}, by.name == o.Sort})
	}
	o.Rows, o.Pager = paged(r, "APIs", rows, overviewSize, "q", "sort")
	for i := range o.Rows {
		s.fillRow(&o.Rows[i], snapshot, now)
	}
	if snapshot != nil {
		o.Counted = slices.ContainsFunc(snapshot.Gateways, func(g gateway.Gateway) bool { return g.Telemetry })
	}
	if o.Known {
		if now.Sub(s.started) < window {
			o.Young = &s.started
		}
		points := s.traffic.minutely(Of{}, now)
		o.Total, o.Chart = s.traffic.of(Of{}, now), callsChart(points)
		if n := len(points); n > 1 {
			// The last minute has only begun.
			o.Rate = showRate(float64(points[n-2].Count+points[n-1].Count) / max(now.Sub(points[n-2].At).Seconds(), 1))
		}
	}
	return &shown{Title: "Overview", Data: o}, nil
}

func askedOverview(r *http.Request) overviewQuery {
	values := r.URL.Query()
	q := overviewQuery{Filter: asked(r, "q"), Sort: "calls"}
	for _, by := range overviewSorts {
		if values.Get("sort") == by.name {
			q.Sort = by.name
		}
	}
	return q
}

// href is the address of the page with this query.
func (q overviewQuery) href() string {
	values := url.Values{}
	if q.Filter != "" {
		values.Set("q", q.Filter)
	}
	if q.Sort != "calls" {
		values.Set("sort", q.Sort)
	}
	if len(values) == 0 {
		return Prefix
	}
	return Prefix + "?" + values.Encode()
}

// overviewAPIs are all APIs, with what they are sorted by.
func (s *Server) overviewAPIs(snapshot *gateway.Snapshot, now time.Time) (rows []overviewRow) {
	defined := map[string]bool{}
	if snapshot != nil {
		for i := range snapshot.APIs {
			a := &snapshot.APIs[i]
			defined[a.ID] = true
			rows = append(rows, overviewRow{ID: a.ID, Name: cmp.Or(a.Name, a.ID), Protocol: a.Protocol})
		}
	}
	if s.options.Traffic == nil {
		return rows
	}
	called := s.traffic.parts(Of{}, now)
	for i := range rows {
		rows[i].summary = called[Of{API: rows[i].ID}]
	}
	// What is gone is of no interest any more when nobody has called it for an hour.
	for of, sum := range called {
		if !defined[of.API] && sum.Calls > 0 {
			row := overviewRow{ID: of.API, Name: of.API, Gone: true, summary: sum}
			if of.API == history.Other {
				row.Name, row.Gone, row.Together = "Other APIs", false, true
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// fillRow adds what is only asked for of rows that are shown. An API of one stage is one row.
func (s *Server) fillRow(row *overviewRow, snapshot *gateway.Snapshot, now time.Time) {
	if s.options.Traffic != nil {
		row.Line = callsLine(s.traffic.minutely(Of{API: row.ID}, now))
	}
	if row.Gone || row.Together || snapshot == nil {
		return
	}
	api := snapshot.API(row.ID)
	if api == nil {
		return
	}
	row.Href = pathTo("apis", row.ID)
	for i := range api.Stages {
		st := &api.Stages[i]
		stage := overviewRow{ID: row.ID + "/" + st.Name, Name: row.Name, Stage: st.Name, Protocol: row.Protocol, Href: stageHref(row.ID, st.Name)}
		if st.Canary != nil {
			stage.Canary = strconv.FormatFloat(st.Canary.Percent, 'g', 4, 64)
		}
		if len(api.Stages) == 1 {
			row.Stage, row.Href, row.Canary = stage.Stage, stage.Href, stage.Canary
			return
		}
		if s.options.Traffic != nil {
			of := Of{API: row.ID, Stage: st.Name}
			stage.summary, stage.Line = s.traffic.of(of, now), callsLine(s.traffic.minutely(of, now))
		}
		stage.Part = true
		row.Stages = append(row.Stages, stage)
	}
}

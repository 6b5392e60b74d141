package dashboard

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/explain"
	"gatehouse/telemetry/history"
)

// requestsPage is the last requests as they come, requestPage one of them.
var (
	requestsPage = page{
		pattern: "requests", nav: "Requests", template: "requests", every: time.Second,
		read: (*Server).requests, following: (*Server).tailRequests,
	}
	requestPage = page{
		pattern: "requests/{id}", under: "Requests", template: "request",
		read: (*Server).request,
	}
)

// requestsSize is how many requests are shown at once.
const requestsSize = 100

type requestsView struct {
	// Counted tells whether any gateway has its Envoys tell about requests.
	Counted bool
	// Filter is what was asked for, Wrong what is wrong with it.
	Filter requestsFilter
	Wrong  string
	// Route is the route that is asked for, by its name.
	Route    string
	Requests []requestRow
	APIs     []string
	// Tailed tells of those that came while somebody looks on; nil when the page is loaded.
	Tailed *tailed
}

// Filtered tells whether not all are asked for.
func (v *requestsView) Filtered() bool { return v.Filter != requestsFilter{} }

// requestsFilter is what of a request is asked for, as it was written.
type requestsFilter struct {
	API, Stage, Method, Resource, Status, Key, Caller, Connection, Path string
}

type requestRow struct {
	history.Request
	Clock string
	Href  string
	Kind  string
	// Why tells why it was refused or what else is special, in words.
	Why string
}

// requests is the page as it is when it is loaded.
func (s *Server) requests(r *http.Request) (*shown, error) {
	v, filter, err := s.askedRequests(r)
	if err != nil {
		return nil, err
	}
	if v.Wrong == "" {
		v.list(s.options.Traffic.Recent(filter, requestsSize))
	}
	return &shown{Title: "Requests", Data: v}, nil
}

// askedRequests is what the page shows but for requests, and which those are.
func (s *Server) askedRequests(r *http.Request) (*requestsView, history.Filter, error) {
	if s.options.Traffic == nil {
		return nil, history.Filter{}, absent("Envoys tell about requests to a process that has the role telemetry, which this one has not. The dashboard of that one shows them.")
	}
	v := &requestsView{Filter: requestsFilter{
		asked(r, "api"), asked(r, "stage"), asked(r, "method"), asked(r, "resource"), asked(r, "status"), asked(r, "key"), asked(r, "caller"), asked(r, "connection"), asked(r, "path"),
	}}
	if snapshot := s.snapshot(); snapshot != nil {
		for i := range snapshot.Gateways {
			v.Counted = v.Counted || snapshot.Gateways[i].Telemetry
		}
		// A list of thousands helps nobody.
		for i := range snapshot.APIs[:min(len(snapshot.APIs), 200)] {
			v.APIs = append(v.APIs, snapshot.APIs[i].ID)
		}
	}
	f := &v.Filter
	filter := history.Filter{Of: Of{API: f.API, Stage: f.Stage, Method: f.Method, Resource: f.Resource}, Key: f.Key, Caller: f.Caller, Connection: f.Connection, Path: f.Path}
	if f.Method+f.Resource != "" {
		v.Route = routeText(filter.Of)
	}
	statuses, err := history.ParseStatuses(f.Status)
	if err != nil {
		v.Wrong = err.Error()
	}
	filter.Status = statuses
	return v, filter, nil
}

// list shows requests, which may come in any order: Envoy's threads tell of theirs one after
// the other.
func (v *requestsView) list(last []history.Request) {
	slices.SortStableFunc(last, func(a, b history.Request) int { return b.At.Add(b.Latency).Compare(a.At.Add(a.Latency)) })
	for _, told := range last {
		v.Requests = append(v.Requests, rowOf(told))
	}
}

func rowOf(told history.Request) requestRow {
	row := requestRow{Request: told, Clock: told.At.UTC().Format("15:04:05.000"), Href: pathTo("requests", told.ID)}
	switch {
	case told.Status >= 500 || told.Status == 0:
		row.Kind = "bad"
	case told.Status >= 400, told.Fault != "":
		row.Kind = "warn"
	}
	var why []string
	for _, text := range []string{told.Fault, told.ResponseType, told.Authorizer.Failure, told.Signature.Failure, told.Permission.Failure} {
		if text != "" {
			why = append(why, text)
		}
	}
	if told.Cache != "" {
		why = append(why, "cache "+told.Cache)
	}
	if told.Canary {
		why = append(why, "canary")
	}
	row.Why = strings.Join(why, " · ")
	return row
}

type requestView struct {
	requestRow
	Route         string
	Facts, Checks []fact
	// Others leads to others of the same route, Traffic to how the route fares, Connection to
	// all events of the same connection.
	Others, Traffic, Connection string
	// Explained is what became of it, and why.
	Explained *explainedView
}

func (s *Server) request(r *http.Request) (*shown, error) {
	if s.options.Traffic == nil {
		return nil, absent("Envoys tell about requests to a process that has the role telemetry, which this one has not.")
	}
	told, known := s.options.Traffic.Request(r.PathValue("id"))
	if !known {
		return nil, notFound("This request is not among the last ones, which are all that is kept. Envoys tell about requests when they have ended, within a second.")
	}
	v := &requestView{requestRow: rowOf(told)}
	of := Of{API: told.API, Stage: told.Stage, Method: told.RouteMethod, Resource: told.Resource}
	if told.API != "" {
		v.Others, v.Traffic = requestsHref(history.Filter{Of: of}), trafficHref(of, timespan{Name: ranges[0].name})
	}
	if of.Method+of.Resource != "" {
		v.Route = routeText(of)
	}
	v.Facts, v.Checks = factsOf(&told), checksOf(&told)
	if told.ConnectionID != "" {
		v.Connection = requestsHref(history.Filter{Connection: told.ConnectionID})
	}
	if snapshot := s.snapshot(); snapshot != nil {
		v.Explained = viewExplained(explain.Happened(snapshot, told))
	}
	return &shown{Title: "Request " + told.ID, Trail: []link{{"Requests", pathTo("requests")}}, Data: v}, nil
}

// factsOf is all that is known of a request, but for what the page says elsewhere.
func factsOf(r *history.Request) (facts []fact) {
	add := func(name, text string) {
		if text != "" {
			facts = append(facts, fact{Name: name, Text: text})
		}
	}
	add("Began", showMoment(r.At)+" UTC")
	add("Took", showDuration(r.Latency))
	if r.Integrated {
		add("Integration took", showDuration(r.IntegrationLatency))
	}
	if r.IntegrationStatus != 0 {
		add("Integration answered", strconv.Itoa(r.IntegrationStatus))
	}
	add("Connection", r.ConnectionID)
	add("It ended with", r.Ended)
	add("Host", r.Host)
	add("Path", r.Path)
	add("Protocol", r.HTTPVersion)
	add("Caller", r.Caller)
	add("Client", r.UserAgent)
	add("API key", r.KeyName)
	if r.Event == "" {
		add("Received and sent", showBytes(int64(r.Received))+", "+showBytes(int64(r.Sent)))
	}
	add("Cache", r.Cache)
	if r.Canary {
		add("Canary", "it was answered by the canary")
	}
	add("Sent to", strings.TrimSpace(r.Upstream+" "+r.UpstreamAddress))
	if r.Event == "" {
		add("No connection", r.UpstreamFailure)
	} else {
		add("No answer of the integration", r.UpstreamFailure)
	}
	add("Envoy", r.Node)
	add("Envoy's details", r.Details)
	add("Envoy's flags", r.Flags)
	add("Revision", shortRevision(r.Revision))
	return facts
}

// checksOf are what became of the checks of the caller, and the refusal if there is one.
func checksOf(r *history.Request) (facts []fact) {
	for _, check := range []struct {
		name string
		history.Check
	}{{"Signature", r.Signature}, {"Permission", r.Permission}, {"Authorizer", r.Authorizer}} {
		if check.Status != "" {
			facts = append(facts, fact{Name: check.name, Text: cmp.Or(check.Failure, "passed")})
		}
	}
	if r.Fault != "" {
		facts = append(facts, fact{Name: "Failed with", Text: r.Fault})
	}
	if r.ResponseType != "" {
		facts = append(facts, fact{Name: "Refused with", Text: r.ResponseType})
	}
	if r.ErrorMessage != "" {
		facts = append(facts, fact{Name: "Message", Text: r.ErrorMessage})
	}
	return facts
}

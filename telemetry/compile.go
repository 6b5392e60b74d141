package telemetry

import (
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
)

// Compiled is what a snapshot says about requests: how those of each stage are logged and
// counted. It is never changed.
type Compiled struct {
	stages  map[stageKey]*stage
	domains map[string][]string
	// series are the labels of the metrics that there may be.
	series   map[labels]bool
	revision string
}

type stageKey struct{ api, stage string }

// stage is one that requests are told about.
type stage struct {
	api  *gateway.API
	name string
	// base and canary are what is deployed, the latter nil without a canary.
	base, canary *deployment
	// log is nil where nothing is logged.
	log *stageLog
	// executions is nil where no accounts of requests are kept.
	executions *executions
	// labels are those of requests that are counted for the stage alone.
	labels  labels
	series  seriesCache
	sockets socketSeriesCache
	// cacheBytes is the size of its cache, 0 without one.
	cacheBytes int64
}

func (s *stage) deployment(canary bool) *deployment {
	if canary && s.canary != nil {
		return s.canary
	}
	return s.base
}

type deployment struct {
	*gateway.Deployment
	routes map[string]*route
}

// route is one with what is logged of it, and counted.
type route struct {
	*gateway.Route
	key, resourceID string
	labels          labels
	series          seriesCache
	sockets         socketSeriesCache
	// execution is how much is told of its requests.
	execution gateway.ExecutionDetail
	// cached are routes whose answers are kept.
	cached bool
}

// labels are those of the metrics. Every value is of a definition, never of a request.
type labels struct{ apiID, apiName, stage, method, resource string }

// otherLabel stands for what there is no room for.
const otherLabel = "other"

// Compile makes ready what a snapshot needs. It has no other effect: files are opened when
// there is something to write.
func (s *Server) Compile(snapshot *gateway.Snapshot) *Compiled {
	c := &Compiled{stages: map[stageKey]*stage{}, domains: map[string][]string{}, series: map[labels]bool{}, revision: snapshot.Revision()}
	room := s.maxSeries
	// Labels that are the same are one series.
	take := func(l labels, instead ...labels) labels {
		for _, l := range append([]labels{l}, instead...) {
			if c.series[l] {
				return l
			}
			if room > 0 {
				room--
				c.series[l] = true
				return l
			}
		}
		l = instead[len(instead)-1]
		c.series[l] = true
		return l
	}
	all := labels{apiID: otherLabel, apiName: otherLabel, stage: otherLabel}
	for i := range snapshot.APIs {
		api := &snapshot.APIs[i]
		for j := range api.Stages {
			of := &api.Stages[j]
			st := &stage{api: api, name: of.Name, labels: take(labels{apiID: api.ID, apiName: api.Name, stage: of.Name}, all)}
			if of.AccessLog != nil {
				st.log = s.compileLog(api, of)
			}
			st.executions = s.compileExecutions(api, of)
			if of.Cache != nil {
				st.cacheBytes = of.Cache.Bytes
			}
			c.stages[stageKey{api.ID, of.Name}] = st
		}
	}
	for i := range snapshot.APIs {
		api := &snapshot.APIs[i]
		for j := range api.Stages {
			of := &api.Stages[j]
			st := c.stages[stageKey{api.ID, of.Name}]
			compile := func(d *gateway.Deployment) *deployment {
				out := &deployment{Deployment: d, routes: make(map[string]*route, len(d.Routes))}
				for k := range d.Routes {
					r := &route{Route: &d.Routes[k], key: d.Routes[k].Key(), resourceID: lambdaevent.ResourceID(d.Routes[k].Path), labels: st.labels, cached: of.RouteCache(&d.Routes[k]) != nil}
					r.execution = of.RouteExecution(r.key)
					if of.RouteDetailed(r.key) && st.labels != all {
						l := st.labels
						l.method, l.resource = r.Method, r.Path
						rest := st.labels
						rest.method, rest.resource = otherLabel, otherLabel
						if api.Protocol == gateway.WebSocket {
							l.method, rest.method = "", ""
							l.resource = r.key
						}
						r.labels = take(l, rest)
					}
					out.routes[r.key] = r
				}
				return out
			}
			st.base = compile(of.Deployment)
			if of.Canary != nil {
				st.canary = st.base
				if of.Canary.Deployment != nil && of.Canary.Deployment != of.Deployment {
					st.canary = compile(of.Canary.Deployment)
				}
			}
		}
	}
	for i := range snapshot.Domains {
		d := &snapshot.Domains[i]
		c.domains[d.Name] = []string{}
		for _, m := range d.Mappings {
			if m.Rule == nil {
				c.domains[d.Name] = append(c.domains[d.Name], m.Path)
			}
		}
		// The longest comes first, as requests are matched.
		slices.SortFunc(c.domains[d.Name], func(a, b string) int { return len(b) - len(a) })
	}
	return c
}

// basePath is the base path of a custom domain that a request was for; false where its
// host is none.
func (c *Compiled) basePath(host, path string) (string, bool) {
	mappings, ok := c.domains[host]
	for suffix := host; !ok; {
		var cut bool
		if _, suffix, cut = strings.Cut(suffix, "."); !cut {
			break
		}
		mappings, ok = c.domains["*."+suffix]
	}
	if !ok {
		mappings = c.domains["*"]
	}
	for _, base := range mappings {
		if base == "" || path == "/"+base || strings.HasPrefix(path, "/"+base+"/") {
			return base, true
		}
	}
	return "", false
}

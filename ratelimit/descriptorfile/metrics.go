package descriptorfile

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics that have no names of the files in them.
type metrics struct{ storeErrors prometheus.Counter }

func newMetrics(r prometheus.Registerer) *metrics {
	return &metrics{promauto.With(r).NewCounter(prometheus.CounterOpts{
		Name: "gatehouse_ratelimit_file_store_errors_total", Help: "Calls about domains of files that the store of limits answered with an error.",
	})}
}

// outcomes are the hits of one limit.
type outcomes struct{ within, over, shadow, unlimited atomic.Int64 }

// domainOutcomes are those of a domain's descriptors without a limit in the file.
type domainOutcomes struct {
	// own are those of limits that requests brought.
	own outcomes
	// unmatched descriptors, each counted once.
	unmatched atomic.Int64
}

// newServing takes the counts of limits that stay over from what was served before:
// numbers of a limit that is gone go with it, so that files that are written again and
// again don't fill the memory.
func newServing(l *Limits, before *serving) *serving {
	type place struct{ domain, path string }
	known := map[place]*outcomes{}
	for _, limit := range before.all {
		known[place{limit.Domain, limit.Path}] = before.outcomes[limit]
	}
	s := &serving{Limits: l, outcomes: map[*Limit]*outcomes{}, domains: map[string]*domainOutcomes{}}
	for _, limit := range l.all {
		o := known[place{limit.Domain, limit.Path}]
		if o == nil {
			o = &outcomes{}
		}
		s.outcomes[limit] = o
	}
	for name := range l.domains {
		o := before.domains[name]
		if o == nil {
			o = &domainOutcomes{}
		}
		s.domains[name] = o
	}
	return s
}

// count counts the outcome of each descriptor of a call.
func (s *serving) count(c *call) {
	domain := s.domains[c.request.GetDomain()]
	for i := range c.descriptors {
		d := &c.descriptors[i]
		if d.limit == nil {
			if domain != nil {
				domain.unmatched.Add(1)
			}
			continue
		}
		if d.replaced || d.hits <= 0 {
			continue
		}
		o := s.outcomes[d.limit]
		if d.own {
			o = &domain.own
		}
		switch {
		case d.limit.Unlimited:
			o.unlimited.Add(d.hits)
		case d.refuses():
			o.over.Add(d.hits)
		case d.over:
			o.shadow.Add(d.hits)
		default:
			o.within.Add(d.hits)
		}
	}
}

var (
	hitsDesc = prometheus.NewDesc("gatehouse_ratelimit_file_hits_total",
		"Hits of limits of files, by what became of them: within, over (refused), shadow (over, but let through) or unlimited. The descriptor is where the limit stands in the file; it is empty for limits that requests brought.",
		[]string{"domain", "descriptor", "outcome"}, nil)
	unmatchedDesc = prometheus.NewDesc("gatehouse_ratelimit_file_unmatched_total",
		"Descriptors that a file has no limit for. They are let through.", []string{"domain"}, nil)
)

// collector gives what was counted. No label has anything that callers send.
type collector struct{ *Service }

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) { out <- hitsDesc; out <- unmatchedDesc }

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	now := c.serving.Load()
	send := func(o *outcomes, domain, path string) {
		for _, n := range []struct {
			name  string
			count int64
		}{{"within", o.within.Load()}, {"over", o.over.Load()}, {"shadow", o.shadow.Load()}, {"unlimited", o.unlimited.Load()}} {
			// There may be many limits that nobody asks for.
			if n.count > 0 {
				out <- prometheus.MustNewConstMetric(hitsDesc, prometheus.CounterValue, float64(n.count), domain, path, n.name)
			}
		}
	}
	for _, limit := range now.all {
		send(now.outcomes[limit], limit.Domain, limit.Path)
	}
	for _, name := range now.Domains() {
		send(&now.domains[name].own, name, "")
		out <- prometheus.MustNewConstMetric(unmatchedDesc, prometheus.CounterValue, float64(now.domains[name].unmatched.Load()), name)
	}
}

package xds

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are labelled by the short name of the resource type ("RDS").
type metrics struct {
	nodes     *prometheus.GaugeVec
	pushes    *prometheus.CounterVec
	resources *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	acks      *prometheus.CounterVec
	nacks     *prometheus.CounterVec
	invalid   prometheus.Counter
	sets      *prometheus.CounterVec
	duration  prometheus.Histogram
}

// newMetrics makes the metrics and registers them, if there is a registry.
func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "gatehouse", Subsystem: "xds", Name: name, Help: help}, labels)
	}
	m := &metrics{
		nodes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "gatehouse", Subsystem: "xds", Name: "connected_nodes",
			Help: "Envoys connected, by gateway; without one if no revision defines theirs.",
		}, []string{"gateway"}),
		pushes:    counter("pushes_total", "Responses sent to Envoys.", "type"),
		resources: counter("pushed_resources_total", "Resources sent to Envoys, removals included.", "type"),
		bytes:     counter("pushed_bytes_total", "Bytes of responses sent to Envoys.", "type"),
		acks:      counter("acks_total", "Responses that Envoys acknowledged.", "type"),
		nacks:     counter("nacks_total", "Responses that Envoys refused, in whole or in part.", "type"),
		invalid: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "gatehouse", Subsystem: "xds", Name: "invalid_resources_total",
			Help: "Resources that were found invalid before anything was sent.",
		}),
		sets: counter("revisions_total", "Revisions set, by result: ok, invalid, rejected, canceled.", "result"),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "gatehouse", Subsystem: "xds", Name: "set_seconds",
			Help:    "Time to put a revision in the caches, waits for Envoys included.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
	}
	// A counter that comes to be with its first refusal has not increased, to Prometheus.
	for _, name := range shortNames {
		m.nacks.WithLabelValues(name)
	}
	if reg != nil {
		reg.MustRegister(m.nodes, m.pushes, m.resources, m.bytes, m.acks, m.nacks, m.invalid, m.sets, m.duration)
	}
	return m
}

// countNodes brings the gauge up to date. It needs mu.
func (s *Server) countNodes() {
	s.metrics.nodes.Reset()
	s.metrics.nodes.WithLabelValues("").Set(0)
	for _, g := range s.gateways {
		if g.defined {
			s.metrics.nodes.WithLabelValues(g.name).Set(float64(len(g.streams)))
			continue
		}
		// Names that Envoys claim are not used as labels: there is no end to them.
		s.metrics.nodes.WithLabelValues("").Add(float64(len(g.streams)))
	}
}

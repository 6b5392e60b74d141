package integration

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics of the service. None has a label that clients could make values of.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	failures *prometheus.CounterVec
	caches   *prometheus.CounterVec
	waiting  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	return &metrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_integration_requests_total", Help: "Requests that were answered, by kind of integration and class of status.",
		}, []string{"handler", "status"}),
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gatehouse_integration_seconds", Help: "Time until requests were answered, calls of functions included.",
			Buckets: prometheus.ExponentialBuckets(0.001, 3, 10),
		}, []string{"handler"}),
		failures: f.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_integration_failures_total", Help: "Requests that the gateway answered with an error of its own, by why.",
		}, []string{"handler", "failure"}),
		caches: f.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_stage_cache_requests_total", Help: "Requests of routes whose answers are kept, by API and stage, and whether there was one: hit, miss, or refresh where the client asked for a new one.",
		}, []string{"api", "stage", "result"}),
		waiting: f.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_stage_cache_waiting", Help: "Requests that wait for an answer which another one fetches.",
		}),
	}
}

// noHandler is the label of requests whose route is not known.
const noHandler = "none"

func (m *metrics) answered(x *exchange, took time.Duration) {
	kind := noHandler
	if x.route != nil {
		kind = x.route.handler.kind()
	}
	m.requests.WithLabelValues(kind, strconv.Itoa(x.status/100)+"xx").Inc()
	m.seconds.WithLabelValues(kind).Observe(took.Seconds())
	if x.failed != "" {
		m.failures.WithLabelValues(kind, x.failed).Inc()
	}
}

// Results of looking for an answer.
const (
	cacheHit     = "hit"
	cacheMiss    = "miss"
	cacheRefresh = "refresh"
)

func (m *metrics) cached(s *stage, result string) {
	m.caches.WithLabelValues(s.api, s.name, result).Inc()
}

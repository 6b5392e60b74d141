package extauthz

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics of the service. What has few values is looked up once, not with each check.
type metrics struct {
	checks    map[bool]prometheus.Counter
	seconds   [kinds]prometheus.Observer
	refusals  *prometheus.CounterVec
	passed    [kinds]prometheus.Counter
	cache     [kinds]cacheMetrics
	calls     *prometheus.HistogramVec
	inFlight  [kinds]prometheus.Gauge
	evicted   prometheus.Counter
	fallbacks prometheus.Counter
}

// cacheMetrics are those of the answers to one kind of authorizers.
type cacheMetrics struct{ hits, misses, shared prometheus.Counter }

// askingKinds are the evaluators that ask others, and keep their answers.
var askingKinds = []kind{lambdaKind, introspectionKind}

// newMetrics registers the metrics; with a nil Registerer they go nowhere.
func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	checks := f.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_extauthz_checks_total", Help: "Checks that were answered, by whether the request was let in.",
	}, []string{"allowed"})
	seconds := f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "gatehouse_extauthz_evaluator_seconds", Help: "Time that an evaluator took, calls of functions included.",
		Buckets: prometheus.ExponentialBuckets(0.00001, 4, 12),
	}, []string{"evaluator"})
	passed := f.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_extauthz_passed_total", Help: "Requests that an evaluator let go on.",
	}, []string{"evaluator"})
	cache := f.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_extauthz_authorizer_cache_total", Help: "Look-ups of authorizers' answers: found (hit), not (miss), or the answer to another's call that was under way (shared).",
	}, []string{"evaluator", "result"})
	inFlight := f.NewGaugeVec(prometheus.GaugeOpts{
		Name: "gatehouse_extauthz_authorizer_calls_in_flight", Help: "Calls of authorizer functions and introspection endpoints that are under way.",
	}, []string{"evaluator"})
	m := &metrics{
		checks: map[bool]prometheus.Counter{true: checks.WithLabelValues("true"), false: checks.WithLabelValues("false")},
		refusals: f.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_extauthz_refusals_total", Help: "Requests that were refused, by evaluator and code.",
		}, []string{"evaluator", "code"}),
		calls: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gatehouse_extauthz_authorizer_call_seconds", Help: "Time that calls of authorizer functions and introspection endpoints took, by how they ended.",
			Buckets: prometheus.ExponentialBuckets(0.001, 3, 10),
		}, []string{"evaluator", "result"}),
		evicted: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_extauthz_authorizer_cache_evictions_total", Help: "Answers of authorizers that were dropped before their time, to make room.",
		}),
		fallbacks: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_extauthz_previous_revision_total", Help: "Checks of routes that only the revision before has.",
		}),
	}
	for _, k := range askingKinds {
		m.cache[k] = cacheMetrics{
			hits: cache.WithLabelValues(kindNames[k], "hit"), misses: cache.WithLabelValues(kindNames[k], "miss"), shared: cache.WithLabelValues(kindNames[k], "shared"),
		}
		m.inFlight[k] = inFlight.WithLabelValues(kindNames[k])
	}
	for k := range kinds {
		m.seconds[k] = seconds.WithLabelValues(kindNames[k])
		m.passed[k] = passed.WithLabelValues(kindNames[k])
	}
	return m
}

func (m *metrics) evaluated(k kind, took time.Duration, refused *refusal) {
	m.seconds[k].Observe(took.Seconds())
	if refused == nil {
		m.passed[k].Inc()
		return
	}
	m.refused(kindNames[k], refused)
}

func (m *metrics) refused(evaluator string, r *refusal) {
	m.refusals.WithLabelValues(evaluator, string(r.code)).Inc()
}

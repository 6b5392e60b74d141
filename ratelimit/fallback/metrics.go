package fallback

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"gatehouse/gateway"
)

// metrics of the store. None has a label that clients or keys could make values of.
type metrics struct {
	up       prometheus.Gauge
	changes  prometheus.Counter
	failures prometheus.Counter
	answers  *prometheus.CounterVec
	caughtUp prometheus.Counter
	dropped  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	return &metrics{
		up: f.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_ratelimit_store_up", Help: "Whether the store of limits is asked (1), or failure modes hold because it did not answer (0).",
		}),
		changes: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_store_changes_total", Help: "How often the store of limits went away or came back.",
		}),
		failures: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_store_failures_total", Help: "Asks that the store of limits did not answer in time or answered with an error.",
		}),
		answers: f.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_fallback_answers_total", Help: "Asks that were answered without the store of limits, by failure mode and whether they were granted.",
		}, []string{"mode", "granted"}),
		caughtUp: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_catch_up_hits_total", Help: "Hits that were granted without the store of limits and added to its counts afterwards.",
		}),
		dropped: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_catch_up_dropped_total", Help: "Hits that were granted without the store of limits and could not be remembered.",
		}),
	}
}

func (m *metrics) answered(mode gateway.FailureMode, granted bool) {
	if mode == "" {
		mode = gateway.FailLocal
	}
	m.answers.WithLabelValues(string(mode), strconv.FormatBool(granted)).Inc()
}

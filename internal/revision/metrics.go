package revision

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	info        *prometheus.GaugeVec
	success     prometheus.Gauge
	successTime prometheus.Gauge
	seconds     *prometheus.HistogramVec
	rejections  *prometheus.CounterVec
	saveFailed  prometheus.Gauge
}

// newMetrics registers the metrics; with a nil Registerer they go nowhere.
func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	m := &metrics{
		info: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "gatehouse_revision_info", Help: "1 for the revision that is served, with its state.",
		}, []string{"revision", "state", "origin"}),
		success: f.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_revision_last_apply_success", Help: "1 if the definitions, as last read, are served; 0 if they are broken or were refused.",
		}),
		successTime: f.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_revision_last_apply_success_timestamp_seconds", Help: "When definitions were last read and served.",
		}),
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gatehouse_revision_apply_seconds", Help: "Time spent on each step of applying a revision.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 10),
		}, []string{"step"}),
		rejections: f.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_revision_rejections_total", Help: "Revisions that were not served, by the step that refused them.",
		}, []string{"step"}),
		saveFailed: f.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_revision_save_failed", Help: "1 if the last good revision could not be written to the data directory.",
		}),
	}
	// A counter that comes to be with its first refusal has not increased, to Prometheus.
	for _, step := range []string{"load", "prepare", "translate", "set", "envoy"} {
		m.rejections.WithLabelValues(step)
	}
	return m
}

func (m *metrics) step(name string, took time.Duration) {
	m.seconds.WithLabelValues(name).Observe(took.Seconds())
}

// show reflects a status.
func (m *metrics) show(s Status, now time.Time) {
	m.info.Reset()
	if s.Serving != nil {
		m.info.WithLabelValues(s.Serving.Revision, string(s.Serving.State), string(s.Serving.Origin)).Set(1)
	}
	if !s.InForce() {
		m.success.Set(0)
		return
	}
	m.success.Set(1)
	m.successTime.Set(float64(now.UnixMilli()) / 1000)
}

package ratelimit

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics of the service. None has a label that clients or keys could make values of.
type metrics struct {
	hits        *prometheus.CounterVec
	unknown     prometheus.Counter
	storeErrors prometheus.Counter
	seconds     prometheus.Histogram

	// Those of the quota service.
	streams, buckets prometheus.Gauge
	reports, noRoom  prometheus.Counter
	reported         *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	return &metrics{
		hits: f.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_descriptors_total", Help: "Descriptors that were answered, by kind of limit and whether they were over it.",
		}, []string{"limit", "over"}),
		unknown: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_unknown_total", Help: "Descriptors that name no limit: Envoys of another revision, or strangers. They are let through.",
		}),
		storeErrors: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_store_errors_total", Help: "Calls that the store answered with an error.",
		}),
		seconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "gatehouse_ratelimit_seconds", Help: "Time that calls took.",
			Buckets: prometheus.ExponentialBuckets(0.00001, 4, 10),
		}),
		streams: f.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_ratelimit_quota_streams", Help: "Envoys that report what they let through.",
		}),
		buckets: f.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_ratelimit_quota_buckets", Help: "Buckets that Envoys have a part of, and report.",
		}),
		reports: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_quota_reports_total", Help: "Reports of Envoys, each about many requests.",
		}),
		noRoom: f.NewCounter(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_quota_no_room_total", Help: "Buckets that were let through since there were too many.",
		}),
		reported: f.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_ratelimit_quota_requests_total", Help: "Requests that Envoys reported, by kind of limit and whether they were over it.",
		}, []string{"limit", "over"}),
	}
}

package oidc

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics counts fetches, and shows the rest as it is when somebody looks.
type metrics struct {
	fetches *prometheus.CounterVec
}

// newMetrics registers the metrics; with a nil Registerer they go nowhere.
func newMetrics(r prometheus.Registerer, status func() []Status) *metrics {
	if r != nil {
		r.MustRegister(statusCollector{status})
	}
	return &metrics{fetches: promauto.With(r).NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_issuer_fetches_total", Help: "Fetches of issuers' key sets: changed, unchanged or failed.",
	}, []string{"issuer", "result"})}
}

func (m *metrics) fetched(issuer, result string) {
	m.fetches.WithLabelValues(issuer, result).Inc()
}

func (m *metrics) forget(issuer string) {
	m.fetches.DeletePartialMatch(prometheus.Labels{"issuer": issuer})
}

var (
	keysDesc = prometheus.NewDesc("gatehouse_issuer_keys",
		"Keys that an issuer's tokens are verified with; 0 if its tokens are refused.", []string{"issuer"}, nil)
	confirmedDesc = prometheus.NewDesc("gatehouse_issuer_keys_confirmed_timestamp_seconds",
		"When an issuer's keys were last fetched or confirmed.", []string{"issuer"}, nil)
	staleDesc = prometheus.NewDesc("gatehouse_issuer_keys_stale",
		"1 if an issuer's keys are used that could not be refreshed.", []string{"issuer"}, nil)
)

type statusCollector struct{ status func() []Status }

func (c statusCollector) Describe(out chan<- *prometheus.Desc) {
	out <- keysDesc
	out <- confirmedDesc
	out <- staleDesc
}

func (c statusCollector) Collect(out chan<- prometheus.Metric) {
	last := ""
	for _, s := range c.status() {
		// An issuer is there twice while what is served trusts it otherwise than the
		// definitions do; the first one has the newer keys.
		if s.Issuer == last {
			continue
		}
		last = s.Issuer
		stale := 0.0
		if s.Stale() {
			stale = 1
		}
		if !s.Introspected {
			out <- prometheus.MustNewConstMetric(keysDesc, prometheus.GaugeValue, float64(s.Keys), s.Issuer)
		}
		out <- prometheus.MustNewConstMetric(staleDesc, prometheus.GaugeValue, stale, s.Issuer)
		if !s.Confirmed.IsZero() {
			out <- prometheus.MustNewConstMetric(confirmedDesc, prometheus.GaugeValue, float64(s.Confirmed.UnixMilli())/1000, s.Issuer)
		}
	}
}

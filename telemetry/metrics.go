package telemetry

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
)

// metrics of APIs have the names and dimensions of CloudWatch's, as Prometheus spells
// such; the others are about this package itself.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
type metrics struct {
	requests, clientErrors, serverErrors, throttled, bytes *prometheus.CounterVec
	latency, integrationLatency                            *prometheus.HistogramVec

	ofStage, ofUnknownStage, ofNoStage, notUnderstood prometheus.Counter
	lines                                             *prometheus.CounterVec
	sockets                                           *socketMetrics

	known atomic.Pointer[map[labels]bool]
}

var labelNames = []string{"api_id", "api_name", "stage", "method", "resource"}

func (l labels) values() []string {
	return []string{l.apiID, l.apiName, l.stage, l.method, l.resource}
}

// latencyBuckets go up to the longest that an integration may take.
var latencyBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

func newMetrics(registerer prometheus.Registerer) *metrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "gatehouse", Subsystem: "apigateway", Name: name, Help: help}, labelNames)
	}
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "gatehouse", Subsystem: "apigateway", Name: name, Help: help, Buckets: latencyBuckets,
		}, labelNames)
	}
	m := &metrics{
		requests:           counter("count_total", "Requests of an API (Count)."),
		clientErrors:       counter("4xx_total", "Requests that were answered with a status of 400 to 499 (4XXError)."),
		serverErrors:       counter("5xx_total", "Requests that were answered with a status of 500 to 599 (5XXError)."),
		throttled:          counter("throttled_total", "Requests that the gateway answered with 429, for a rate or a quota."),
		bytes:              counter("data_processed_bytes_total", "Bytes of requests and responses of HTTP APIs (DataProcessed)."),
		latency:            histogram("latency_seconds", "Time from a request's first byte to the end of its response (Latency)."),
		integrationLatency: histogram("integration_latency_seconds", "Time from a request's going to the integration to the beginning of its answer (IntegrationLatency)."),
		lines: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_telemetry_log_lines_total", Help: "Lines of access logs by destination and by what became of them: written, dropped as there were too many, lost as they could not be written.",
		}, []string{"destination", "result"}),
	}
	m.sockets = newSocketMetrics(registerer)
	received := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_telemetry_requests_total", Help: "Requests that Envoys told about, by whether their stage is known: stage, unknown-stage, no-stage; not-understood are told in the words of another version.",
	}, []string{"result"})
	m.ofStage, m.ofUnknownStage, m.ofNoStage = received.WithLabelValues("stage"), received.WithLabelValues("unknown-stage"), received.WithLabelValues("no-stage")
	m.notUnderstood = received.WithLabelValues("not-understood")
	if registerer != nil {
		registerer.MustRegister(m.requests, m.clientErrors, m.serverErrors, m.throttled, m.bytes, m.latency, m.integrationLatency, received, m.lines)
	}
	return m
}

// series are the metrics of one set of labels.
type series struct {
	requests, clientErrors, serverErrors, throttled, bytes prometheus.Counter
	latency, integrationLatency                            prometheus.Observer
}

// seriesCache keeps them with whom they are about.
type seriesCache struct{ p atomic.Pointer[series] }

func (c *seriesCache) of(m *metrics, l labels) *series {
	if s := c.p.Load(); s != nil {
		return s
	}
	v := l.values()
	s := &series{
		requests: m.requests.WithLabelValues(v...), clientErrors: m.clientErrors.WithLabelValues(v...), serverErrors: m.serverErrors.WithLabelValues(v...),
		throttled: m.throttled.WithLabelValues(v...), bytes: m.bytes.WithLabelValues(v...), latency: m.latency.WithLabelValues(v...), integrationLatency: m.integrationLatency.WithLabelValues(v...),
	}
	c.p.Store(s)
	return s
}

// count counts a request.
func (m *metrics) count(r *request) {
	switch {
	case r.logged.API == "":
		m.ofNoStage.Inc()
		return
	case r.stage == nil:
		m.ofUnknownStage.Inc()
		return
	}
	m.ofStage.Inc()
	if r.stage.api.Protocol == gateway.WebSocket {
		// A connection is one request to Envoy, which ends with it.
		if r.refusedConnection() {
			m.sockets.refused(r)
		}
		return
	}
	var s *series
	if r.route != nil {
		s = r.route.series.of(m, r.route.labels)
	} else {
		s = r.stage.series.of(m, r.stage.labels)
	}
	s.requests.Inc()
	switch r.status / 100 {
	case 4:
		s.clientErrors.Inc()
		if r.throttled() {
			s.throttled.Inc()
		}
	case 5:
		s.serverErrors.Inc()
	}
	s.latency.Observe(r.latency().Seconds())
	if took, ok := r.integrationLatency(); ok {
		s.integrationLatency.Observe(took.Seconds())
	}
	if r.stage.api.Protocol == gateway.HTTP {
		s.bytes.Add(float64(r.dataProcessed()))
	}
}

// throttled reports whether the gateway refused the request for a rate or a quota.
func (r *request) throttled() bool {
	if r.status != 429 {
		return false
	}
	t := r.responseType()
	return t == gateway.Throttled || t == gateway.QuotaExceeded
}

// keepOnly forgets the metrics of what is defined no more.
func (m *metrics) keepOnly(all ...*Compiled) {
	next := map[labels]bool{}
	for _, c := range all {
		if c != nil {
			for l := range c.series {
				next[l] = true
			}
		}
	}
	before := m.known.Swap(&next)
	if before == nil {
		return
	}
	for l := range *before {
		if next[l] {
			continue
		}
		v := l.values()
		for _, vec := range []interface{ DeleteLabelValues(...string) bool }{m.requests, m.clientErrors, m.serverErrors, m.throttled, m.bytes, m.latency, m.integrationLatency} {
			vec.DeleteLabelValues(v...)
		}
		m.sockets.forget(l)
	}
}

// latency is the time from the first byte of the request to the last of the response, or to
// its end where there was none.
func (r *request) latency() time.Duration {
	if took, ok := duration(r.entry.Took, time.Microsecond); ok {
		return took
	}
	took, _ := duration(r.entry.TookAtAll, time.Millisecond)
	return took
}

// integrationLatency is the time from the request's first byte to the integration until
// the first of its answer; false where there was none.
func (r *request) integrationLatency() (time.Duration, bool) {
	took, ok := duration(r.entry.IntegrationTook, time.Microsecond)
	if !ok || r.answeredBefore() {
		return 0, false
	}
	return took, true
}

// longest is a duration that nothing that an Envoy serves comes near to.
const longest = 100 * 365 * 24 * time.Hour

// duration is a number of units, none of which is negative; false for no number.
func duration(text string, unit time.Duration) (time.Duration, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, false
	}
	return time.Duration(min(max(n, 0), int64(longest/unit))) * unit, true
}

// dataProcessed is what came in and went out, headers included.
func (r *request) dataProcessed() uint64 { return r.received + r.sent }

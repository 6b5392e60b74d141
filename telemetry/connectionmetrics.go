package telemetry

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/telemetry/socket"
)

// socketMetrics are those of WebSocket APIs, by CloudWatch's names.
type socketMetrics struct {
	connects, messages, clientErrors, integrationErrors, executionErrors *prometheus.CounterVec
	latency                                                              *prometheus.HistogramVec
}

func newSocketMetrics(registerer prometheus.Registerer) *socketMetrics {
	names := []string{"api_id", "api_name", "stage", "route"}
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "gatehouse", Subsystem: "apigateway_websocket", Name: name, Help: help}, append(more, names...))
	}
	m := &socketMetrics{
		connects:          counter("connect_count_total", "Clients that wanted to connect, and were asked about at $connect (ConnectCount)."),
		messages:          counter("message_count_total", "Messages from clients and to them (MessageCount), by direction: received, sent.", "direction"),
		clientErrors:      counter("client_errors_total", "Events that the gateway answered with 4XX before it called the integration (ClientError)."),
		integrationErrors: counter("integration_errors_total", "Events whose integration answered with 4XX or 5XX (IntegrationError)."),
		executionErrors:   counter("execution_errors_total", "Events whose integration could not be called (ExecutionError)."),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "gatehouse", Subsystem: "apigateway_websocket", Name: "integration_latency_seconds",
			Help: "Time from the call of an integration until its answer (IntegrationLatency).", Buckets: latencyBuckets,
		}, names),
	}
	if registerer != nil {
		registerer.MustRegister(m.connects, m.messages, m.clientErrors, m.integrationErrors, m.executionErrors, m.latency)
	}
	return m
}

// socketSeries are the metrics of one set of labels.
type socketSeries struct {
	connects, received, sent, clientErrors, integrationErrors, executionErrors prometheus.Counter
	latency                                                                    prometheus.Observer
}

// socketSeriesCache keeps them with whom they are about.
type socketSeriesCache struct{ p atomic.Pointer[socketSeries] }

// values of labels: the key of a route is in place of a resource.
func (l labels) socketValues() []string { return []string{l.apiID, l.apiName, l.stage, l.resource} }

// messageValues are those of messages of a direction.
func (l labels) messageValues(direction string) []string {
	return append([]string{direction}, l.socketValues()...)
}

// of finds the series of an event of a stage, and of a route or of none.
func (m *socketMetrics) of(st *stage, rt *route) *socketSeries {
	cache, l := &st.sockets, &st.labels
	if rt != nil {
		cache, l = &rt.sockets, &rt.labels
	}
	if s := cache.p.Load(); s != nil {
		return s
	}
	v := l.socketValues()
	s := &socketSeries{
		connects: m.connects.WithLabelValues(v...), received: m.messages.WithLabelValues(l.messageValues("received")...), sent: m.messages.WithLabelValues(l.messageValues("sent")...),
		clientErrors: m.clientErrors.WithLabelValues(v...), integrationErrors: m.integrationErrors.WithLabelValues(v...), executionErrors: m.executionErrors.WithLabelValues(v...),
		latency: m.latency.WithLabelValues(v...),
	}
	cache.p.Store(s)
	return s
}

// count counts an event.
func (m *socketMetrics) count(st *stage, rt *route, e *socket.Event) {
	s := m.of(st, rt)
	switch e.Type {
	case socket.Connect:
		s.connects.Inc()
	case socket.Message:
		s.received.Inc()
	}
	s.fault(e.Fault())
	if e.Integrated {
		s.latency.Observe(e.IntegrationLatency.Seconds())
	}
}

func (s *socketSeries) fault(f socket.Fault) {
	switch f {
	case socket.ClientError:
		s.clientErrors.Inc()
	case socket.IntegrationError:
		s.integrationErrors.Inc()
	case socket.ExecutionError:
		s.executionErrors.Inc()
	}
}

// refused counts a client that an Envoy did not let connect.
func (m *socketMetrics) refused(r *request) {
	s := m.of(r.stage, r.route)
	s.connects.Inc()
	s.fault(socket.Refused(r.status))
}

func (m *socketMetrics) forget(l labels) {
	v := l.socketValues()
	for _, vec := range []interface{ DeleteLabelValues(...string) bool }{m.connects, m.clientErrors, m.integrationErrors, m.executionErrors, m.latency} {
		vec.DeleteLabelValues(v...)
	}
	for _, direction := range []string{"received", "sent"} {
		m.messages.DeleteLabelValues(l.messageValues(direction)...)
	}
}

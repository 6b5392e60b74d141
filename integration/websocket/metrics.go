package websocket

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what happens. None has the name of a connection or a client among its
// labels.
type metrics struct {
	connects *prometheus.CounterVec
	ends     *prometheus.CounterVec
	messages *prometheus.CounterVec
	commands *prometheus.CounterVec
	latency  *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer, open func() float64) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_websocket_" + name, Help: help}, labels)
	}
	m := &metrics{
		connects: counter("connects_total", "Clients that wanted to connect, by what became of it.", "result"),
		ends:     counter("ends_total", "Connections that have ended, by the close code.", "code"),
		messages: counter("messages_total", "Messages of clients, by what became of them.", "result"),
		commands: counter("commands_total", "Requests of @connections, by their answer.", "operation", "status"),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gatehouse_websocket_integration_seconds", Help: "How long integrations took.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"event", "result"}),
	}
	if r != nil {
		r.MustRegister(m.connects, m.ends, m.messages, m.commands, m.latency, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "gatehouse_websocket_connections", Help: "Connections that are open.",
		}, open))
	}
	return m
}

func (m *metrics) connect(result string) { m.connects.WithLabelValues(result).Inc() }
func (m *metrics) message(result string) { m.messages.WithLabelValues(result).Inc() }

// ended counts an end. Codes that clients make up are one.
func (m *metrics) ended(e *ending) {
	code := "other"
	if e.code >= 1000 && e.code < 1016 {
		code = strconv.Itoa(int(e.code))
	}
	m.ends.WithLabelValues(code).Inc()
}

func (m *metrics) managed(operation string, status int, err error) {
	if err != nil {
		status = 500
	}
	m.commands.WithLabelValues(operation, strconv.Itoa(status)).Inc()
}

func (m *metrics) called(kind eventType, took time.Duration, err error) {
	result := "ok"
	var f *failure
	if errors.As(err, &f) {
		result = strconv.Itoa(f.status)
	}
	m.latency.WithLabelValues(string(kind), result).Observe(took.Seconds())
}

package cli

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsPage is where Prometheus finds metrics.
const metricsPage = "GET /metrics"

// maxScrapes is how many may be answered at once: each reads all series.
const maxScrapes = 10

func metricsHandler(c *controlPlane) http.Handler {
	return promhttp.HandlerFor(c.metrics, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
}

// newMetricsServer serves the metrics alone: they have no secrets in them, while who reaches
// the other pages may be asked who he is.
func newMetricsServer(c *controlPlane) *http.Server {
	mux := http.NewServeMux()
	mux.Handle(metricsPage, metricsHandler(c))
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 3 * time.Minute,
		ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelDebug),
	}
}

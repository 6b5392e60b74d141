package otlptest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/protobuf/proto"
)

// HTTP has the collector take logs over HTTP as well, at the URL that it gives.
func (c *Collector) HTTP(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request collectorlogs.ExportLogsServiceRequest
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/logs" || r.Header.Get("Content-Type") != "application/x-protobuf" || proto.Unmarshal(body, &request) != nil {
			http.Error(w, "this is no request to take logs", http.StatusBadRequest)
			return
		}
		if _, err := (logs{c: c}).Export(r.Context(), &request); err != nil {
			return // the client is gone
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

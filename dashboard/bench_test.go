package dashboard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gatehouse/dashboard"
	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

// BenchmarkPages asks for pages about a thousand APIs that were all called, by three routes
// each, in every minute of the last hours; each time anew, as nobody else looks.
func BenchmarkPages(b *testing.B) {
	snapshot, _ := shop(1000)
	at := now.Add(-3 * time.Hour)
	kept := history.New(history.Options{Now: func() time.Time { return at }})
	for ; !at.After(now); at = at.Add(time.Minute) {
		for i := range 1000 {
			for j, stage := range []string{"v1", "v1", "v2"} {
				kept.Add(&history.Request{
					ID: fmt.Sprint(at.Unix(), i, j), At: at, API: fmt.Sprintf("api-%04d", i), Stage: stage, Protocol: "REST", RouteMethod: "GET",
					Resource: fmt.Sprint("/", j), Status: []int{200, 404, 500}[(i+j)%3], Caller: fmt.Sprint("192.0.2.", i%250), KeyName: "acme", Path: "/pets",
					Latency: time.Duration(1+(i*7+j*13)%50) * time.Millisecond, Integrated: true, IntegrationLatency: time.Millisecond,
				})
			}
		}
	}
	clock := now
	d := dashboard.New(dashboard.Options{Snapshot: func() *gateway.Snapshot { return snapshot }, Traffic: kept, Now: func() time.Time { return clock }})
	defer d.Close()
	for name, path := range map[string]string{"overview": "", "overview by latency": "?sort=latency&page=9"} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				// Summaries are shared for a second.
				clock = clock.Add(1100 * time.Millisecond)
				w := httptest.NewRecorder()
				d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, dashboard.Prefix+path, nil))
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/page")
		})
	}
}

package fault

import (
	"fmt"
	"path/filepath"
	"testing"

	"gatehouse/internal/otlptest"
	"gatehouse/internal/proctest"
)

// TestCollectorHangs has a collector that takes reports and never says so. Requests do not
// wait for it, an Envoy keeps so many reports and counts the others, and gives those up in
// time: when the collector is well, it is sent spans again.
func TestCollectorHangs(t *testing.T) {
	t.Parallel()
	const mostReports = 32
	collector := otlptest.Start(t)
	dir, port, xdsAddress := t.TempDir(), proctest.FreePort(t), localPort(t)
	write(t, filepath.Join(dir, "gatehouse.yaml"), fmt.Sprintf(`gateways:
  - name: edge
    listeners: [{port: %d, address: 127.0.0.1}]
    tracing: {otlp: %q}
apis:
  - name: shop
    protocol: HTTP
    definition: shop.openapi.yaml
    backend: "http://%s"
    stages:
      - {name: v1, tracing: {sampling: 100}}
`, port, collector.Address.String(), backendNamed(t, "one")))
	write(t, filepath.Join(dir, "shop.openapi.yaml"), `{openapi: 3.0.1, info: {title: shop, version: "1"}, paths: {/things: {get: {responses: {"200": {description: ok}}}}}}`)
	launch(t, "serve", "--xds-address", xdsAddress, "--data-dir", t.TempDir(), dir).serving()
	// Two spans a report, in place of hundreds.
	e := startEnvoy(t, "envoy", "edge", xdsAddress, "tracing.opentelemetry.min_flush_spans: 512", "tracing.opentelemetry.min_flush_spans: 2")
	url := fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/shop/v1/things", port)
	awaitAnswer(t, url, "one")
	ask := func(n int) {
		t.Helper()
		for range n {
			if code, body, err := get(url); code != 200 || body != "one" {
				t.Fatalf("%d %s %v", code, body, err)
			}
		}
	}
	eventually(t, "spans are reported", func() bool { ask(1); return len(collector.Spans()) > 0 })

	collector.Hang(true)
	statistic := func(name string) float64 { return e.statistic(t, "cluster.gw-tracing."+name) }
	eventually(t, "what is too much is counted", func() bool {
		ask(20)
		// Workers may find room for a report at the same moment.
		if active := statistic("upstream_rq_active"); active > mostReports+1 {
			t.Fatalf("%v reports are kept", active)
		}
		return statistic("upstream_rq_5xx") > 0
	})
	eventually(t, "reports are given up", func() bool { return statistic("upstream_rq_max_duration_reached") >= mostReports/2 })
	collector.Hang(false)
	before := len(collector.Spans())
	eventually(t, "spans are reported again", func() bool { ask(1); return len(collector.Spans()) > before })

	counted := statistic("upstream_rq_5xx")
	collector.Stop()
	eventually(t, "what nobody takes is counted", func() bool { ask(1); return statistic("upstream_rq_5xx") > counted })
}

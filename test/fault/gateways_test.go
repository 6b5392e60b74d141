package fault

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/proctest"
)

// TestSeveralGateways has an edge and a sidecar of one control plane, each with
// its own APIs, and an Envoy that names a gateway which comes later.
func TestSeveralGateways(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	names := []string{"edge", "orders", "stock"}
	ports := map[string]int{}
	for _, name := range names {
		ports[name] = proctest.FreePort(t)
	}
	define := func(names ...string) {
		var text strings.Builder
		text.WriteString("gateways:\n")
		for _, name := range names {
			fmt.Fprintf(&text, "  - {name: %s, listeners: [{port: %d, address: 127.0.0.1}]}\n", name, ports[name])
		}
		text.WriteString("apis:\n")
		for _, name := range names {
			fmt.Fprintf(&text, "  - {name: api-of-%s, protocol: HTTP, gateways: [%s], definition: api.openapi.yaml, backend: \"http://%s\"}\n",
				name, name, backendNamed(t, name))
		}
		write(t, dir+"/gatehouse.yaml", text.String())
	}
	write(t, dir+"/api.openapi.yaml", `{openapi: 3.0.1, info: {title: api, version: "1"}, paths: {/things: {get: {responses: {"200": {description: ok}}}}}}`)
	define("edge", "orders")
	xdsAddress := localPort(t)
	g := launch(t, "serve", "--xds-address", xdsAddress, "--data-dir", t.TempDir(), dir).serving()
	envoys := map[string]*envoy{}
	for _, name := range names {
		envoys[name] = startEnvoy(t, name+"-1", name, xdsAddress)
	}
	url := func(name string) string {
		return fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/api-of-%s/things", ports[name], name)
	}
	awaitAnswer(t, url("edge"), "edge")
	awaitAnswer(t, url("orders"), "orders")
	matched := func(want ...string) func(status) bool {
		return func(st status) bool {
			got := []string{}
			for _, e := range st.Envoys {
				if e.Matched && e.InSync {
					got = append(got, e.Gateway)
				}
			}
			return len(st.Envoys) == len(names) && strings.Join(got, " ") == strings.Join(want, " ")
		}
	}
	g.statusUntil("two of three Envoys are served", matched("edge", "orders"))
	g.AwaitOutput("envoy connected for an unknown gateway", `"gateway":"stock"`)
	g.acked() // The third is not waited for.

	// What one has, the others have not.
	own := func(names ...string) {
		t.Helper()
		for _, name := range names {
			_, dump, err := get(envoys[name].admin + "/config_dump?include_eds")
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range names {
				if has := strings.Contains(dump, "api-of-"+other); has != (other == name) {
					t.Errorf("the Envoy of %s has something of %s: %v", name, other, has)
				}
			}
		}
	}
	own("edge", "orders")
	if code, body, err := get(url("orders")[:strings.Index(url("orders"), "api-of-")] + "api-of-edge/things"); code != 403 && code != 404 || err != nil {
		t.Errorf("the edge's API at the sidecar: %d %s %v", code, body, err)
	}

	define(names...)
	awaitAnswer(t, url("stock"), "stock")
	g.statusUntil("all Envoys are served", matched(names...))
	g.AwaitOutput("waiting envoys are served now", `"gateway":"stock"`)
	g.acked()
	own(names...)
}

package exampletest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
)

// TestDefinitions validates the definitions of every example.
func TestDefinitions(t *testing.T) {
	binary := proctest.Gatehouse(t)
	files, err := filepath.Glob(filepath.Join(proctest.Root(t), "examples", "*", "gatehouse.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	nested, err := filepath.Glob(filepath.Join(proctest.Root(t), "examples", "*", "*", "gatehouse.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, nested...) {
		dir, err := filepath.Rel(proctest.Root(t), filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimPrefix(dir, "examples/"), func(t *testing.T) {
			definitions := copyExample(t, dir)
			switch dir {
			case "examples/edge":
				makeCertificates(t, definitions)
			case "examples/authorizers":
				makeCertificates(t, definitions, "-clients")
				makeIssuerKeys(t, definitions)
			}
			out, err := exec.Command(binary, "validate", definitions).Output()
			if err != nil {
				t.Errorf("gatehouse validate: %v", err)
			}
			if len(out) > 0 {
				t.Errorf("gatehouse validate reports:\n%s", out)
			}
		})
	}
}

// makeCertificates gives a copy of an example its certificates.
func makeCertificates(t *testing.T, definitions string, options ...string) {
	t.Helper()
	args := append(options, "-dir", filepath.Join(definitions, "certs"))
	out, err := exec.Command(proctest.Program(t, "./examples/edge/makecerts"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("making certificates: %v\n%s", err, out)
	}
}

// makeIssuerKeys gives a copy of the authorizers example the keys of its issuer.
func makeIssuerKeys(t *testing.T, definitions string) {
	t.Helper()
	out, err := exec.Command(proctest.Program(t, "./examples/authorizers/issuer"), "keys", "-dir", filepath.Join(definitions, "keys")).CombinedOutput()
	if err != nil {
		t.Fatalf("making the issuer's keys: %v\n%s", err, out)
	}
}

// TestScripts runs the examples' own scripts, on ports that nothing else has.
func TestScripts(t *testing.T) {
	for _, c := range []struct {
		script string
		ports  []string
		want   []string
	}{
		{
			"examples/petstore/demo.sh",
			[]string{"PETSTORE_PORT", "PETSTORE_BLUE_PORT", "PETSTORE_GREEN_PORT"},
			[]string{"HTTP 201", `{"message":"Missing Authentication Token"}`, "The petstore is served by Envoy"},
		},
		{
			"examples/sidecar/run.sh",
			[]string{"ORDERS_PORT", "STOCK_PORT", "ORDERS_SERVICE_PORT", "STOCK_SERVICE_PORT", "XDS_PORT", "HTTP_PORT"},
			[]string{"x-served-by: orders", "x-served-by: stock"},
		},
		{
			"examples/authorizers/run.sh",
			[]string{"AUTHORIZERS_PORT", "AUTHORIZERS_PROXIED_PORT", "AUTHORIZERS_TLS_PORT", "AUTHORIZERS_BACKEND_PORT", "AUTHORIZERS_WEBHOOK_PORT", "AUTHORIZERS_ISSUER_PORT"},
			[]string{"All answers were as they should be."},
		},
		{
			"examples/usage-plans/run.sh",
			[]string{"PLANS_PORT", "PLANS_BACKEND_PORT", "PLANS_HTTP_PORT"},
			[]string{`{"message":"Too Many Requests"}`, `{"message":"Limit Exceeded"}`, "retry-after: ", "All answers were as they should be."},
		},
		{
			"examples/mcp/run.sh",
			[]string{"MCP_PORT", "MCP_BACKEND_PORT", "MCP_HTTP_PORT"},
			[]string{`"readOnlyHint":true`, "429 Too Many Requests", "All answers were as they should be."},
		},
	} {
		t.Run(filepath.Base(filepath.Dir(c.script)), func(t *testing.T) {
			if _, err := exec.LookPath("curl"); err != nil {
				proctest.Missing(t, "curl, which the script sends its requests with")
			}
			cmd := exec.Command(filepath.Join(proctest.Root(t), c.script))
			cmd.Env = append(os.Environ(),
				"GATEHOUSE="+proctest.Gatehouse(t), "ENVOY="+envoytest.Binary(t), "DEMO_KEEP=0",
				"GATEHOUSE_HTTP_ADDRESS=127.0.0.1:0", "GATEHOUSE_ADMIN=127.0.0.1:0")
			for i, port := range freePorts(t, len(c.ports)) {
				cmd.Env = append(cmd.Env, c.ports[i]+"="+port)
			}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", c.script, err, out)
			}
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("%s does not say %q:\n%s", c.script, want, out)
				}
			}
		})
	}
}

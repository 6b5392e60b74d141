package fault

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExecutionLogsApart has the roles integration and telemetry in processes of their own,
// which write what each knows of a request to the same file: no line is lost, and none is
// torn. Without telemetry, the other goes on to write its part.
func TestExecutionLogsApart(t *testing.T) {
	t.Parallel()
	functions, telemetry, xdsAddress := localPort(t), localPort(t), localPort(t)
	s := newFunctionSite(t, "")
	file := filepath.Join(t.TempDir(), "logs", "execution.log")
	s.write(t)
	write(t, filepath.Join(s.dir, "gatehouse.yaml"), fmt.Sprintf(`gateways:
  - name: edge
    listeners: [{port: %d, address: 127.0.0.1}]
    telemetry: true
    services: {integration: %q, telemetry: %q}
apis:
  - name: fn
    definition: fn.openapi.yaml
    stages: [{name: v1, variables: {fn: %q}, executionLog: {level: INFO, dataTrace: true, destination: %q}}]
`, s.port, functions, telemetry, s.function, file))
	integration := serveIntegration(t, functions, s.dir)
	telling := launch(t, "serve", "--roles", "telemetry", "--xds-address", telemetry, "--data-dir", t.TempDir(), s.dir).serving()
	launch(t, "serve", "--roles", "xds", "--xds-address", xdsAddress, "--data-dir", t.TempDir(), s.dir).serving()
	startEnvoy(t, "envoy", "edge", xdsAddress)
	awaitAnswer(t, s.url(), "function")

	ask := func() (id string) {
		t.Helper()
		answer, err := http.Get(s.url())
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("the answer is %d", answer.StatusCode)
		}
		return answer.Header.Get("X-Amzn-Requestid")
	}
	// told are the messages about a request, from whole lines only.
	told := func(id string) (messages []string) {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.HasSuffix(line, "\n") {
				break
			}
			var l struct{ LogGroup, Message string }
			if err := json.Unmarshal([]byte(line), &l); err != nil || l.LogGroup != "API-Gateway-Execution-Logs_fn/v1" {
				t.Fatalf("a line is %q: %v", line, err)
			}
			if message, ok := strings.CutPrefix(l.Message, "("+id+") "); ok {
				messages = append(messages, message)
			}
		}
		return messages
	}
	holds := func(messages []string, beginnings ...string) bool {
		for _, beginning := range beginnings {
			if !slices.ContainsFunc(messages, func(m string) bool { return strings.HasPrefix(m, beginning) }) {
				return false
			}
		}
		return true
	}
	served := []string{"Endpoint request URI: ", "Sending request to ", "Received response. Status: 200", "Method response body after transformations: function"}
	seen := []string{"Extended Request Id: ", "Starting execution for request: ", "Method completed with status: 200"}
	var ids []string
	for range 50 {
		ids = append(ids, ask())
	}
	for _, id := range ids {
		integration.Until("both have told of "+id, func() bool { return holds(told(id), slices.Concat(served, seen)...) }, func() string { return fmt.Sprint(told(id)) })
		for _, beginning := range slices.Concat(served, seen) {
			n := 0
			for _, m := range told(id) {
				if strings.HasPrefix(m, beginning) {
					n++
				}
			}
			if n != 1 {
				t.Fatalf("%q is told %d times of %s: %q", beginning, n, id, told(id))
			}
		}
	}

	telling.Kill()
	id := ask()
	integration.Until("the integration's part is told", func() bool { return holds(told(id), served...) }, func() string { return fmt.Sprint(told(id)) })
	if holds(told(id), seen[2]) {
		t.Errorf("somebody tells what nobody can know: %q", told(id))
	}
}

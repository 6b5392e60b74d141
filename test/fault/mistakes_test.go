package fault

import (
	"strings"
	"testing"
)

// TestMistakesUnderLoad makes a mistake of each kind in files that are being
// served, and mends it.
func TestMistakesUnderLoad(t *testing.T) {
	t.Parallel()
	one, two := backendNamed(t, "one"), backendNamed(t, "two")
	s := newSite(t, one)
	g := startRun(t, s)
	revision := g.acked().Serving.Revision
	clients := load(t,
		target{port: s.Port, host: "localhost", path: "/_aws/execute-api/petstore/v1/pets", answers: []string{"one"}},
		target{port: s.Port, host: "api.example.com", path: "/shop/named", answers: []string{"one", "two"}},
	)
	for _, c := range []struct {
		what, file, old, new string
		code                 string
		line, column         int
	}{
		{"a syntax error", "gatehouse.yaml", "  - name: edge\n", "  - name: \"edge\n", "invalid-yaml", 0, 0},
		{"an unknown key", "gatehouse.yaml", "    definition:", "    definitoin:", "unknown-key", 9, 5},
		{"a reference that leads nowhere", "gatehouse.yaml", "stage: petstore/v1", "stage: petstore/v2", "unknown-stage", 14, 55},
		{"a missing file", "gatehouse.yaml", "definition: petstore.openapi.yaml", "definition: nothing.openapi.yaml", "unreadable-file", 9, 17},
		{"a syntax error in the API", "petstore.openapi.yaml", "  /named:\n", "  /named\n", "invalid-yaml", 0, 0},
		{"an unset stage variable", "petstore.openapi.yaml", "/named\"", "/${stageVariables.nothing}\"", "unset-stage-variable", 11, 81},
		{"a service that is not known", "petstore.openapi.yaml", "http_proxy, httpMethod: GET, uri: \"http://pets.internal/named\"", "aws, httpMethod: POST, uri: \"arn:aws:apigateway:eu-west-1:sqz:action/SendMessage\"", "invalid-uri", 11, 75},
	} {
		good := read(t, s.path(c.file))
		if !strings.Contains(good, c.old) {
			t.Fatalf("%s has no %q", c.file, c.old)
		}
		write(t, s.path(c.file), strings.Replace(good, c.old, c.new, 1))
		st := g.statusUntil(c.what+" shows", func(st status) bool {
			return st.Latest.State == "failed" && hasDiagnostic(st, c.code)
		})
		found := false
		for _, d := range st.Latest.Diagnostics {
			found = found || d.Code == c.code && d.File == s.path(c.file) &&
				(c.line == 0 && d.Line > 0 || d.Line == c.line && d.Column == c.column)
		}
		if !found {
			t.Errorf("%s: want %s at %s:%d:%d, got %+v", c.what, c.code, c.file, c.line, c.column, st.Latest.Diagnostics)
		}
		if st.InForce || st.Serving.Revision != revision {
			t.Errorf("%s: serving %+v", c.what, st.Serving)
		}
		if g.metric("gatehouse_revision_last_apply_success", "") != 0 || g.metric("gatehouse_revision_rejections_total", `step="load"`) == 0 {
			t.Errorf("%s: the metrics do not show it", c.what)
		}
		write(t, s.path(c.file), good)
		g.acked()
		if g.metric("gatehouse_revision_last_apply_success", "") != 1 {
			t.Errorf("%s: the metrics do not show that it was mended", c.what)
		}
	}
	// After all that, changes are taken.
	s.Endpoint = two
	s.write(t)
	awaitAnswer(t, s.url("/named"), "two")
	clients.end()
}

func hasDiagnostic(s status, code string) bool {
	for _, d := range s.Latest.Diagnostics {
		if d.Code == code {
			return true
		}
	}
	return false
}

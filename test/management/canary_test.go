package management

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// named is a backend that answers with its name, as host:port.
func named(t *testing.T, name string) string {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", name, r.URL.Path)
	}))
	t.Cleanup(backend.Close)
	return strings.TrimPrefix(backend.URL, "http://")
}

// TestCanaryUnderLoad has a new version of a REST API tried by some, promoted, and rolled
// back, while it is called without end: no request fails.
func TestCanaryUnderLoad(t *testing.T) {
	startSite(t, "").run(t, "canary.py", named(t, "blue"), named(t, "green"))
}

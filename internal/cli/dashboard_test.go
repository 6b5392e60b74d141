package cli

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse/dashboard"
)

// TestWithDashboard holds who is led to the dashboard: browsers, and no client of the
// management API, whose paths begin at the root, too.
func TestWithDashboard(t *testing.T) {
	named := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(name)) })
	}
	handler := withDashboard(named("others"), localHosts(named("pages")))
	for _, c := range []struct{ method, host, path, accept, want string }{
		{"GET", "localhost:8001", "/", "text/html,*/*;q=0.8", dashboard.Prefix},
		{"GET", "localhost:8001", "/dashboard", "", dashboard.Prefix},
		{"GET", "127.0.0.1:8001", "/dashboard/envoys", "text/html", "pages"},
		{"GET", "evil.example", "/dashboard/envoys", "text/html", "this address is for localhost and IP addresses only\n"},
		{"GET", "localhost:8001", "/", "application/json", "others"},
		{"POST", "localhost:8001", "/", "text/html", "others"},
		{"GET", "localhost:8001", "/restapis", "text/html", "others"},
		{"GET", "localhost:8001", "/dashboards", "text/html", "others"},
	} {
		r := httptest.NewRequest(c.method, "http://"+c.host+c.path, nil)
		r.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		got := w.Body.String()
		if w.Code == http.StatusFound {
			got = w.Header().Get("Location")
		}
		if got != c.want {
			t.Errorf("%s %s%s leads to %q, want %q", c.method, c.host, c.path, got, c.want)
		}
	}
}

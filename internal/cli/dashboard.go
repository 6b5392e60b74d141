package cli

import (
	"net/http"
	"strings"

	"gatehouse/dashboard"
)

// openDashboard makes the dashboard of a process that has something to show on it: what
// Envoys are sent, or what they tell. Only this machine sees it.
func (c *controlPlane) openDashboard() {
	if !c.writable || !c.roles.has("xds") && !c.roles.has("telemetry") {
		return
	}
	c.dashboard = dashboard.New(dashboard.Options{
		Log: c.log.With("component", "dashboard"), Version: thisBuild().Version, Roles: c.roles.names(), Snapshot: c.pipeline.Snapshot,
	})
	c.services = append(c.services, service{endStreams: c.dashboard.Close})
}

// withDashboard serves the dashboard beside the other pages. A browser that asks for no
// page is led there.
func withDashboard(others http.Handler, pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, dashboard.Prefix):
			pages.ServeHTTP(w, r)
		case r.URL.Path+"/" == dashboard.Prefix,
			r.URL.Path == "/" && r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html"):
			http.Redirect(w, r, dashboard.Prefix, http.StatusFound)
		default:
			others.ServeHTTP(w, r)
		}
	})
}

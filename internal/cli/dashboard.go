package cli

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/dashboard"
	"gatehouse/explain"
	"gatehouse/gateway"
	"gatehouse/internal/revision"
	"gatehouse/portal"
	"gatehouse/ratelimit"
	"gatehouse/xds"
)

// startDashboard makes the dashboard of a process that has something to show on it: what
// Envoys are sent, or what they tell. It goes along with the services, since it tells what
// each revision has changed.
func (c *controlPlane) startDashboard() service {
	if !c.roles.has("xds") && !c.roles.has("telemetry") {
		return service{}
	}
	options := dashboard.Options{
		Access: c.access, Prices: c.prices,
		Log: c.log.With("component", "dashboard"), Version: thisBuild().Version, Roles: c.roles.names(),
		Snapshot: func() *gateway.Snapshot { return c.pipeline.Snapshot() },
		Explainer: func(s *gateway.Snapshot) (*explain.Prepared, error) {
			return explain.Translated(s, c.pipeline.Output())
		},
		Revisions: func() dashboard.Revisions { return shownRevisions(c.pipeline.Status()) },
	}
	if c.xds != nil {
		options.Envoys = func() []dashboard.Envoy { return shownEnvoys(c.xds.Status()) }
	}
	if c.counting != nil {
		options.Quotas = countedQuotas{c.counting}
	}
	if c.history != nil {
		options.Traffic = c.history
	}
	options.Connected = c.connected
	if c.archive != nil {
		options.Archive = c.archive
	}
	if c.metered != nil {
		options.Meter = c.metered
	}
	if c.approvals && c.roles.has("portal") {
		options.KeyRequests = portalKeyRequests{func() *portal.Server { return c.portal }}
	}
	c.dashboard = dashboard.New(options)
	return service{
		prepare: func(next *gateway.Snapshot) (revision.Swap, gateway.Diagnostics) {
			return func() func() {
				before := c.pipeline.Snapshot()
				c.dashboard.Serving(next)
				return func() {
					if before != nil {
						c.dashboard.Serving(before)
					}
				}
			}, nil
		},
		endStreams: c.dashboard.Close,
	}
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

func shownRevisions(s revision.Status) dashboard.Revisions {
	out := dashboard.Revisions{InForce: s.InForce()}
	show := func(r *revision.Record) *dashboard.Revision {
		if r == nil {
			return nil
		}
		shown := &dashboard.Revision{
			ID: r.Revision, State: string(r.State), Origin: string(r.Origin), Time: r.Time, Took: r.Took(), Problems: r.Diagnostics,
		}
		for i := range r.Refusals {
			shown.Refusals = append(shown.Refusals, shownRefusal(&r.Refusals[i]))
		}
		return shown
	}
	out.Serving, out.Latest = show(s.Serving), show(s.Latest)
	for _, r := range s.History {
		out.History = append(out.History, *show(r))
	}
	return out
}

func shownRefusal(n *xds.NACK) dashboard.Refusal {
	return dashboard.Refusal{
		Time: n.Time, Node: n.Node, Gateway: n.Gateway, Revision: n.Revision, Type: xds.TypeName(n.TypeURL), Resources: n.Resources, Message: n.Message,
	}
}

func shownEnvoys(s xds.Status) (envoys []dashboard.Envoy) {
	for _, n := range s.Nodes {
		e := dashboard.Envoy{ID: n.ID, Gateway: n.Gateway, Version: n.EnvoyVersion, Matched: n.Matched, InSync: n.InSync, Since: n.ConnectedSince}
		for _, name := range slices.Sorted(maps.Keys(n.Types)) {
			t := n.Types[name]
			shown := dashboard.EnvoyType{Name: name, Revision: t.Revision, Acked: len(t.Versions), Pending: len(t.Pending), Refused: t.Refused}
			if t.LastNACK != nil {
				refusal := shownRefusal(t.LastNACK)
				shown.Refusal = &refusal
			}
			e.Types = append(e.Types, shown)
		}
		envoys = append(envoys, e)
	}
	return envoys
}

// countedQuotas tells the dashboard what the role ratelimit has counted.
type countedQuotas struct{ server *ratelimit.Server }

func (q countedQuotas) Today(ctx context.Context, plan string) (map[string]dashboard.KeyQuota, bool, error) {
	today := time.Now().UTC()
	usage, found, err := q.server.DailyUsage(ctx, plan, "", today, today)
	if err != nil || !found {
		return nil, found, err
	}
	keys := make(map[string]dashboard.KeyQuota, len(usage.Keys))
	for name, days := range usage.Keys {
		last := [2]int64{}
		if len(days) > 0 {
			last = days[len(days)-1]
		}
		keys[name] = dashboard.KeyQuota{Used: last[0], Left: last[1]}
	}
	return keys, true, nil
}

package xds_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/xds"
)

func TestNACKIsReportedAndHealed(t *testing.T) {
	events := make(chan xds.NACK, 10)
	s, addr := serve(t, xds.Options{OnNACK: func(n xds.NACK) { events <- n }})
	good := with(site(t), routes("b", says("/", "b")), scope("b.test", "b"))
	set(t, s, revision("1", good))
	c := connect(t, addr, "envoy-1", "edge")
	c.subscribe(xds.RouteType, "a", "b")
	c.expect(xds.RouteType, "a", "b")
	wantState(t, s, "1", xds.Acked)

	set(t, s, revision("2", with(good, routes("a", says("/", "2")), routes("b", says("/", "2")))))
	// The message does not name which. Each is then sent by itself.
	c.nack(c.next(xds.RouteType), "no argument for repetition operator: *")
	first := c.next(xds.RouteType)
	c.nack(first, "no argument for repetition operator: *")
	second := c.expect(xds.RouteType, "b")
	if got := namesOf(first); !slices.Equal(got, []string{"a"}) || second == nil {
		t.Fatalf("got RDS %v, want a by itself", got)
	}
	out := wantState(t, s, "2", xds.Rejected)
	if len(out.NACKs) != 1 || len(events) != 1 {
		t.Fatalf("%d NACKs, %d events, want one each", len(out.NACKs), len(events))
	}
	n := <-events
	if n.Node != "envoy-1" || n.Gateway != "edge" || n.Revision != "2" || n.TypeURL != xds.RouteType ||
		!slices.Equal(n.Resources, []string{"a"}) || !strings.Contains(n.Message, "repetition") {
		t.Errorf("NACK %+v", n)
	}
	eventually(t, "b is acknowledged", func() bool { return len(s.Status().Nodes[0].Types["RDS"].Pending) == 0 })
	rds := s.Status().Nodes[0].Types["RDS"]
	if rds.Revision != "1" || !slices.Equal(rds.Refused, []string{"a"}) || rds.LastNACK == nil || rds.Versions["b"] == "" {
		t.Errorf("status %+v", rds)
	}

	// Going back sends the old versions again, since the Envoy may have either.
	set(t, s, revision("1", good))
	resp := c.next(xds.RouteType)
	if out := s.Status().Nodes[0]; out.InSync {
		t.Error("in sync before the old versions are acknowledged")
	}
	c.ack(resp)
	wantState(t, s, "1", xds.Acked)
	if st := s.Status().Nodes[0].Types["RDS"]; len(st.Refused) > 0 || st.LastNACK == nil {
		t.Errorf("status %+v", st)
	}
}

func TestNACKNamesOneOfMany(t *testing.T) {
	s, addr := serve(t, xds.Options{})
	set(t, s, revision("1", resources(staticCluster("good", 1), staticCluster("bad", 1))))
	c := connect(t, addr, "envoy-1", "edge")
	c.subscribe(xds.ClusterType)
	c.nack(c.next(xds.ClusterType), "Error adding/updating cluster(s) bad: not the good kind")
	out := wantState(t, s, "1", xds.Rejected)
	if n := out.NACKs[0]; !slices.Equal(n.Resources, []string{"bad"}) {
		t.Errorf("NACK %+v", n)
	}
	if st := s.Status().Nodes[0].Types["CDS"]; st.Versions["good"] == "" || st.Versions["bad"] != "" {
		t.Errorf("status %+v, want good to be had and bad not", st)
	}
}

func TestNACKOfAClusterStopsSet(t *testing.T) {
	s, addr := serve(t, xds.Options{LingerTime: time.Millisecond})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")
	wantState(t, s, "1", xds.Acked)

	res := without(with(site(t), staticCluster("bad", 9), routes("a", to("/", "bad"))), xds.ClusterType, "backend")
	failed := make(chan error, 1)
	go func() { failed <- s.Set(t.Context(), revision("2", res)) }()
	c.nack(c.next(xds.ClusterType), "Error adding/updating cluster(s) bad: because")
	var rejected *xds.RejectedError
	if err := <-failed; !errors.As(err, &rejected) || len(rejected.NACKs) != 1 || rejected.NACKs[0].Revision != "2" {
		t.Fatalf("Set: %v, want a rejection", err)
	}
	c.quiet() // Neither the route nor the removal of the cluster it had.
	wantState(t, s, "2", xds.Rejected)

	set(t, s, revision("1", site(t)))
	c.expect(xds.ClusterType, "-bad")
	wantState(t, s, "1", xds.Acked)
}

func TestInvalidResourcesAreRefused(t *testing.T) {
	reg := prometheus.NewRegistry()
	s, addr := serve(t, xds.Options{Registerer: reg})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")
	wantState(t, s, "1", xds.Acked)

	badFilter := listener(t, "http", 8080)
	badFilter.GetFilterChains()[0].GetFilters()[0].GetTypedConfig().Value = nil // stat_prefix is required
	misnamed := with(site(t))
	misnamed[xds.ClusterType]["another"] = staticCluster("name", 1)
	for _, tc := range []struct {
		name string
		res  xds.Resources
		want []string // all in the message
	}{
		{"field", with(site(t), &xdsCluster{Name: "backend", ConnectTimeout: negative()}), []string{`CDS "backend"`, "ConnectTimeout"}},
		{"packed filter", with(site(t), badFilter), []string{`LDS "http"`, "StatPrefix"}},
		{"two at once", with(site(t), &routeConfig{Name: "a", VirtualHosts: []*virtualHost{{Name: "nowhere"}}}, &xdsCluster{Name: "backend", ConnectTimeout: negative()}), []string{`RDS "a"`, `CDS "backend"`}},
		{"name", misnamed, []string{`CDS "another"`, `calls itself "name"`}},
		{"nil", with(site(t), (*xdsCluster)(nil)), []string{`CDS ""`, "nil"}},
		{"route to no cluster", without(site(t), xds.ClusterType, "backend"), []string{`RDS "a"`, `CDS "backend"`}},
		{"scope to no routes", without(site(t), xds.RouteType, "a"), []string{`SRDS "a.test"`, `RDS "a"`}},
		{"cluster without endpoints", with(site(t), edsCluster("eds")), []string{`CDS "eds"`, `EDS "eds"`}},
		{"no filter", with(site(t), listener(t, "http", 1, discovered("keys"))), []string{`LDS "http"`, `ECDS "keys"`}},
		{"no secret", with(site(t), tlsCluster(t, "tls", "cert")), []string{`CDS "tls"`, `SDS "cert"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := s.Set(t.Context(), revision("2", tc.res))
			var invalid *xds.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("Set: %v, want an InvalidError", err)
			}
			for _, want := range append(tc.want, `gateway "edge"`) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
	c.quiet()
	wantState(t, s, "1", xds.Acked)
	if got := metric(t, reg, "gatehouse_xds_invalid_resources_total"); got < 10 {
		t.Errorf("%v invalid resources counted", got)
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	s, addr := serve(t, xds.Options{Registerer: reg})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")
	set(t, s, revision("2", with(site(t), routes("a", says("/", "2")))))
	c.nack(c.next(xds.RouteType), "no")
	wantState(t, s, "2", xds.Rejected)
	for name, want := range map[string]float64{
		"gatehouse_xds_connected_nodes":        1,
		"gatehouse_xds_pushes_total":           5,
		"gatehouse_xds_pushed_resources_total": 5,
		"gatehouse_xds_acks_total":             4,
		"gatehouse_xds_nacks_total":            1,
		"gatehouse_xds_revisions_total":        2,
	} {
		if got := metric(t, reg, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// metric sums a metric over its labels.
func metric(t *testing.T, reg *prometheus.Registry, name string) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

package xds_test

import (
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"gatehouse/xds"
)

// subscribed is a client that has all of site, acknowledged.
func subscribed(t *testing.T, addr, id string) *client {
	t.Helper()
	c := connect(t, addr, id, "edge")
	c.subscribe(xds.ClusterType)
	c.expect(xds.ClusterType, "backend")
	c.subscribe(xds.ListenerType)
	c.expect(xds.ListenerType, "http")
	c.subscribe(xds.ScopedRouteType)
	c.expect(xds.ScopedRouteType, "a.test")
	c.subscribe(xds.RouteType, "a")
	c.expect(xds.RouteType, "a")
	return c
}

func TestFirstPush(t *testing.T) {
	s, addr := serve(t, xds.Options{})
	set(t, s, revision("1", site(t)))
	if out := wantState(t, s, "1", xds.Acked); out.Nodes != 0 {
		t.Errorf("%d nodes before any connected", out.Nodes)
	}
	subscribed(t, addr, "envoy-1")
	if out := wantState(t, s, "1", xds.Acked); out.Nodes != 1 {
		t.Errorf("%d nodes, want 1", out.Nodes)
	}
	st := s.Status()
	if len(st.Nodes) != 1 || !st.Nodes[0].InSync || !st.Nodes[0].Matched || st.Nodes[0].ID != "envoy-1" {
		t.Fatalf("status %+v", st)
	}
	if rds := st.Nodes[0].Types["RDS"]; rds.Revision != "1" || rds.Versions["a"] == "" {
		t.Errorf("RDS status %+v", rds)
	}
}

func TestOnlyChangedResourcesAreSent(t *testing.T) {
	s, addr := serve(t, xds.Options{})
	res := with(site(t), routes("b", says("/", "b")), scope("b.test", "b"))
	set(t, s, revision("1", res))
	c := connect(t, addr, "envoy-1", "edge")
	c.subscribe(xds.ClusterType)
	c.expect(xds.ClusterType, "backend")
	c.subscribe(xds.RouteType, "a", "b")
	c.expect(xds.RouteType, "a", "b")

	res = with(res, routes("b", says("/", "b, changed")))
	set(t, s, revision("2", res))
	c.expect(xds.RouteType, "b")
	wantState(t, s, "2", xds.Acked)

	// Other messages of the same bytes are no change.
	set(t, s, revision("3", with(site(t), routes("b", says("/", "b, changed")), scope("b.test", "b"))))
	c.quiet()
	wantState(t, s, "3", xds.Acked)
	wantState(t, s, "2", xds.Superseded)
}

func TestEveryTypeIsServed(t *testing.T) {
	s, addr := serve(t, xds.Options{})
	res := with(site(t), tlsCluster(t, "backend", "cert"), secret("cert"), edsCluster("eds"), endpoints("eds", "127.0.0.1", 9),
		listener(t, "http", 8080, discovered("limit")), limit(t, "limit", 10))
	set(t, s, revision("1", res))
	c := connect(t, addr, "envoy-1", "edge")
	for _, typeURL := range []string{xds.ClusterType, xds.ListenerType, xds.ScopedRouteType} {
		c.subscribe(typeURL)
		c.ack(c.next(typeURL))
	}
	for typeURL, name := range map[string]string{
		xds.EndpointType: "eds", xds.SecretType: "cert", xds.ExtensionConfigType: "limit", xds.RouteType: "a",
	} {
		c.subscribe(typeURL, name)
		c.expect(typeURL, name)
	}
	wantState(t, s, "1", xds.Acked)
	for name, typ := range s.Status().Nodes[0].Types {
		if len(typ.Versions) == 0 || typ.Revision != "1" {
			t.Errorf("%s status %+v", name, typ)
		}
	}
	set(t, s, revision("2", with(res, limit(t, "limit", 20))))
	c.expect(xds.ExtensionConfigType, "limit")
	set(t, s, revision("3", with(res, secret("cert"), endpoints("eds", "127.0.0.1", 10))))
	c.expect(xds.EndpointType, "eds")
	c.expect(xds.ExtensionConfigType, "limit")
	wantState(t, s, "3", xds.Acked)
}

func TestTypesThatAreNotServed(t *testing.T) {
	s, addr := serve(t, xds.Options{})
	set(t, s, revision("1", site(t)))
	c := connect(t, addr, "envoy-1", "edge")
	c.subscribe("type.googleapis.com/envoy.service.runtime.v3.Runtime", "rtds")
	c.quiet()
	c.subscribe(xds.ClusterType) // The stream goes on.
	c.expect(xds.ClusterType, "backend")
}

func TestMakeBeforeBreak(t *testing.T) {
	s, addr := serve(t, xds.Options{LingerTime: 30 * time.Millisecond})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")

	// The route moves to another cluster; one cluster and the scope's old name go.
	res := resources(
		listener(t, "http", 8080), scope("renamed.test", "a"),
		routes("a", to("/backend", "other")), staticCluster("other", 9),
	)
	done := make(chan error, 1)
	go func() { done <- s.Set(t.Context(), revision("2", res)) }()

	cds := c.next(xds.ClusterType)
	if got := namesOf(cds); len(got) != 1 || got[0] != "other" {
		t.Fatalf("CDS %v before the route, want the new cluster alone", got)
	}
	c.quiet() // No route before the cluster is acknowledged.
	c.ack(cds)
	rds := c.next(xds.RouteType)
	c.expect(xds.ScopedRouteType, "-a.test", "renamed.test")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	c.quiet() // No removal before the route is acknowledged, however long it takes.
	c.ack(rds)
	c.expect(xds.ClusterType, "-backend")
	wantState(t, s, "2", xds.Acked)
}

func TestSetWaitsForTheEndpointsOfANewCluster(t *testing.T) {
	s, addr := serve(t, xds.Options{})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")

	res := with(site(t), edsCluster("eds"), endpoints("eds", "127.0.0.1", 9), routes("a", to("/", "eds")))
	go func() {
		if err := s.Set(t.Context(), revision("2", res)); err != nil {
			t.Error(err)
		}
	}()
	c.expect(xds.ClusterType, "eds")
	c.quiet() // The cluster is acknowledged, but not ready.
	c.subscribe(xds.EndpointType, "eds")
	c.expect(xds.EndpointType, "eds")
	c.expect(xds.RouteType, "a")
	wantState(t, s, "2", xds.Acked)
}

func TestSetSettlesOnlyForDNS(t *testing.T) {
	// A busy machine takes less for what is not settled.
	const settled = 2 * time.Second
	s, addr := serve(t, xds.Options{SettleTime: settled})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")
	for _, tc := range []struct {
		host string
		slow bool
	}{{"127.0.0.2", false}, {"localhost", true}, {"127.0.0.3", false}} {
		start := time.Now()
		name := "dns-" + tc.host
		res := with(site(t), dnsCluster(name, tc.host, 9), routes("a", to("/", name)))
		go func() {
			if err := s.Set(t.Context(), revision(name, res)); err != nil {
				t.Error(err)
			}
		}()
		c.expect(xds.ClusterType, name)
		c.expect(xds.RouteType, "a")
		if took := time.Since(start); (took >= settled) != tc.slow {
			t.Errorf("%s: the route came after %v", tc.host, took)
		}
		wantState(t, s, name, xds.Acked)
	}
}

func TestSetGoesOnWithoutASilentEnvoy(t *testing.T) {
	s, addr := serve(t, xds.Options{AckTimeout: 50 * time.Millisecond})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")
	set(t, s, revision("2", with(site(t), staticCluster("new", 9), routes("a", to("/", "new")))))
	c.next(xds.ClusterType)
	c.expect(xds.RouteType, "a")
	st := s.Status().Nodes[0]
	if got := st.Types["CDS"]; len(got.Pending) != 1 || got.Pending[0] != "new" || got.Revision != "1" {
		t.Errorf("CDS status %+v", got)
	}
}

func TestTwoGateways(t *testing.T) {
	s, addr := serve(t, xds.Options{})
	edge, side := resources(staticCluster("of-edge", 1)), resources(staticCluster("of-side", 1))
	set(t, s, xds.Revision{ID: "1", Gateways: map[string]xds.Resources{"edge": edge, "side": side}})
	e, c := connect(t, addr, "e", "edge"), connect(t, addr, "s", "side")
	e.subscribe(xds.ClusterType)
	e.expect(xds.ClusterType, "of-edge")
	c.subscribe(xds.ClusterType)
	c.expect(xds.ClusterType, "of-side")

	set(t, s, xds.Revision{ID: "2", Gateways: map[string]xds.Resources{"edge": edge, "side": resources(staticCluster("of-side", 2))}})
	c.expect(xds.ClusterType, "of-side")
	e.quiet()
}

func TestUnknownGatewayIsKeptWaiting(t *testing.T) {
	s, addr := serve(t, xds.Options{LingerTime: 20 * time.Millisecond})
	set(t, s, revision("1", site(t)))
	c := connect(t, addr, "lost", "nobody")
	// It has a configuration of before, which must not be taken from it.
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: xds.ClusterType, InitialResourceVersions: map[string]string{"old": "1"}})
	c.quiet()
	if st := s.Status().Nodes; len(st) != 1 || st[0].Matched || st[0].InSync || st[0].Gateway != "nobody" {
		t.Fatalf("status %+v", st)
	}
	wantState(t, s, "1", xds.Acked)

	set(t, s, xds.Revision{ID: "2", Gateways: map[string]xds.Resources{"nobody": resources(staticCluster("new", 1))}})
	c.expect(xds.ClusterType, "new")
	wantState(t, s, "2", xds.Acked)
	c.expect(xds.ClusterType, "-old")
	if !s.Status().Nodes[0].Matched {
		t.Error("still unmatched")
	}
}

func TestReconnectResendsNothing(t *testing.T) {
	s, addr := serve(t, xds.Options{})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")
	wantState(t, s, "1", xds.Acked)
	known := map[string]map[string]string{}
	for name, typ := range s.Status().Nodes[0].Types {
		known[name] = typ.Versions
	}
	c.cancel()

	// Another control plane, which built the same resources itself.
	s, addr = serve(t, xds.Options{})
	c = connect(t, addr, "envoy-1", "edge")
	for _, typeURL := range []string{xds.ClusterType, xds.ListenerType, xds.ScopedRouteType, xds.RouteType} {
		req := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, InitialResourceVersions: known[xds.TypeName(typeURL)]}
		if typeURL == xds.RouteType {
			req.ResourceNamesSubscribe = []string{"a"}
		}
		c.send(req)
	}
	eventually(t, "the node is known", func() bool { return len(s.Status().Nodes) == 1 })
	set(t, s, revision("1", with(site(t), staticCluster("more", 1))))
	// Nothing but what is new; a wildcard's first request is always answered.
	for range 3 {
		resp := <-c.got
		for _, name := range namesOf(resp) {
			if name != "more" {
				t.Errorf("%s was sent again", brief(resp))
			}
		}
		c.ack(resp)
	}
	c.quiet()
	wantState(t, s, "1", xds.Acked)
}

func TestResubscribingSendsAgain(t *testing.T) {
	s, addr := serve(t, xds.Options{})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")
	c.subscribe(xds.RouteType, "a")
	c.expect(xds.RouteType, "a")
	c.quiet()
	wantState(t, s, "1", xds.Acked)
}

func TestGatewayLeftOut(t *testing.T) {
	s, addr := serve(t, xds.Options{LingerTime: time.Millisecond})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")
	set(t, s, xds.Revision{ID: "2"})
	c.expect(xds.ScopedRouteType, "-a.test")
	c.expect(xds.ListenerType, "-http")
	c.expect(xds.RouteType, "-a")
	c.expect(xds.ClusterType, "-backend")
	if s.Status().Nodes[0].Matched {
		t.Error("still matched")
	}
}

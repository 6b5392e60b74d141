package xds_test

import (
	"slices"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"gatehouse/xds"
)

// comesBack is an Envoy that has a route to a cluster "old", from a control plane
// that is no more.
func comesBack(t *testing.T, addr string) *client {
	t.Helper()
	c := connect(t, addr, "envoy-1", "edge")
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: xds.ClusterType, InitialResourceVersions: map[string]string{"old": "1"}})
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: xds.ListenerType, InitialResourceVersions: map[string]string{"http": "1"}})
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: xds.ScopedRouteType, InitialResourceVersions: map[string]string{"a.test": "1"}})
	c.send(&discoveryv3.DeltaDiscoveryRequest{
		TypeUrl: xds.RouteType, ResourceNamesSubscribe: []string{"a"}, InitialResourceVersions: map[string]string{"a": "1"},
	})
	return c
}

// takesUse expects the types that refer to others, in any order.
func (c *client) takesUse(t *testing.T) {
	t.Helper()
	var got []string
	for range 3 {
		select {
		case resp := <-c.got:
			got = append(got, xds.TypeName(resp.GetTypeUrl()))
			c.ack(resp)
		case <-time.After(patience):
			t.Fatalf("only %v came", got)
		}
	}
	if slices.Sort(got); !slices.Equal(got, []string{"LDS", "RDS", "SRDS"}) {
		t.Fatalf("got %v", got)
	}
}

func TestEnvoyThatComesBackIsToldInOrder(t *testing.T) {
	s, addr := serve(t, xds.Options{AckTimeout: time.Minute, LingerTime: time.Second})
	set(t, s, revision("1", with(site(t), edsCluster("new"), endpoints("new", "127.0.0.1", 9), routes("a", to("/", "new")))))
	c := comesBack(t, addr)
	resp := c.next(xds.ClusterType)
	if got := namesOf(resp); !slices.Equal(got, []string{"backend", "new"}) {
		t.Fatalf("got %v", got)
	}
	c.quiet() // Routes to "new" would be answered 503.
	c.ack(resp)
	c.quiet() // So they would now.
	c.subscribe(xds.EndpointType, "new")
	c.expect(xds.EndpointType, "new")
	c.takesUse(t)
	wantState(t, s, "1", xds.Acked)
	c.quiet() // A request may be on its way to "old".
	c.expect(xds.ClusterType, "-old")
	wantState(t, s, "1", xds.Acked)
	if versions := s.Status().Nodes[0].Types["CDS"].Versions; len(versions) != 2 {
		t.Errorf("it has %v", versions)
	}
	// It is an Envoy like any other then.
	done := make(chan error)
	go func() {
		done <- s.Set(t.Context(), revision("2", with(site(t), staticCluster("newer", 9), routes("a", to("/", "newer")))))
	}()
	c.expect(xds.ClusterType, "newer")
	c.expect(xds.RouteType, "a")
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantState(t, s, "2", xds.Acked)
}

func TestEnvoyThatComesBackIsNotKeptWaiting(t *testing.T) {
	t.Run("without an answer", func(t *testing.T) {
		s, addr := serve(t, xds.Options{AckTimeout: 100 * time.Millisecond})
		set(t, s, revision("1", with(site(t), edsCluster("new"), endpoints("new", "127.0.0.1", 9))))
		c := comesBack(t, addr)
		c.next(xds.ClusterType)
		c.takesUse(t)
	})
	t.Run("with nothing new", func(t *testing.T) {
		s, addr := serve(t, xds.Options{AckTimeout: time.Minute})
		set(t, s, revision("1", site(t)))
		known := subscribed(t, addr, "envoy-2")
		wantState(t, s, "1", xds.Acked)
		versions := s.Status().Nodes[0].Types["CDS"].Versions
		known.close()
		c := connect(t, addr, "envoy-1", "edge")
		c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: xds.ClusterType, InitialResourceVersions: versions})
		c.expect(xds.ClusterType)
		c.subscribe(xds.RouteType, "a")
		c.expect(xds.RouteType, "a")
	})
	t.Run("for names to be resolved for long", func(t *testing.T) {
		s, addr := serve(t, xds.Options{AckTimeout: time.Minute, SettleTime: time.Second})
		set(t, s, revision("1", with(site(t), dnsCluster("new", "localhost", 9), routes("a", to("/", "new")))))
		c := comesBack(t, addr)
		c.expect(xds.ClusterType, "backend", "new")
		c.quiet()
		c.takesUse(t)
	})
}

// What an Envoy came back with may be served again before it has let go of it.
func TestStaleClusterIsServedAgain(t *testing.T) {
	s, addr := serve(t, xds.Options{LingerTime: 100 * time.Millisecond})
	set(t, s, revision("1", site(t)))
	c := comesBack(t, addr)
	c.expect(xds.ClusterType, "backend")
	c.takesUse(t)
	set(t, s, revision("2", with(site(t), staticCluster("old", 9))))
	c.expect(xds.ClusterType, "old")
	wantState(t, s, "2", xds.Acked)
	time.Sleep(250 * time.Millisecond)
	c.quiet()
}

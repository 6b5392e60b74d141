package xds_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/envoytest"
	"gatehouse/xds"
)

func TestEnvoyIsServed(t *testing.T) {
	envoytest.Binary(t)
	s, addr := serve(t, xds.Options{})
	port := freePort(t)
	res := resources(
		listener(t, "http", port, discovered("limit")), limit(t, "limit", 10), scope("a.test", "a"),
		routes("a", says("/hello", "one"), to("/backend", "backend")),
		staticCluster("backend", backend(t, "from behind")),
	)
	set(t, s, revision("1", res))
	startEnvoy(t, xds.BootstrapOptions{Address: addr})
	served(t, port, "a.test", "/hello", "200 one")
	served(t, port, "a.test", "/backend", "200 from behind")
	if out := wantState(t, s, "1", xds.Acked); out.Nodes != 1 {
		t.Errorf("outcome %+v", out)
	}
	if st := s.Status().Nodes[0]; st.EnvoyVersion == "" || !st.InSync || len(st.Types) != 5 {
		t.Errorf("status %+v", st)
	}

	start := time.Now()
	res = with(res, routes("a", says("/hello", "two"), to("/backend", "backend")))
	set(t, s, revision("2", res))
	wantState(t, s, "2", xds.Acked)
	acked := time.Since(start)
	served(t, port, "a.test", "/hello", "200 two")
	t.Logf("one route changed: acknowledged after %v, served after %v", acked, time.Since(start))

	// A new host with a new backend, whose endpoints come by EDS.
	res = with(res, scope("b.test", "b"), routes("b", to("/", "eds")), edsCluster("eds"), endpoints("eds", "127.0.0.1", backend(t, "by EDS")))
	set(t, s, revision("3", res))
	wantState(t, s, "3", xds.Acked)
	served(t, port, "b.test", "/", "200 by EDS")
}

func TestEnvoyRefuses(t *testing.T) {
	envoytest.Binary(t)
	s, addr := serve(t, xds.Options{})
	port := freePort(t)
	res := resources(
		listener(t, "http", port), scope("a.test", "a"), scope("b.test", "b"),
		routes("a", says("/", "a")), routes("b", says("/", "b")), staticCluster("backend", 9),
	)
	set(t, s, revision("good", res))
	startEnvoy(t, xds.BootstrapOptions{Address: addr})
	served(t, port, "a.test", "/", "200 a")
	wantState(t, s, "good", xds.Acked)
	other := listener(t, "other", 1)
	other.Address = address("192.0.2.1", 1) // Not an address of this machine.
	for _, tc := range []struct {
		name    string
		res     xds.Resources
		typeURL string
		names   string
	}{
		{"regex", with(res, regexRoutes("a", "(")), xds.RouteType, "a"},
		{"two of which one", with(res, regexRoutes("a", "("), routes("b", says("/", "new"))), xds.RouteType, "a"},
		{"duplicate domain", with(res, twoHosts("b")), xds.RouteType, "b"},
		{"cluster", with(res, noEndpoints("bad"), staticCluster("good", 9)), xds.ClusterType, "bad"},
		{"listener", with(res, other), xds.ListenerType, "other"},
		{"scope", with(res, scope2("c.test", "a.test", "a")), xds.ScopedRouteType, "c.test"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			start := time.Now()
			set(t, s, revision(tc.name, tc.res))
			out := wantState(t, s, tc.name, xds.Rejected)
			t.Logf("refused after %v: %v", time.Since(start), out.NACKs)
			if n := out.NACKs[0]; n.TypeURL != tc.typeURL || strings.Join(n.Resources, " ") != tc.names || n.Message == "" {
				t.Errorf("NACK %+v, want %s %s", n, xds.TypeName(tc.typeURL), tc.names)
			}
			served(t, port, "a.test", "/", "200 a")
			set(t, s, revision("good", res))
			wantState(t, s, "good", xds.Acked)
		})
	}
}

func TestEnvoyOutlivesTheControlPlane(t *testing.T) {
	envoytest.Binary(t)
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := lis.Addr().String()
	s, stop := serveOn(t, lis, xds.Options{})
	port := freePort(t)
	build := func() xds.Resources {
		return resources(listener(t, "http", port), scope("a.test", "a"), routes("a", says("/", "a")), staticCluster("backend", 9))
	}
	set(t, s, revision("1", build()))
	e := startEnvoy(t, xds.BootstrapOptions{Address: addr})
	served(t, port, "a.test", "/", "200 a")
	wantState(t, s, "1", xds.Acked)
	stop()
	served(t, port, "a.test", "/", "200 a")
	updates := func() int {
		return e.stat("listener_manager.lds.update_success") + e.stat("cluster_manager.cds.update_success") +
			e.stat("http..*.rds.a.update_success") + e.stat("http..*.scoped_rds.hosts.update_success")
	}
	before := updates()

	if lis, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	s, stop = serveOn(t, lis, xds.Options{Registerer: reg})
	defer stop()
	eventually(t, "Envoy is back", func() bool { return len(s.Status().Nodes) == 1 })
	set(t, s, revision("1", build()))
	wantState(t, s, "1", xds.Acked)
	time.Sleep(calm)
	if got := metric(t, reg, "gatehouse_xds_pushed_resources_total"); got != 0 {
		t.Errorf("%v resources were sent again", got)
	}
	t.Logf("updates that Envoy counted: %d before, %d after", before, updates())
	set(t, s, revision("2", with(build(), routes("a", says("/", "after")))))
	served(t, port, "a.test", "/", "200 after")
}

func TestEnvoyOverMutualTLS(t *testing.T) {
	envoytest.Binary(t)
	ca, cert, key := writeCertificates(t, t.TempDir())
	s, addr := serveTLS(t, ca, cert, key)
	port := freePort(t)
	set(t, s, revision("1", resources(listener(t, "http", port), scope("a.test", "a"), routes("a", says("/", "a")))))
	startEnvoy(t, xds.BootstrapOptions{
		Address: addr, TLS: &xds.BootstrapTLS{CAFile: ca, CertFile: cert, KeyFile: key},
	})
	served(t, port, "a.test", "/", "200 a")
}

func TestReloadStormDropsNothing(t *testing.T) {
	envoytest.Binary(t)
	s, addr := serve(t, xds.Options{LingerTime: 100 * time.Millisecond})
	port, upstream := freePort(t), backend(t, "up")
	// Each revision moves the route to a cluster that did not exist before,
	// half of them by a name that has to be resolved, and drops the last one.
	at := func(i int) xds.Revision {
		name := fmt.Sprintf("backend-%d", i)
		c := staticCluster(name, upstream)
		if i%2 == 0 {
			c = dnsCluster(name, "localhost", upstream)
		}
		return revision(name, resources(listener(t, "http", port), scope("a.test", "a"), routes("a", to("/", name)), c))
	}
	set(t, s, at(0))
	startEnvoy(t, xds.BootstrapOptions{Address: addr})
	served(t, port, "a.test", "/", "200 up")

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			if got := get(http.DefaultClient, port, "a.test", "/"); got != "200 up" {
				t.Errorf("request %d: %s", n, got)
			}
		}
		done <- n
	}()
	for i := 1; i <= 20; i++ {
		set(t, s, at(i))
		wantState(t, s, fmt.Sprintf("backend-%d", i), xds.Acked)
	}
	eventually(t, "the old clusters are gone", func() bool { return len(s.Status().Nodes[0].Types["CDS"].Versions) == 1 })
	cancel()
	t.Logf("%d requests during 20 changes", <-done)
}

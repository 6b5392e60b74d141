package xds_test

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"gatehouse/internal/envoytest"
	"gatehouse/xds"
)

const (
	benchHosts  = 200
	benchRoutes = 50
)

// manyRoutes are the routes of one of many hosts; a change makes them others.
func manyRoutes(host, change int) proto.Message {
	name := fmt.Sprintf("host-%d", host)
	rc := routes(name)
	for i := range benchRoutes {
		rc.VirtualHosts[0].Routes = append(rc.VirtualHosts[0].Routes, to(fmt.Sprintf("/%d/path/%d", change, i), "backend"))
	}
	return rc
}

func manyHosts(b *testing.B) xds.Resources {
	b.Helper()
	res := resources(listener(b, "http", 8080), staticCluster("backend", 9))
	for i := range benchHosts {
		name := fmt.Sprintf("host-%d", i)
		res = with(res, scope(name, name), manyRoutes(i, 0))
	}
	return res
}

func quietServer(b *testing.B) (*xds.Server, string) {
	b.Helper()
	return serve(b, xds.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

// BenchmarkSetFromNothing validates, hashes and caches 10,000 routes.
func BenchmarkSetFromNothing(b *testing.B) {
	res := manyHosts(b)
	for b.Loop() {
		s := xds.New(xds.Options{Log: slog.New(slog.DiscardHandler)})
		set(b, s, revision("1", res))
		s.Close()
	}
}

// BenchmarkSetOneOfMany changes one of 200 route configurations of 50 routes.
func BenchmarkSetOneOfMany(b *testing.B) {
	s, _ := quietServer(b)
	res := manyHosts(b)
	set(b, s, revision("0", res))
	for n := 1; b.Loop(); n++ {
		res[xds.RouteType]["host-7"] = manyRoutes(7, n)
		set(b, s, revision(fmt.Sprint(n), res))
	}
}

// BenchmarkOneOfManyAcknowledged is the same until a client of all resources has
// answered, over gRPC.
func BenchmarkOneOfManyAcknowledged(b *testing.B) {
	s, addr := quietServer(b)
	res := manyHosts(b)
	set(b, s, revision("0", res))
	c := connect(b, addr, "envoy-1", "edge")
	var names []string
	for name := range res[xds.RouteType] {
		names = append(names, name)
	}
	c.subscribe(xds.RouteType, names...)
	done := make(chan int)
	go func() {
		bytes := 0
		for resp := range c.got {
			bytes += proto.Size(resp)
			if err := c.stream.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: resp.GetTypeUrl(), ResponseNonce: resp.GetNonce()}); err != nil {
				break
			}
		}
		done <- bytes
	}()
	wantState(b, s, "0", xds.Acked)
	n := 1
	for ; b.Loop(); n++ {
		res[xds.RouteType]["host-7"] = manyRoutes(7, n)
		set(b, s, revision(fmt.Sprint(n), res))
		wantState(b, s, fmt.Sprint(n), xds.Acked)
	}
	c.cancel()
	b.ReportMetric(float64(<-done)/float64(n), "sent-B/op")
}

// BenchmarkSetRebuilt sets the same 10,000 routes, built anew: no message is
// known by identity.
func BenchmarkSetRebuilt(b *testing.B) {
	s, _ := quietServer(b)
	set(b, s, revision("0", manyHosts(b)))
	for b.Loop() {
		b.StopTimer()
		res := manyHosts(b)
		b.StartTimer()
		set(b, s, revision("0", res))
	}
}

// BenchmarkEnvoyOneOfMany changes one of 200 route configurations until a real
// Envoy has taken it, after starting it with all 10,000 routes.
func BenchmarkEnvoyOneOfMany(b *testing.B) {
	envoytest.Binary(b)
	s, addr := quietServer(b)
	port := freePort(b)
	res := with(manyHosts(b), listener(b, "http", port), staticCluster("backend", backend(b, "up")))
	set(b, s, revision("0", res))
	start := time.Now()
	startEnvoy(b, xds.BootstrapOptions{Address: addr})
	served(b, port, "host-199", "/0/path/49", "200 up")
	cold := time.Since(start)
	wantState(b, s, "0", xds.Acked)
	for n := 1; b.Loop(); n++ {
		res[xds.RouteType]["host-7"] = manyRoutes(7, n)
		set(b, s, revision(fmt.Sprint(n), res))
		wantState(b, s, fmt.Sprint(n), xds.Acked)
	}
	b.ReportMetric(float64(cold.Milliseconds()), "cold-ms")
}

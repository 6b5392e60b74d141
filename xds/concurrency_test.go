package xds_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/xds"
)

func TestSetRespectsItsContext(t *testing.T) {
	s, addr := serve(t, xds.Options{AckTimeout: time.Minute})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")
	wantState(t, s, "1", xds.Acked)

	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	res := with(site(t), staticCluster("new", 9), routes("a", to("/", "new")))
	if err := s.Set(ctx, revision("2", res)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Set: %v, want the context's error", err)
	}
	if out, err := s.Wait(ctx, "2"); out.State != xds.Pending || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("outcome %+v, %v", out, err)
	}
	c.expect(xds.ClusterType, "new")
	c.quiet()
	// The next carries on from there.
	set(t, s, revision("3", res))
	c.expect(xds.RouteType, "a")
	wantState(t, s, "3", xds.Acked)
}

func TestCloseEndsStreams(t *testing.T) {
	s, addr := serve(t, xds.Options{})
	set(t, s, revision("1", site(t)))
	c := subscribed(t, addr, "envoy-1")
	s.Close()
	select {
	case _, ok := <-c.got:
		if ok {
			t.Error("something came instead of the end")
		}
	case <-time.After(patience):
		t.Error("the stream goes on")
	}
	if err := s.Set(t.Context(), revision("2", site(t))); err == nil {
		t.Error("Set works on a closed server")
	}
}

// TestManyAtOnce is for the race detector, and for what is left in the end.
func TestManyAtOnce(t *testing.T) {
	s, addr := serve(t, xds.Options{LingerTime: 5 * time.Millisecond, AckTimeout: 20 * time.Millisecond})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := range 25 {
				name := fmt.Sprintf("c-%d-%d", g, n%5)
				res := with(site(t), staticCluster(name, uint32(n+1)), routes("a", to("/", name)))
				if err := s.Set(t.Context(), revision(name, res)); err != nil {
					t.Error(err)
				}
				s.Status()
			}
		})
	}
	for g := range 4 {
		wg.Go(func() {
			for range 5 {
				c := connect(t, addr, fmt.Sprintf("envoy-%d", g), "edge")
				c.subscribe(xds.ClusterType)
				c.subscribe(xds.RouteType, "a")
				for range 4 {
					select {
					case resp := <-c.got:
						c.ack(resp)
					case <-time.After(calm):
					}
				}
				c.cancel()
			}
		})
	}
	wg.Wait()
	set(t, s, revision("end", site(t)))
	c := connect(t, addr, "last", "edge")
	c.subscribe(xds.RouteType, "a")
	c.expect(xds.RouteType, "a")
	eventually(t, "all clients but one are gone", func() bool { return len(s.Status().Nodes) == 1 })
	wantState(t, s, "end", xds.Acked)
	eventually(t, "only what is used is left", func() bool {
		probe := connect(t, addr, "probe", "edge")
		defer probe.cancel()
		probe.subscribe(xds.ClusterType)
		return len(namesOf(probe.next(xds.ClusterType))) == 1
	})
}

// TestFiftyEnvoysComeAndGo has Envoys connect, ask, answer or not, and vanish
// while gateways come, change and go. In the end every gateway serves whoever
// comes, and nothing is left running.
func TestFiftyEnvoysComeAndGo(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	s, stop := serveOn(t, lis, xds.Options{
		LingerTime: 5 * time.Millisecond, AckTimeout: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
	})
	const gateways = 5
	name := func(i int) string { return fmt.Sprintf("gateway-%d", i%gateways) }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			for round := i; ctx.Err() == nil; round++ {
				comeAndGo(ctx, t, lis.Addr().String(), fmt.Sprintf("envoy-%d", i), name(round), round)
			}
		})
	}
	for sets := range 12 {
		rev := xds.Revision{ID: fmt.Sprint(sets), Gateways: map[string]xds.Resources{}}
		for i := range gateways {
			// Each is left out at times.
			if (sets+i)%3 > 0 {
				cluster := fmt.Sprintf("c-%d", sets%7)
				rev.Gateways[name(i)] = with(site(t), staticCluster(cluster, uint32(sets%1000+1)), routes("a", to("/", cluster)))
			}
		}
		// Some refuse what they are sent, and may do so while Set waits.
		if err := s.Set(ctx, rev); err != nil && !strings.Contains(err.Error(), "I would rather not") {
			t.Error(err)
		}
		s.Status()
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	group.Wait()

	last := xds.Revision{ID: "last", Gateways: map[string]xds.Resources{}}
	for i := range gateways {
		last.Gateways[name(i)] = with(site(t), staticCluster("last", 9))
	}
	set(t, s, last)
	eventually(t, "all Envoys are gone", func() bool { return len(s.Status().Nodes) == 0 })
	var clients []*client
	for i := range gateways {
		c := connect(t, lis.Addr().String(), "late", name(i))
		c.subscribe(xds.ClusterType)
		if names := namesOf(c.next(xds.ClusterType)); !slices.Contains(names, "last") {
			t.Errorf("%s serves %v", name(i), names)
		}
		clients = append(clients, c)
	}
	for _, c := range clients {
		c.close()
	}
	stop()
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// comeAndGo is a short life of an Envoy: some ask and leave, some acknowledge what
// comes, some refuse it, and some only watch it come.
func comeAndGo(ctx context.Context, t *testing.T, addr, id, gateway string, round int) {
	c := connect(t, addr, id, gateway)
	defer c.close()
	for _, typeURL := range []string{xds.ClusterType, xds.ListenerType, xds.ScopedRouteType} {
		c.subscribe(typeURL)
	}
	c.subscribe(xds.RouteType, "a")
	for range round % 8 {
		select {
		case resp, ok := <-c.got:
			switch {
			case !ok:
				t.Errorf("the server hung up on %s", id)
				return
			case round%4 == 0:
				c.nack(resp, "I would rather not")
			case round%4 < 3:
				c.ack(resp)
			}
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return
		}
	}
}

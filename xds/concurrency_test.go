package xds_test

import (
	"context"
	"errors"
	"fmt"
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

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
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

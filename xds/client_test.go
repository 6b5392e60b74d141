package xds_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"gatehouse/xds"
)

// patience is how long a test waits for what must happen, and calm how long for
// what must not.
const (
	patience = 30 * time.Second
	calm     = 50 * time.Millisecond
)

// serve runs a server on a free port until the test ends.
func serve(t testing.TB, opts xds.Options) (*xds.Server, string) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, stop := serveOn(t, lis, opts)
	t.Cleanup(stop)
	return s, lis.Addr().String()
}

func serveOn(t testing.TB, lis net.Listener, opts xds.Options) (*xds.Server, func()) {
	t.Helper()
	if opts.Log == nil {
		opts.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s := xds.New(opts)
	g := grpc.NewServer(xds.ServerOptions()...)
	s.Register(g)
	done := make(chan error, 1)
	go func() { done <- g.Serve(lis) }()
	return s, func() {
		s.Close()
		g.GracefulStop()
		if err := <-done; err != nil {
			t.Errorf("serving gRPC: %v", err)
		}
	}
}

// client is an Envoy as far as delta ADS goes.
type client struct {
	t      testing.TB
	stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	node   *corev3.Node
	got    chan *discoveryv3.DeltaDiscoveryResponse
	cancel context.CancelFunc
	// close ends the connection too, and not only the stream.
	close func()
}

func connect(t testing.TB, addr, id, gateway string) *client {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	c := &client{
		t: t, stream: stream, node: &corev3.Node{Id: id, Cluster: gateway},
		got: make(chan *discoveryv3.DeltaDiscoveryResponse, 100), cancel: cancel,
	}
	go func() {
		defer close(c.got)
		for {
			resp, err := stream.Recv()
			if err != nil {
				return
			}
			c.got <- resp
		}
	}()
	c.close = sync.OnceFunc(func() {
		cancel()
		if err := conn.Close(); err != nil {
			t.Errorf("closing the connection: %v", err)
		}
	})
	t.Cleanup(c.close)
	return c
}

func (c *client) send(req *discoveryv3.DeltaDiscoveryRequest) {
	c.t.Helper()
	req.Node, c.node = c.node, nil // Envoy says who it is once.
	if err := c.stream.Send(req); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

// subscribe asks for names, or for all resources of a type.
func (c *client) subscribe(typeURL string, names ...string) {
	c.t.Helper()
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, ResourceNamesSubscribe: names})
}

func (c *client) ack(resp *discoveryv3.DeltaDiscoveryResponse) {
	c.t.Helper()
	c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: resp.GetTypeUrl(), ResponseNonce: resp.GetNonce()})
}

func (c *client) nack(resp *discoveryv3.DeltaDiscoveryResponse, message string) {
	c.t.Helper()
	c.send(&discoveryv3.DeltaDiscoveryRequest{
		TypeUrl: resp.GetTypeUrl(), ResponseNonce: resp.GetNonce(),
		ErrorDetail: &status.Status{Code: int32(codes.Internal), Message: message},
	})
}

// next is the next response, which has to be of a type.
func (c *client) next(typeURL string) *discoveryv3.DeltaDiscoveryResponse {
	c.t.Helper()
	select {
	case resp, ok := <-c.got:
		if !ok {
			c.t.Fatalf("waiting for %s: the stream has ended", xds.TypeName(typeURL))
		}
		if resp.GetTypeUrl() != typeURL {
			c.t.Fatalf("got %s, want %s", brief(resp), xds.TypeName(typeURL))
		}
		return resp
	case <-time.After(patience):
		c.t.Fatalf("waiting for %s: nothing came", xds.TypeName(typeURL))
	}
	return nil
}

// expect takes and acknowledges a response of exactly these resources; those
// removed are marked with a minus sign.
func (c *client) expect(typeURL string, names ...string) *discoveryv3.DeltaDiscoveryResponse {
	c.t.Helper()
	resp := c.next(typeURL)
	slices.Sort(names)
	if got := namesOf(resp); !slices.Equal(got, names) {
		c.t.Fatalf("got %s %v, want %v", xds.TypeName(typeURL), got, names)
	}
	c.ack(resp)
	return resp
}

// quiet fails if anything comes.
func (c *client) quiet() {
	c.t.Helper()
	select {
	case resp, ok := <-c.got:
		if ok {
			c.t.Fatalf("got %s, want nothing", brief(resp))
		}
		c.t.Fatal("the stream has ended")
	case <-time.After(calm):
	}
}

func namesOf(resp *discoveryv3.DeltaDiscoveryResponse) []string {
	names := []string{}
	for _, r := range resp.GetResources() {
		names = append(names, r.GetName())
	}
	for _, n := range resp.GetRemovedResources() {
		names = append(names, "-"+n)
	}
	slices.Sort(names)
	return names
}

func brief(resp *discoveryv3.DeltaDiscoveryResponse) string {
	out := xds.TypeName(resp.GetTypeUrl())
	for _, n := range namesOf(resp) {
		out += " " + n
	}
	return out
}

func set(t testing.TB, s *xds.Server, rev xds.Revision) {
	t.Helper()
	if err := s.Set(t.Context(), rev); err != nil {
		t.Fatalf("setting %s: %v", rev.ID, err)
	}
}

// wait gives what became of a revision within the test's patience.
func wait(t testing.TB, s *xds.Server, id string) xds.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := s.Wait(ctx, id)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	return out
}

func wantState(t testing.TB, s *xds.Server, id string, want xds.State) xds.Outcome {
	t.Helper()
	out := wait(t, s, id)
	if out.State != want {
		t.Fatalf("revision %s is %+v, want %s", id, out, want)
	}
	return out
}

// eventually polls a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

package xds

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
)

// The only Envoy of a gateway may leave while Set is about to define that gateway.
// What Set defines has to be there for the Envoy that comes next.
func TestGatewayOutlivesItsLastEnvoyDuringSet(t *testing.T) {
	s := New(Options{})
	defer s.Close()
	w := watcher{s}
	asks := func(id int64, node *corev3.Node) {
		if err := w.OnStreamDeltaRequest(id, &discoveryv3.DeltaDiscoveryRequest{TypeUrl: ClusterType, Node: node}); err != nil {
			t.Fatal(err)
		}
	}
	asks(1, &corev3.Node{Id: "envoy-1", Cluster: "edge"})
	held := s.hold(Revision{Gateways: map[string]Resources{"edge": {}}})
	w.OnDeltaStreamClosed(1, nil)
	asks(2, &corev3.Node{Id: "envoy-2", Cluster: "edge"})
	if len(held) != 1 || s.streams[2].gateway != held[0] {
		t.Error("the Envoy that came during Set is not of the gateway that Set defines")
	}
	s.release(held)
	w.OnDeltaStreamClosed(2, nil)
	if len(s.gateways) != 0 {
		t.Errorf("%d gateways are left that nobody defined or asks for", len(s.gateways))
	}
}

// An Envoy says who it is at first. One that says something else later is not
// served what is another gateway's, nor does it make up gateways.
func TestEnvoyCannotChangeItsGateway(t *testing.T) {
	s := New(Options{})
	defer s.Close()
	w := watcher{s}
	for _, cluster := range []string{"edge", "other"} {
		req := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: ClusterType, Node: &corev3.Node{Id: "envoy-1", Cluster: cluster}}
		before := proto.CloneOf(req)
		if err := w.OnStreamDeltaRequest(1, req); err != nil {
			t.Fatal(err)
		}
		if cluster == "edge" && !proto.Equal(req, before) {
			t.Errorf("the first request was changed: %v", req)
		}
		if cluster == "other" && req.GetNode() != nil {
			t.Errorf("go-control-plane is told of another node: %v", req.GetNode())
		}
	}
}

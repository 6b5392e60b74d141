package cli

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"gatehouse/internal/envoytest"
	"gatehouse/translator"
	"gatehouse/xds"
)

func TestEnvoysRefusalIsADiagnostic(t *testing.T) {
	envoy := envoytest.Binary(t)
	// Valid by Envoy's schema, but a listener for nothing.
	idle := &listenerv3.Listener{Name: "idle", Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
		SocketAddress: &corev3.SocketAddress{Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 8080}},
	}}}
	ds, err := askEnvoy(t.Context(), envoy, &translator.Output{Revision: "r1", Gateways: map[string]translator.Resources{
		"bad":  {xds.ListenerType: map[string]proto.Message{"idle": idle}},
		"good": {},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(ds) != 1 || ds[0].Code != "envoy-refused" || !strings.Contains(ds[0].Message, "no filter chains") {
		t.Errorf("%v", ds)
	}
	if idle.BindToPort != nil {
		t.Error("the resource itself was changed")
	}
}

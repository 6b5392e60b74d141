package encoded_test

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"

	"gatehouse/internal/encoded"
)

// known is a message whose encoding says something else, so that it shows which was sent.
type known struct {
	*grpc_health_v1.HealthCheckResponse
	encoding []byte
}

func (k known) Encoded() []byte { return k.encoding }

func TestServer(t *testing.T) {
	bytes, err := proto.Marshal(&grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING})
	if err != nil {
		t.Fatal(err)
	}
	other := &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_NOT_SERVING}
	desc := grpc_health_v1.Health_ServiceDesc
	desc.Streams = nil
	desc.Methods = []grpc.MethodDesc{{MethodName: "Check", Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(grpc_health_v1.HealthCheckRequest)
		if err := decode(in); err != nil {
			return nil, err
		}
		return map[string]any{"encoded": known{other, bytes}, "not yet": known{other, nil}, "": other}[in.Service], nil
	}}}
	for _, c := range []struct {
		service string
		options []grpc.ServerOption
		want    grpc_health_v1.HealthCheckResponse_ServingStatus
	}{
		{"encoded", []grpc.ServerOption{encoded.ServerOption()}, grpc_health_v1.HealthCheckResponse_SERVING},
		{"not yet", []grpc.ServerOption{encoded.ServerOption()}, grpc_health_v1.HealthCheckResponse_NOT_SERVING},
		{"", []grpc.ServerOption{encoded.ServerOption()}, grpc_health_v1.HealthCheckResponse_NOT_SERVING},
		{"encoded", nil, grpc_health_v1.HealthCheckResponse_NOT_SERVING}, // without the option
	} {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer(c.options...)
		server.RegisterService(&desc, nil)
		go server.Serve(lis)
		conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		got, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: c.service})
		if err != nil || got.GetStatus() != c.want {
			t.Errorf("%q: %v %v, want %v", c.service, got, err, c.want)
		}
		conn.Close()
		server.Stop()
	}
}

package extauthz_test

import (
	"net"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/testing/protocmp"

	"gatehouse/gateway"
	"gatehouse/internal/encoded"
)

// Envoys are sent what Check gives, whether it was encoded before or not.
func TestAnswersOverGRPC(t *testing.T) {
	s := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer())
	s.APIs[0].Stages[0].Deployment.Routes = append(s.APIs[0].Stages[0].Deployment.Routes, opened("GET", "/open"))
	h := newHarness(t, s)
	h.lambda.answer = answers(`{"context": {"tenant": "t1", "level": 3}, ` + allowAll[1:])
	// The first answer says how long the function took.
	h.check(ask{route: petRoute, base: "/v1", headers: []string{"authorization: token"}})
	for name, options := range map[string][]grpc.ServerOption{"plain": nil, "encoded": {encoded.ServerOption()}} {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer(options...)
		h.Register(server)
		go server.Serve(lis)
		t.Cleanup(server.Stop)
		conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		for _, a := range []ask{
			{route: petRoute, base: "/v1", headers: []string{"authorization: token"}},
			{route: petRoute, base: "/v1"},
			{route: "GET /open", base: "/v1", path: "/v1/open"},
			{route: "GET /nowhere", base: "/v1"},
		} {
			got, err := authv3.NewAuthorizationClient(conn).Check(t.Context(), a.request())
			if err != nil {
				t.Fatal(err)
			}
			want, err := h.Check(t.Context(), a.request())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("%s, %+v:\n%s", name, a, diff)
			}
		}
	}
	if h.lambda.calls() != 1 {
		t.Errorf("%d calls", h.lambda.calls())
	}
}

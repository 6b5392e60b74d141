package extauthz_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"gatehouse/extauthz"
	"gatehouse/gateway"
)

// browser is a request as browsers send them.
var browser = []string{
	"user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
	"accept: application/json", "accept-language: en-GB,en;q=0.9", "accept-encoding: gzip, deflate, br", "referer: https://www.example.com/pets",
	"origin: https://www.example.com", "cookie: session=3f0c0c0e000040008000000000000001; theme=dark", "x-forwarded-for: 203.0.113.9",
	"authorization: Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJ1c2VyLTciLCJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIn0.c2lnbmF0dXJl",
	"x-api-key: the-old-value-of-acme",
}

// Each evaluator by itself, without gRPC.
func BenchmarkEvaluators(b *testing.B) {
	policy := one(gateway.REST, opened("GET", "/pets/{id}"))
	policy.APIs[0].Stages[0].Deployment.Policy = `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
		{"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/v1/GET/admin/*", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]}`
	iam := one(gateway.REST, signed("GET", "/pets/{id}"))
	iam.Credentials = []gateway.Credential{credential("AKID", ownUser, identityPolicy("Allow", "arn:aws:execute-api:*:*:pets/v1/*"))}
	keys := withKeys(one(gateway.REST, opened("GET", "/pets/{id}")))
	for i := range 100_000 {
		keys.APIKeys = append(keys.APIKeys, gateway.APIKey{Name: fmt.Sprint("key", i), Values: []gateway.Secret{gateway.Secret(fmt.Sprintf("the-value-of-key-%06d", i))}})
	}
	plain := ask{route: petRoute, base: "/v1", headers: browser}
	for _, c := range []struct {
		name     string
		snapshot *gateway.Snapshot
		ask      ask
	}{
		{"open", one(gateway.REST, opened("GET", "/pets/{id}")), plain},
		{"resource-policy", policy, plain},
		{"lambda-cached", one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()), plain},
		{"lambda-called", one(gateway.REST, custom("GET", "/pets/{id}"), requestAuthorizer(func(a *gateway.Authorizer) { a.ResultTTLSeconds = ttl(0) })), plain},
		{"opaque-token-cached", introspected(one(gateway.HTTP, tokenRoute("JWT"), opaqueAuthorizer()), time.Hour), ask{route: petRoute, stage: gateway.DefaultStage, headers: browser}},
		{"signature", iam, sign(b, ask{route: petRoute, base: "/v1", headers: browser[:8]}, "AKID")},
		{"api-key-of-100000", keys, plain},
	} {
		b.Run(c.name, func(b *testing.B) {
			h, _ := newIntrospection(b, c.snapshot, quiet)
			request := c.ask.request()
			if got := h.check(c.ask); got.status != 200 {
				b.Fatalf("%d %s", got.status, got.code())
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Check(b.Context(), request); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func quiet(o *extauthz.Options) { o.Log = slog.New(slog.DiscardHandler) }

// empty is the least that an authorization service can do.
type empty struct {
	authv3.UnimplementedAuthorizationServer
}

func (empty) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return &authv3.CheckResponse{Status: &rpcstatus.Status{}, HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}}}, nil
}

// Over gRPC, as Envoy asks: an authorizer whose answer is known, beside a service that
// does nothing. The CPU time is that of client and server together, of which the server
// has about half.
func BenchmarkGRPC(b *testing.B) {
	h := newHarness(b, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()), quiet)
	for _, c := range []struct {
		name   string
		server authv3.AuthorizationServer
	}{{"empty", empty{}}, {"lambda-cached", h}} {
		b.Run(c.name, func(b *testing.B) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			server := grpc.NewServer()
			authv3.RegisterAuthorizationServer(server, c.server)
			go server.Serve(listener)
			defer server.Stop()
			conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			client := authv3.NewAuthorizationClient(conn)
			request := ask{route: petRoute, base: "/v1", headers: browser}.request()
			b.ReportAllocs()
			begin := cpuTime(b)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					answer, err := client.Check(b.Context(), request)
					if err != nil || answer.GetStatus().GetCode() != 0 {
						b.Error(answer, err)
						return
					}
				}
			})
			b.ReportMetric(float64(cpuTime(b)-begin)/float64(b.N), "cpu-ns/op")
		})
	}
}

// cpuTime is what the process has used so far.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Reading the definitions again, when one of many stages has changed.
func BenchmarkCompile(b *testing.B) {
	s := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer())
	s.APIs[0].Stages = nil
	for i := range 1000 {
		d := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()).APIs[0].Stages[0].Deployment
		for j := range 20 {
			d.Routes = append(d.Routes, custom("GET", fmt.Sprintf("/route%d/{id}", j)))
		}
		s.APIs[0].Stages = append(s.APIs[0].Stages, gateway.Stage{Name: fmt.Sprint("v", i), Deployment: d})
	}
	s.Seal()
	b.Run("anew", func(b *testing.B) {
		for b.Loop() {
			extauthz.Compile(s)
		}
	})
	b.Run("again", func(b *testing.B) {
		h := newHarness(b, s, quiet)
		for b.Loop() {
			h.Compile(s)
		}
	})
}

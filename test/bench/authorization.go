package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"gatehouse/internal/wire"
)

// emptyAuthorization is the least that an authorization service can do.
type emptyAuthorization struct {
	authv3.UnimplementedAuthorizationServer
}

func (emptyAuthorization) Check(context.Context, *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	return &authv3.CheckResponse{Status: &rpcstatus.Status{}, HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{}}}, nil
}

// question is what an Envoy asks about a request to the route with a Lambda authorizer.
func question() *authv3.CheckRequest {
	headers := [][2]string{
		{":authority", "rest.execute-api.localhost"}, {":path", "/v1/lambda"}, {":method", "GET"}, {":scheme", "http"},
		{"user-agent", "bench"}, {"accept", "*/*"}, {"authorization", "token"},
		{"x-forwarded-proto", "http"}, {"x-request-id", "0c34a8a1-6e3b-4c53-b4ae-0a2c1b8b1f0e"},
	}
	list := &corev3.HeaderMap{}
	for _, h := range headers {
		list.Headers = append(list.Headers, &corev3.HeaderValue{Key: h[0], RawValue: []byte(h[1])})
	}
	address := func(port uint32) *authv3.AttributeContext_Peer {
		return &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
		}}}}
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: address(50123), Destination: address(8080),
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Id: "7245871", Method: "GET", Path: "/v1/lambda", Host: "rest.execute-api.localhost", Scheme: "http", Protocol: "HTTP/1.1", HeaderMap: list,
		}},
		ContextExtensions: map[string]string{wire.ContextAPI: "rest", wire.ContextStage: "v1", wire.ContextRoute: "GET /lambda", wire.ContextBase: "/v1"},
		TlsSession:        &authv3.AttributeContext_TLSSession{},
	}}
}

// checker is an authorization service that is asked without an Envoy.
type checker struct {
	name    string
	service *service
	clients []authv3.AuthorizationClient
	// micros are the CPU time of a call in each round, p50 and p99 how long calls took.
	micros, p50, p99 []float64
}

// dial opens as many connections as an Envoy with two workers has.
func (c *checker) dial() (stop func(), err error) {
	var open []*grpc.ClientConn
	stop = func() {
		for _, conn := range open {
			conn.Close()
		}
	}
	for range 2 {
		conn, err := grpc.NewClient(fmt.Sprint("127.0.0.1:", c.service.port), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			stop()
			return nil, err
		}
		open = append(open, conn)
		c.clients = append(c.clients, authv3.NewAuthorizationClient(conn))
	}
	return stop, nil
}

func (c *checker) ask(client int, q *authv3.CheckRequest) error {
	ctx := metadata.AppendToOutgoingContext(context.Background(), wire.ToldHeader, wire.Told{Client: "127.0.0.1"}.String())
	answer, err := c.clients[client%len(c.clients)].Check(ctx, q)
	if err == nil && answer.GetStatus().GetCode() != 0 {
		err = fmt.Errorf("refused: %v", answer)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", c.name, err)
	}
	return err
}

// asleepUntil waits until something is due, and gives since when it has been waiting to be done.
// Some machines have timers that come a millisecond late, which is nothing to do with what is
// measured; that the one before took too long is.
func asleepUntil(due time.Time) time.Time {
	wait := time.Until(due)
	if wait <= 0 {
		return due
	}
	time.Sleep(wait)
	return time.Now()
}

// calls makes n calls from so many goroutines. With a rate, each is made when it is due, and
// how long it took is from then on: waiting for one before counts. Without, they are made one
// after the other.
func (c *checker) calls(n, atOnce int, rate float64) ([]time.Duration, error) {
	begin := time.Now()
	var next atomic.Int64
	took := make([]time.Duration, n)
	errs := make([]error, atOnce)
	var group sync.WaitGroup
	for i := range atOnce {
		group.Go(func() {
			q := question()
			for errs[i] == nil {
				call := next.Add(1) - 1
				if call >= int64(n) {
					return
				}
				due := time.Now()
				if rate > 0 {
					due = asleepUntil(begin.Add(time.Duration(float64(call) / rate * float64(time.Second))))
				}
				errs[i] = c.ask(i, q)
				took[call] = time.Since(due)
			}
		})
	}
	group.Wait()
	slices.Sort(took)
	return took, errors.Join(errs...)
}

// round measures at half of the most that the service could answer just before.
func (c *checker) round(n, atOnce int) (rate float64, err error) {
	begin := time.Now()
	if _, err := c.calls(n, atOnce, 0); err != nil {
		return 0, err
	}
	rate = float64(n) / time.Since(begin).Seconds() / 2
	before, err := cpuOf(c.service.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	took, err := c.calls(n, atOnce, rate)
	if err != nil {
		return 0, err
	}
	after, err := cpuOf(c.service.cmd.Process.Pid)
	c.micros = append(c.micros, float64((after-before).Nanoseconds())/1000/float64(n))
	c.p50 = append(c.p50, float64(took[n/2].Microseconds())/1000)
	c.p99 = append(c.p99, float64(took[n*99/100].Microseconds())/1000)
	return rate, err
}

// measureChecks compares the authorization service, asked about a caller whom it knows, with
// a gRPC server that does nothing, at half of the load that each can take.
func measureChecks(size effort, w *tabwriter.Writer, authorization *service, in callersInput) error {
	in.Empty = true
	nothing, err := startService(serviceVariable, in)
	if err != nil {
		return err
	}
	defer nothing.stop()
	list := []*checker{{name: "gRPC server that does nothing", service: nothing}, {name: "authorization service, Lambda authorizer's answer kept", service: authorization}}
	rates := make([][]float64, len(list))
	for _, c := range list {
		stop, err := c.dial()
		if err != nil {
			return err
		}
		defer stop()
		if _, err := c.calls(size.requests, size.connections, 0); err != nil { // warms up
			return err
		}
	}
	for range heats * size.rounds {
		for i, c := range list {
			rate, err := c.round(size.requests/heats/2, size.connections)
			if err != nil {
				return err
			}
			rates[i] = append(rates[i], rate)
		}
	}
	fmt.Fprintln(w, "authorization service asked directly\tits CPU a call\tratio\tat half of the most\t\t")
	for i, c := range list {
		ratio := "1"
		if i > 0 {
			ratio = ratiosOf(c.micros, list[0].micros).String()
		}
		fmt.Fprintf(w, "%s\t%.1f µs\t%s\t%.0f/s\tp50 %.2f ms\tp99 %.2f ms\n", c.name, median(c.micros), ratio, median(rates[i]), median(c.p50), median(c.p99))
	}
	return nil
}

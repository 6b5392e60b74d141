package e2e

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/integration"
)

// TestSlowUploadsToFunctions has many clients send large bodies that they do not end. What
// the service holds of them is bounded: those that are too many are refused, and small
// requests go on.
func TestSlowUploadsToFunctions(t *testing.T) {
	h := newHook(t)
	service := integration.New(integration.Options{Log: slog.New(slog.DiscardHandler), MemoryBytes: 16 << 20, Patience: 200 * time.Millisecond})
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go service.Serve(socket)
	t.Cleanup(func() { service.Close(t.Context()) })
	const custom = `x-amazon-apigateway-gateway-responses: {DEFAULT_5XX: {responseParameters: {gatewayresponse.header.X-Mine: "'yes'"}}}`
	s := snapshotOf(gateway.API{ID: "hook", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Variables: map[string]string{"fn": h.URL}, Deployment: deploy(t, gateway.REST, strings.Replace(hookAPI, "EXTRA", custom, 1), ""),
	}}})
	s.Gateways[0].Services.Integration = &gateway.Service{Endpoints: []gateway.Endpoint{{Host: "127.0.0.1", Port: uint32(socket.Addr().(*net.TCPAddr).Port)}}}
	compiled, found := service.Compile(s.Seal())
	if compiled == nil {
		t.Fatal(found.Err())
	}
	service.Swap(compiled)
	g := start(t, s)
	const host = "hook.execute-api.localhost"
	small := func() reply { return g.request("POST", host, "/v1/x", "small") }
	for end := time.Now().Add(time.Minute); small().StatusCode != 200; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the service is not called")
		}
	}

	const uploads, announced = 40, 4 << 20
	refused := make(chan *http.Response, uploads)
	part := strings.Repeat("a", 1<<20)
	var connections []net.Conn
	for range uploads {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.port))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		connections = append(connections, c)
		c.SetDeadline(time.Now().Add(30 * time.Second))
		go func() {
			fmt.Fprintf(c, "POST /v1/x HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", host, announced)
			io.WriteString(c, part) // It may be refused before.
		}()
		go func() {
			if r, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
				refused <- r
			}
		}()
	}
	select {
	case r := <-refused:
		text, _ := io.ReadAll(r.Body)
		if r.StatusCode != 503 || string(text) != `{"message":"Service Unavailable"}` || r.Header.Get("X-Amzn-Errortype") != "ServiceUnavailableException" || r.Header.Get("X-Mine") != "yes" {
			t.Errorf("%d %s %v", r.StatusCode, text, r.Header)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no upload is refused")
	}
	for range 10 {
		if r := small(); r.StatusCode != 200 {
			t.Errorf("a small request meanwhile: %d %s", r.StatusCode, r.body)
		}
	}
	for _, c := range connections {
		c.Close()
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		r := g.request("POST", host, "/v1/x", strings.Repeat("a", 512<<10), "Content-Type", "text/plain")
		if r.StatusCode == 503 && time.Now().Before(end) {
			continue // What the others held is being given back.
		}
		if r.StatusCode != 503 && r.StatusCode != 200 || time.Now().After(end) {
			t.Errorf("when the others are gone: %d %.100s", r.StatusCode, r.body)
		}
		break
	}
}

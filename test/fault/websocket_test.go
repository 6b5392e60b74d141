package fault

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/gobwas/ws"

	"gatehouse/internal/proctest"
	"gatehouse/internal/redistest"
	"gatehouse/internal/wire"
)

const chatApart = `gateways:
  - name: edge
    listeners: [{port: %d, address: 127.0.0.1}]
    services: {integration: {endpoints: [%q, %q], tls: {ca: CERTS/ca.pem, serverName: integration.internal, certificate: CERTS/envoy.pem, key: CERTS/envoy.key}}}
apis:
  - name: chat
    protocol: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $default:
        routeResponseSelectionExpression: $default
        integration: {type: MOCK, requestTemplates: {$default: '{"statusCode": 200}'}, responses: {$default: {responseTemplates: {$default: "heard"}}}}
    stages: [{name: v1}]
credentials:
  - accessKeyId: AKIDPUSHER
    secretAccessKey: secret-of-the-pusher
    arn: arn:aws:iam::000000000000:user/pusher
    policies: [{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "execute-api:ManageConnections", Resource: "*"}]}]
`

// connected is a WebSocket through Envoy.
type connected struct {
	net.Conn
	in *bufio.Reader
	id string
}

func connectTo(t *testing.T, port int) (*connected, int) {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, 0
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
	fmt.Fprintf(c, "GET /_aws/execute-api/chat/v1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	x := &connected{Conn: c, in: bufio.NewReader(c)}
	r, err := http.ReadResponse(x.in, nil)
	if err != nil {
		return nil, 0
	}
	x.id = wire.ConnectionID(r.Header.Get("X-Amzn-Requestid"))
	return x, r.StatusCode
}

// hears reads a text; "" at the end of the connection, whose code is given then.
func (x *connected) hears() (string, ws.StatusCode) {
	//lint:ignore SA1019 the peer is our own gateway
	f, err := ws.ReadFrame(x.in)
	if err != nil {
		return "", ws.StatusAbnormalClosure
	}
	if f.Header.OpCode == ws.OpClose {
		code, _ := ws.ParseCloseFrameData(f.Payload)
		return "", code
	}
	return string(f.Payload), 0
}

// push sends to a connection by @connections, and gives the status of the answer.
func push(t *testing.T, port int, id, text string) int {
	t.Helper()
	r, err := http.NewRequest("POST", fmt.Sprintf("http://localhost:%d/_aws/execute-api/chat/v1/@connections/%s", port, strings.ReplaceAll(id, "=", "%3D")), strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256([]byte(text))
	if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "AKIDPUSHER", SecretAccessKey: "secret-of-the-pusher"}, r, hex.EncodeToString(hash[:]), "execute-api", "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// TestWebSocketsApart has two processes that hold connections, which Envoys reach by
// mutual TLS, and Redis between them. Whichever is asked, a backend reaches all clients.
// When one process is killed, its connections end, and are known to be gone; the other's
// go on until it is stopped, and says so.
func TestWebSocketsApart(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	dir, certs, port := t.TempDir(), t.TempDir(), proctest.FreePort(t)
	ours := newAuthority(t)
	ours.issueFor(t, certs, "service", "integration.internal")
	ours.issueFor(t, certs, "envoy", "")
	file := func(name string) string { return filepath.Join(certs, name) }
	write(t, file("ca.pem"), ours.pem())
	sockets := []string{localPort(t), localPort(t)}
	replace(t, filepath.Join(dir, "gatehouse.yaml"), strings.ReplaceAll(fmt.Sprintf(chatApart, port, sockets[0], sockets[1]), "CERTS", certs))
	hold := func(address string) *gatehouse {
		return launch(t, "serve", "--roles", "integration", "--redis-url", redis.URL(), "--xds-address", localPort(t), "--integration-address", address,
			"--xds-cert", file("service.pem"), "--xds-key", file("service.key"), "--xds-client-ca", file("ca.pem"), "--data-dir", t.TempDir(), dir).serving()
	}
	one, two := hold(sockets[0]), hold(sockets[1])
	xdsAddress := localPort(t)
	launch(t, "serve", "--roles", "xds,extauthz", "--xds-address", xdsAddress, "--data-dir", t.TempDir(), dir).serving()
	startEnvoy(t, "edge", "edge", xdsAddress)
	eventually(t, "a client connects", func() bool { _, status := connectTo(t, port); return status == 101 })

	open := func(g *gatehouse) float64 { return g.metric("gatehouse_websocket_connections", "") }
	var clients []*connected
	eventually(t, "both processes have connections", func() bool {
		c, status := connectTo(t, port)
		if status != 101 {
			return false
		}
		clients = append(clients, c)
		return open(one) >= 3 && open(two) >= 3
	})
	for i, c := range clients {
		if err := ws.WriteFrame(c, ws.MaskFrame(ws.NewTextFrame([]byte("hello")))); err != nil {
			t.Fatal(err)
		}
		if text, _ := c.hears(); text != "heard" {
			t.Errorf("client %d heard %q", i, text)
		}
	}
	// Redis is known to be complete after two beats; until then a connection of the other
	// process is found, but what is unknown is not said to be gone.
	for round := range 3 {
		for i, c := range clients {
			text := fmt.Sprintf("to %d, round %d", i, round)
			if status := push(t, port, c.id, text); status != 200 {
				t.Fatalf("POST to client %d: %d", i, status)
			}
			if got, _ := c.hears(); got != text {
				t.Errorf("client %d heard %q", i, got)
			}
		}
	}

	one.Kill()
	// All are listened to at once: the end of a connection takes its time on a busy machine.
	ended := make([]bool, len(clients))
	var listening sync.WaitGroup
	for i, c := range clients {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		listening.Go(func() {
			_, err := c.in.Peek(1)
			ended[i] = err != nil && !isTimeout(err)
		})
	}
	listening.Wait()
	var lost, left []*connected
	for i, c := range clients {
		if ended[i] {
			lost = append(lost, c)
		} else {
			left = append(left, c)
		}
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Minute))
	}
	if len(lost) < 2 || len(left) < 2 {
		t.Fatalf("%d connections were lost, %d are left", len(lost), len(left))
	}
	eventually(t, "clients connect to the process that is left", func() bool {
		_, status := connectTo(t, port)
		return status == 101
	})
	for i, c := range left {
		if status := push(t, port, c.id, "still"); status != 200 {
			t.Errorf("POST to client %d, which is left: %d", i, status)
		}
		if got, _ := c.hears(); got != "still" {
			t.Errorf("client %d, which is left, heard %q", i, got)
		}
	}
	status := 0
	for end := time.Now().Add(time.Minute); time.Now().Before(end) && status != 410; time.Sleep(time.Second) {
		status = push(t, port, lost[0].id, "x")

		if status != 410 && status != 500 {
			t.Fatalf("POST to a connection that is lost: %d", status)
		}
	}
	if status != 410 {
		t.Error("a connection that is lost is never known to be gone")
	}

	two.Signal(syscall.SIGTERM)
	for i, c := range left {
		if _, code := c.hears(); code != 1001 {
			t.Errorf("client %d, which was left, ended with %d", i, code)
		}
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

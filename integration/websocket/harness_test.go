package websocket_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/integration/websocket"
	"gatehouse/internal/lambda"
	"gatehouse/internal/wire"
)

// snapshot loads a definition as users write it.
func snapshot(t testing.TB, text string) *gateway.Snapshot {
	t.Helper()
	result := load(t, text)
	if result.Snapshot == nil {
		t.Fatalf("the definition: %v", result.Diagnostics)
	}
	return result.Snapshot
}

func load(t testing.TB, text string) definition.Result {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gatehouse.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return definition.NewLoader(definition.Options{}).Load(t.Context(), []string{file})
}

// chat is a WebSocket API with the given routes, and with lines for its stage v1.
func chat(routes string, stage ...string) string {
	var b strings.Builder
	b.WriteString("functions: [{name: hear, url: \"http://127.0.0.1:1/\"}]\napis:\n  - name: chat\n    protocol: WEBSOCKET\n    routeSelectionExpression: $request.body.action\n    routes:\n")
	for line := range strings.Lines(strings.Trim(routes, "\n")) {
		b.WriteString("      " + strings.TrimRight(line, "\n") + "\n")
	}
	b.WriteString("    stages:\n      - name: v1\n")
	for _, line := range stage {
		b.WriteString("        " + line + "\n")
	}
	return b.String()
}

// functions stand for Lambda.
type functions struct {
	mu     sync.Mutex
	events []map[string]any
	raw    [][]byte
	heard  chan struct{}
	// started is how many of them nobody waited for.
	started int
	answer  func(ctx context.Context, event map[string]any) ([]byte, error)
}

func (f *functions) Invoke(ctx context.Context, _ lambda.Target, event []byte) ([]byte, error) {
	var decoded map[string]any
	if err := json.Unmarshal(event, &decoded); err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.events = append(f.events, decoded)
	f.raw = append(f.raw, event)
	answer := f.answer
	f.mu.Unlock()
	if f.heard != nil {
		f.heard <- struct{}{}
	}
	if answer != nil {
		return answer(ctx, decoded)
	}
	return []byte(`{"statusCode": 200}`), nil
}

// Start is Invoke whose answer nobody hears.
func (f *functions) Start(ctx context.Context, target lambda.Target, event []byte) error {
	f.mu.Lock()
	f.started++
	f.mu.Unlock()
	_, err := f.Invoke(ctx, target, event)
	return err
}

// of are the events of a type, in their order.
func (f *functions) of(kind string) (out []map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e["requestContext"].(map[string]any)["eventType"] == kind {
			out = append(out, e)
		}
	}
	return out
}

// wait waits for the n-th event of a type.
func (f *functions) wait(t testing.TB, kind string, n int) map[string]any {
	t.Helper()
	var found map[string]any
	eventually(t, func() bool {
		if list := f.of(kind); len(list) >= n {
			found = list[n-1]
			return true
		}
		return false
	}, "no %s event came", kind)
	return found
}

func eventually(t testing.TB, done func() bool, format string, args ...any) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf(format, args...)
}

// A fixture is a server as Envoy sees it.
type fixture struct {
	*websocket.Server
	http *httptest.Server
	// host and path are what Envoy would pass on of the client's request.
	functions *functions
}

func start(t testing.TB, text string, options ...func(*websocket.Options)) *fixture {
	t.Helper()
	f := &fixture{functions: &functions{}}
	o := websocket.Options{Lambda: f.functions, Log: slog.New(slog.DiscardHandler)}
	for _, set := range options {
		set(&o)
	}
	f.Server = websocket.New(o)
	f.swap(t, text)
	f.http = httptest.NewServer(asEnvoy(f.Server))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		f.Close(ctx)
		f.http.Close()
	})
	return f
}

func (f *fixture) swap(t testing.TB, text string) {
	t.Helper()
	compiled, ds := f.Compile(snapshot(t, text))
	if compiled == nil {
		t.Fatalf("compile: %v", ds)
	}
	f.Swap(compiled)
}

// asEnvoy adds what Envoy tells.
func asEnvoy(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := wire.RouteIdentity{API: "chat", Stage: strings.Split(r.URL.Path, "/")[1], Route: gateway.ConnectRoute}
		if strings.Contains(r.URL.Path, "/@connections/") {
			id.Route = gateway.ConnectionsRoute
			r.Header.Set(wire.PathHeader, r.RequestURI)
		}
		r.Header.Set(wire.RouteHeader, id.String())
		r.Header.Set(wire.ClientHeader, "1700000000000 HTTP/1.1 203.0.113.9")
		h.ServeHTTP(w, r)
	})
}

// client is a connection of which every frame is seen.
type client struct {
	t testing.TB
	net.Conn
	in io.Reader
	// protocol is the one that was agreed on.
	protocol string
}

type refused struct {
	status int
	body   string
}

func (r *refused) Error() string { return r.body }

// dial connects. The error is a *refused if the gateway was reached.
func (f *fixture) dial(t testing.TB, path string, header http.Header, protocols ...string) (*client, error) {
	t.Helper()
	out := &refused{}
	d := ws.Dialer{
		Header: ws.HandshakeHeaderHTTP(header), Protocols: protocols, Timeout: 20 * time.Second,
		OnStatusError: func(status int, _ []byte, r io.Reader) {
			out.status = status
			response, err := http.ReadResponse(newBufio(r), nil)
			if err == nil {
				body, _ := io.ReadAll(response.Body)
				out.body = string(body)
			}
		},
	}
	conn, buffered, hs, err := d.Dial(t.Context(), "ws"+strings.TrimPrefix(f.http.URL, "http")+path)
	if err != nil {
		if out.status != 0 {
			return nil, out
		}
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	c := &client{t: t, Conn: conn, in: conn, protocol: hs.Protocol}
	if buffered != nil {
		c.in = buffered
	}
	return c, nil
}

func (f *fixture) connect(t testing.TB) *client {
	t.Helper()
	c, err := f.dial(t, "/v1", nil)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	return c
}

// frame sends a frame.
func (c *client) frame(op ws.OpCode, fin bool, payload []byte) {
	c.t.Helper()
	frame := ws.MaskFrame(ws.NewFrame(op, fin, payload))
	_ = c.SetWriteDeadline(time.Now().Add(20 * time.Second))
	if err := ws.WriteFrame(c.Conn, frame); err != nil {
		c.t.Logf("write: %v", err) // The gateway may have ended the connection, which is read next.
	}
}

func (c *client) say(text string) { c.t.Helper(); c.frame(ws.OpText, true, []byte(text)) }

// hear reads the next message, of however many frames.
func (c *client) hear() string {
	c.t.Helper()
	var text []byte
	for {
		f := c.next()
		switch {
		case f.Header.OpCode == ws.OpClose:
			code, reason := ws.ParseCloseFrameData(f.Payload)
			c.t.Fatalf("closed with %d %s", code, reason)
		case f.Header.OpCode.IsControl():
			c.t.Fatalf("a control frame %x", f.Header.OpCode)
		}
		if len(f.Payload) > 32<<10 {
			c.t.Errorf("a frame of %d bytes", len(f.Payload))
		}
		text = append(text, f.Payload...)
		if f.Header.Fin {
			return string(text)
		}
	}
}

func (c *client) next() ws.Frame {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	//lint:ignore SA1019 the peer is our own gateway
	f, err := ws.ReadFrame(c.in)
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	if f.Header.Masked {
		c.t.Error("a server's frame is masked")
	}
	return f
}

// ends reads until the end, answers it, and gives its code and reason. It fails if the
// gateway does not hang up then.
func (c *client) ends() (int, string) {
	c.t.Helper()
	for {
		f := c.next()
		if f.Header.OpCode != ws.OpClose {
			continue
		}
		code, reason := ws.StatusNoStatusRcvd, ""
		if len(f.Payload) > 0 {
			code, reason = ws.ParseCloseFrameData(f.Payload)
		}
		c.frame(ws.OpClose, true, f.Payload)
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.ReadAll(c.in); errors.Is(err, os.ErrDeadlineExceeded) {
			c.t.Error("the gateway does not hang up")
		}
		return int(code), reason
	}
}

// errorFrame is what clients are told of failures.
type errorFrame struct{ Message, ConnectionID, RequestID string }

func (c *client) hearError() errorFrame {
	c.t.Helper()
	var e errorFrame
	text := c.hear()
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		c.t.Fatalf("%q is no error: %v", text, err)
	}
	return e
}

// idOf is the connection of an event.
func idOf(event map[string]any) string {
	return event["requestContext"].(map[string]any)["connectionId"].(string)
}

// manage asks @connections.
func (f *fixture) manage(t testing.TB, method, id, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.http.URL+"/v1/@connections/"+id, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func dialTCP(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// answering is a function that keeps nothing.
type answering struct{}

func (answering) Start(context.Context, lambda.Target, []byte) error { return nil }

func (answering) Invoke(ctx context.Context, _ lambda.Target, event []byte) ([]byte, error) {
	var decoded map[string]any
	if err := json.Unmarshal(event, &decoded); err != nil {
		return nil, err
	}
	return echo(ctx, decoded)
}

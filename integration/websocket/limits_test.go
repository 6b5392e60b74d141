package websocket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"gatehouse/integration/websocket"
)

const echoRoutes = `
$connect: {integration: {type: AWS_PROXY, uri: hear}}
$disconnect: {integration: {type: AWS_PROXY, uri: hear}}
$default: {integration: {type: AWS_PROXY, uri: hear}, routeResponseSelectionExpression: $default}
`

// echo answers messages with how long they are.
func echo(_ context.Context, e map[string]any) ([]byte, error) {
	body, _ := e["body"].(string)
	return fmt.Appendf(nil, `{"statusCode": 200, "body": "%d"}`, len(body)), nil
}

// TestFrames holds what clients may send, and how a connection ends otherwise.
func TestFrames(t *testing.T) {
	f := start(t, chat(echoRoutes))
	f.functions.answer = echo
	large := func(n int) []byte { return []byte(strings.Repeat("x", n)) }
	type frame struct {
		op      ws.OpCode
		more    bool
		payload []byte
	}
	for _, x := range []struct {
		name   string
		frames []frame
		hear   string
		code   int
	}{
		{"an empty text", []frame{{ws.OpText, false, nil}}, "", 0},
		{"a full frame", []frame{{ws.OpText, false, large(32 << 10)}}, "32768", 0},
		{"a frame too long", []frame{{ws.OpText, false, large(32<<10 + 1)}}, "", 1009},
		{"a full message", []frame{{ws.OpText, true, large(32 << 10)}, {ws.OpContinuation, true, large(32 << 10)}, {ws.OpContinuation, true, large(32 << 10)}, {ws.OpContinuation, false, large(32 << 10)}}, "131072", 0},
		{"a message too long", []frame{{ws.OpText, true, large(32 << 10)}, {ws.OpContinuation, true, large(32 << 10)}, {ws.OpContinuation, true, large(32 << 10)}, {ws.OpContinuation, true, large(32 << 10)}, {ws.OpContinuation, false, large(1)}}, "", 1009},
		{"a ping within a message", []frame{{ws.OpText, true, large(1)}, {ws.OpPing, false, nil}, {ws.OpContinuation, false, large(1)}}, "pong", 0},
		{"binary", []frame{{ws.OpBinary, false, large(1)}}, "", 1003},
		{"text that is none", []frame{{ws.OpText, false, []byte{0xff}}}, "", 1007},
		{"a character in two frames", []frame{{ws.OpText, true, []byte("\xc3")}, {ws.OpContinuation, false, []byte("\xa4")}}, "2", 0},
		{"half a character", []frame{{ws.OpText, true, []byte("\xc3")}, {ws.OpContinuation, false, nil}}, "", 1007},
		{"a continuation of nothing", []frame{{ws.OpContinuation, false, large(1)}}, "", 1002},
		{"a text within a message", []frame{{ws.OpText, true, large(1)}, {ws.OpText, false, large(1)}}, "", 1002},
		{"a reserved frame", []frame{{ws.OpCode(3), false, nil}}, "", 1002},
		{"a ping in parts", []frame{{ws.OpPing, true, nil}}, "", 1002},
		{"a long ping", []frame{{ws.OpPing, false, large(126)}}, "", 1002},
		{"a farewell", []frame{{ws.OpClose, false, ws.NewCloseFrameBody(4001, "bye")}}, "", 4001},
		{"a farewell without a word", []frame{{ws.OpClose, false, nil}}, "", 1005},
		{"a farewell of one byte", []frame{{ws.OpClose, false, []byte{3}}}, "", 1002},
		{"a farewell with a code that is none", []frame{{ws.OpClose, false, ws.NewCloseFrameBody(1005, "")}}, "", 1002},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := f.connect(t)
			for _, fr := range x.frames {
				c.frame(fr.op, !fr.more, fr.payload)
			}
			if x.code != 0 {
				if code, _ := c.ends(); code != x.code {
					t.Errorf("ended with %d, want %d", code, x.code)
				}
				return
			}
			if x.hear == "pong" {
				if p := c.next(); p.Header.OpCode != ws.OpPong {
					t.Errorf("heard %x", p.Header.OpCode)
				}
				x.hear = "2"
			}
			if x.hear == "" {
				x.hear = "0"
			}
			if got := c.hear(); got != x.hear {
				t.Errorf("heard %s", got)
			}
		})
	}
	t.Run("an unmasked frame", func(t *testing.T) {
		c := f.connect(t)
		if err := ws.WriteFrame(c.Conn, ws.NewTextFrame([]byte("x"))); err != nil {
			t.Fatal(err)
		}
		if code, _ := c.ends(); code != 1002 {
			t.Errorf("ended with %d", code)
		}
	})
	t.Run("a compressed frame", func(t *testing.T) {
		c := f.connect(t)
		fr := ws.NewTextFrame([]byte("x"))
		fr.Header.Rsv = ws.Rsv(true, false, false)
		if err := ws.WriteFrame(c.Conn, ws.MaskFrame(fr)); err != nil {
			t.Fatal(err)
		}
		if code, _ := c.ends(); code != 1002 {
			t.Errorf("ended with %d", code)
		}
	})
	t.Run("a length of 63 bits", func(t *testing.T) {
		c := f.connect(t)
		if _, err := c.Write([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
		if code, _ := c.ends(); code != 1009 {
			t.Errorf("ended with %d", code)
		}
	})
}

// TestDisconnectTellsWhy holds what $disconnect is told of the end.
func TestDisconnectTellsWhy(t *testing.T) {
	for _, x := range []struct {
		name   string
		end    func(*fixture, *client)
		code   float64
		reason string
	}{
		{"the client says so", func(_ *fixture, c *client) { c.frame(ws.OpClose, true, ws.NewCloseFrameBody(4001, "bye")) }, 4001, "bye"},
		{"the client does not say why", func(_ *fixture, c *client) { c.frame(ws.OpClose, true, nil) }, 1005, "Client-side close frame status not set"},
		{"the client vanishes", func(_ *fixture, c *client) { c.Close() }, 1006, ""},
		{"a backend ends it", func(f *fixture, c *client) {
			f.manage(c.t, "DELETE", strings.ReplaceAll(idOf(f.functions.of("CONNECT")[0]), "=", "%3D"), "")
		}, 1000, "Connection Closed Normally"},
		{"nothing happens", func(*fixture, *client) {}, 1001, "Going away"},
		{"too much is sent", func(_ *fixture, c *client) { c.frame(ws.OpText, true, make([]byte, 40<<10)) }, 1009, "Message too big"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, chat(echoRoutes, "idleTimeout: 1s"))
			c := f.connect(t)
			x.end(f, c)
			e := f.functions.wait(t, "DISCONNECT", 1)["requestContext"].(map[string]any)
			if e["disconnectStatusCode"] != x.code || e["disconnectReason"] != x.reason {
				t.Errorf("told %v %v", e["disconnectStatusCode"], e["disconnectReason"])
			}
		})
	}
}

// TestIdleAndDuration holds how long connections may last, and what prolongs them.
func TestIdleAndDuration(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		f := start(t, chat(echoRoutes, "idleTimeout: 1s"))
		c := f.connect(t)
		begin := time.Now()
		code, reason := c.ends()
		if code != 1001 || reason != "Going away" || time.Since(begin) < 900*time.Millisecond {
			t.Errorf("ended with %d %s after %v", code, reason, time.Since(begin))
		}
	})
	t.Run("a message that is worked on prolongs", func(t *testing.T) {
		t.Parallel()
		f := start(t, chat(echoRoutes, "idleTimeout: 1s"))
		f.functions.answer = func(ctx context.Context, e map[string]any) ([]byte, error) {
			if e["body"] != nil {
				time.Sleep(2500 * time.Millisecond)
			}
			return echo(ctx, e)
		}
		c := f.connect(t)
		for range 9 { // one more than are worked on at once
			c.say("x")
		}
		for range 9 {
			if got := c.hear(); got != "1" {
				t.Errorf("heard %s", got)
			}
		}
	})
	for name, stir := range map[string]func(*fixture, *client, string){
		"what the client sends": func(_ *fixture, c *client, _ string) { c.frame(ws.OpPing, true, nil) },
		"what it is sent":       func(f *fixture, c *client, id string) { f.manage(c.t, "POST", id, "x") },
	} {
		t.Run(name+" prolongs", func(t *testing.T) {
			t.Parallel()
			f := start(t, chat(echoRoutes, "idleTimeout: 1s", "maxDuration: 3s"))
			c := f.connect(t)
			id := strings.ReplaceAll(idOf(f.functions.wait(t, "CONNECT", 1)), "=", "%3D")
			begin := time.Now()
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				tick := time.NewTicker(200 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case <-tick.C:
						stir(f, c, id)
					case <-stop:
						return
					}
				}
			}()
			code, _ := c.ends()
			close(stop)
			<-stopped
			if took := time.Since(begin); code != 1001 || took < 2900*time.Millisecond {
				t.Errorf("ended with %d after %v", code, took)
			}
		})
	}
	t.Run("half a header does not prolong", func(t *testing.T) {
		t.Parallel()
		f := start(t, chat(echoRoutes, "idleTimeout: 1s"))
		c := f.connect(t)
		begin := time.Now()
		time.Sleep(700 * time.Millisecond)
		if _, err := c.Write([]byte{0x81}); err != nil {
			t.Fatal(err)
		}
		if code, _ := c.ends(); code != 1001 || time.Since(begin) > 15*time.Second {
			t.Errorf("ended with %d after %v", code, time.Since(begin))
		}
	})
}

// TestLargeHandshakes holds that what a client says of itself, and an authorizer of it, is
// not kept at any length.
func TestLargeHandshakes(t *testing.T) {
	f := start(t, chat(echoRoutes))
	f.functions.answer = echo
	agent := strings.Repeat("a", 5<<10)
	c, err := f.dial(t, "/v1", http.Header{"User-Agent": {agent}})
	if err != nil {
		t.Fatal(err)
	}
	c.say("x")
	c.hear()
	if got := f.functions.of("CONNECT")[0]["headers"].(map[string]any)["User-Agent"]; got != agent {
		t.Errorf("$connect is shown %.20v…", got)
	}
	identity := f.functions.of("MESSAGE")[0]["requestContext"].(map[string]any)["identity"].(map[string]any)
	if got := identity["userAgent"].(string); len(got) != 1<<10 {
		t.Errorf("%d bytes are kept", len(got))
	}
	large := `{"principalId": "` + strings.Repeat("p", 8<<10) + `"}`
	if _, err := f.dial(t, "/v1", http.Header{"X-Gw-Authorizer": {large}}); !errors.As(err, new(*refused)) || err.(*refused).status != 500 {
		t.Errorf("a large context: %v", err)
	}
}

// TestSlowMessage holds that a message which is begun has to be finished.
func TestSlowMessage(t *testing.T) {
	f := start(t, chat(echoRoutes), func(o *websocket.Options) { o.Limits.MessageTimeout = 300 * time.Millisecond })
	c := f.connect(t)
	c.frame(ws.OpText, false, []byte("begun"))
	if code, _ := c.ends(); code != 1008 {
		t.Errorf("ended with %d", code)
	}
	c = f.connect(t)
	if _, err := c.Write([]byte{0x81, 0x85, 0, 0, 0, 0, 'x'}); err != nil {
		t.Fatal(err)
	}
	if code, _ := c.ends(); code != 1008 {
		t.Errorf("ended with %d within a frame", code)
	}
}

// TestThrottles holds the throttles of stages and routes to messages.
func TestThrottles(t *testing.T) {
	routes := echoRoutes + "other: {integration: {type: AWS_PROXY, uri: hear}, routeResponseSelectionExpression: $default}"
	f := start(t, chat(routes, "throttle: {rate: 0.0001, burst: 3}", "routes: {$default: {throttle: {rate: 0.0001, burst: 2}}}"))
	f.functions.answer = echo
	c := f.connect(t)
	for i, x := range []struct{ say, hear string }{{"a", "1"}, {"b", "1"}, {"c", ""}, {`{"action": "other"}`, "19"}, {`{"action": "other"}`, ""}} {
		c.say(x.say)
		if x.hear == "" {
			if e := c.hearError(); e.Message != "Too Many Requests" {
				t.Errorf("%d: %+v", i, e)
			}
		} else if got := c.hear(); got != x.hear {
			t.Errorf("%d: heard %s", i, got)
		}
	}
	stopped := start(t, chat(routes, "routes: {$default: {throttle: {rate: 0, burst: 2}}}")).connect(t)
	stopped.say("a")
	if e := stopped.hearError(); e.Message != "Too Many Requests" {
		t.Errorf("a rate of nothing: %+v", e)
	}
	// A definition that is read again gives nobody new tokens.
	f.swap(t, chat(routes+"\nnew: {integration: {type: AWS_PROXY, uri: hear}}", "throttle: {rate: 0.0001, burst: 3}"))
	c.say("d")
	if e := c.hearError(); e.Message != "Too Many Requests" {
		t.Errorf("after a reload: %+v", e)
	}
}

// TestConnectionLimit holds that no more clients connect than there is room for.
func TestConnectionLimit(t *testing.T) {
	f := start(t, chat(echoRoutes), func(o *websocket.Options) { o.Limits.Connections = 2 })
	first := f.connect(t)
	f.connect(t)
	_, err := f.dial(t, "/v1", nil)
	var full *refused
	if !errors.As(err, &full) || full.status != http.StatusTooManyRequests {
		t.Fatalf("the third: %v", err)
	}
	first.Close()
	eventually(t, func() bool { _, err := f.dial(t, "/v1", nil); return err == nil }, "there is no room after one has gone")
}

// TestFlood holds that what is in memory is bounded while a backend hangs, and that all
// of it is given back.
func TestFlood(t *testing.T) {
	const clients = 40
	release := make(chan struct{})
	f := start(t, chat(echoRoutes), func(o *websocket.Options) {
		o.Limits.MessageBytes = 4 << 20
		o.Limits.Calls = 20
	})
	f.functions.answer = func(ctx context.Context, e map[string]any) ([]byte, error) {
		if e["body"] != nil {
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return echo(ctx, e)
	}
	before := runtime.NumGoroutine()
	var all []*client
	for range clients {
		all = append(all, f.connect(t))
	}
	for _, c := range all {
		go func() {
			payload := []byte(strings.Repeat("x", 32<<10))
			frame, err := ws.CompileFrame(ws.MaskFrame(ws.NewTextFrame(payload)))
			if err != nil {
				return
			}
			_ = c.SetWriteDeadline(time.Now().Add(20 * time.Second))
			for range 50 {
				if _, err := c.Write(frame); err != nil {
					return // ended, or not read any more
				}
			}
		}()
	}
	// 40 clients may have 8 messages of 32 KB each, which is more than the budget.
	eventually(t, func() bool {
		return len(f.functions.of("MESSAGE")) == 20 && f.Connections() != nil && len(f.Connections()) < clients
	}, "no client is refused")
	if calls := len(f.functions.of("MESSAGE")); calls > 20 {
		t.Errorf("%d calls at once", calls)
	}
	// For each client one goroutine here, two in the test and the HTTP server, and eight
	// for its messages.
	if n := runtime.NumGoroutine() - before; n > clients*12 {
		t.Errorf("%d goroutines", n)
	}
	close(release)
	for _, c := range all {
		c.Close()
	}
	eventually(t, func() bool { return len(f.functions.of("DISCONNECT")) == clients && len(f.Connections()) == 0 }, "not all ended")
	eventually(t, func() bool { return f.BudgetLeft() == 4<<20 }, "the budget has %d bytes left", f.BudgetLeft())
}

// TestPeersThatDoNotRead holds that a client which takes nothing is given up, and that
// those who send to it are told to slow down meanwhile.
func TestPeersThatDoNotRead(t *testing.T) {
	f := start(t, chat(echoRoutes), func(o *websocket.Options) { o.Limits.WriteTimeout = time.Second })
	c := f.connect(t)
	id := strings.ReplaceAll(idOf(f.functions.wait(t, "CONNECT", 1)), "=", "%3D")
	statuses := make(chan int, 200)
	text := strings.Repeat("x", 128<<10)
	for range 200 {
		go func() {
			response, _ := f.manage(t, "POST", id, text)
			statuses <- response.StatusCode
		}()
	}
	got := map[int]int{}
	for range 200 {
		got[<-statuses]++
	}
	if got[200] == 0 || got[429] == 0 || got[410] == 0 || got[200]+got[429]+got[410] != 200 {
		t.Errorf("answers: %v", got)
	}
	if e := f.functions.wait(t, "DISCONNECT", 1)["requestContext"].(map[string]any); e["disconnectStatusCode"] != 1006.0 {
		t.Errorf("$disconnect: %v", e)
	}
	_ = c
}

// TestShutdown holds that connections end with the server, and $disconnect is still
// called.
func TestShutdown(t *testing.T) {
	f := start(t, chat(echoRoutes))
	c := f.connect(t)
	closed := make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		f.Close(ctx)
		close(closed)
	}()
	if code, _ := c.ends(); code != 1001 {
		t.Errorf("ended with %d", code)
	}
	<-closed
	if n := len(f.functions.of("DISCONNECT")); n != 1 {
		t.Errorf("%d calls of $disconnect", n)
	}
	if _, err := f.dial(t, "/v1", nil); err == nil {
		t.Error("connected to a server that is closed")
	}
}

// TestStageGone holds that connections end with their stage, and that others go on by
// the new definition.
func TestStageGone(t *testing.T) {
	f := start(t, chat(echoRoutes, "description: one", "")+"      - name: v2\n")
	f.functions.answer = echo
	one := f.connect(t)
	two, err := f.dial(t, "/v2", nil)
	if err != nil {
		t.Fatal(err)
	}
	f.swap(t, strings.Replace(chat("$default: {integration: {type: MOCK, requestTemplates: {$default: '{\"statusCode\": 200}'}, responses: {$default: {responseTemplates: {$default: new}}}}, routeResponseSelectionExpression: $default}"), "name: v1", "name: v2", 1))
	if code, _ := one.ends(); code != 1001 {
		t.Errorf("ended with %d", code)
	}
	two.say("x")
	if got := two.hear(); got != "new" {
		t.Errorf("heard %s", got)
	}
}

// TestEarlyFrames holds that frames which come with the handshake are not lost.
func TestEarlyFrames(t *testing.T) {
	f := start(t, chat(echoRoutes))
	f.functions.answer = echo
	frame, err := ws.CompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("early"))))
	if err != nil {
		t.Fatal(err)
	}
	conn := dialTCP(t, f.http.Listener.Addr().String())
	fmt.Fprintf(conn, "GET /v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n%s", frame)
	in := newBufio(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil || response.StatusCode != 101 || response.Header.Get("Sec-WebSocket-Accept") != "ICX+Yqv66kxgM0FcWaLWlFLwTAI=" {
		t.Fatalf("%v %+v", err, response)
	}
	c := &client{t: t, Conn: conn, in: in}
	if got := c.hear(); got != "5" {
		t.Errorf("heard %s", got)
	}
}

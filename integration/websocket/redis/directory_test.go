package redis_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	goredis "github.com/redis/go-redis/v9"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/integration/websocket"
	"gatehouse/integration/websocket/redis"
	"gatehouse/internal/redistest"
	"gatehouse/internal/wire"
)

// process stands for a server with connections.
type process struct {
	*redis.Directory
	mu  sync.Mutex
	ids []string
	got []websocket.Command
}

func (p *process) Connections() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.ids)
}

func (p *process) Execute(c websocket.Command) websocket.Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, c)
	if !slices.Contains(p.ids, c.Connection) {
		return websocket.Result{Status: 410}
	}
	return websocket.Result{Status: 200, Info: &websocket.Info{ConnectedAt: "of " + c.Connection}}
}

func (p *process) open(t *testing.T, id string) {
	t.Helper()
	p.mu.Lock()
	p.ids = append(p.ids, id)
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := p.Claim(ctx, id); err != nil {
		t.Logf("claim: %v", err)
	}
}

// beat is long enough for a busy machine not to miss three.
const beat = 500 * time.Millisecond

func start(t *testing.T, server *redistest.Server) *process {
	t.Helper()
	options, err := goredis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries, options.DialerRetries = -1, 1
	client := goredis.NewClient(options)
	p := &process{Directory: redis.New(redis.Options{Client: client, Beat: beat, Timeout: 3 * time.Second, Log: slog.New(slog.DiscardHandler)})}
	p.Start(p)
	t.Cleanup(func() { p.Close(); client.Close() })
	return p
}

// ask asks until it is known whether a connection is there.
func (p *process) ask(t *testing.T, id string) (websocket.Result, error) {
	t.Helper()
	var result websocket.Result
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if result, err = p.Ask(t.Context(), command(id)); err == nil || errors.Is(err, websocket.ErrNobody) {
			return result, err
		}
	}
	t.Fatalf("asking for %s: %v", id, err)
	return result, err
}

func command(id string) websocket.Command {
	return websocket.Command{Op: websocket.OpPost, API: "chat", Stage: "v1", Connection: id, Data: strings.Repeat("x", 128<<10)}
}

// TestDirectory holds that commands reach the process that has the connection, and that
// those for nobody say so.
func TestDirectory(t *testing.T) {
	server := redistest.Start(t)
	one, two := start(t, server), start(t, server)
	one.open(t, "a")
	two.open(t, "b")
	if result, err := one.ask(t, "b"); err != nil || result.Status != 200 || result.Info.ConnectedAt != "of b" {
		t.Fatalf("b: %+v %v", result, err)
	}
	if len(two.got) != 1 || two.got[0] != command("b") {
		t.Errorf("two got %.100v", two.got)
	}
	if result, err := two.ask(t, "a"); err != nil || result.Status != 200 {
		t.Errorf("a: %+v %v", result, err)
	}
	for _, id := range []string{"nowhere", "a"} {
		if id == "a" {
			if err := one.Release(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := two.ask(t, id); !errors.Is(err, websocket.ErrNobody) {
			t.Errorf("%s: %v", id, err)
		}
	}
	// Its own, that it does not have any more.
	if err := two.Claim(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if _, err := two.ask(t, "c"); !errors.Is(err, websocket.ErrNobody) {
		t.Errorf("c: %v", err)
	}
}

// TestOwnerGone holds that the connections of a process that has ended are gone, whether
// it could say so or not.
func TestOwnerGone(t *testing.T) {
	server := redistest.Start(t)
	one, two := start(t, server), start(t, server)
	two.open(t, "b")
	if _, err := one.ask(t, "b"); err != nil {
		t.Fatal(err)
	}
	two.Close()
	if _, err := one.Ask(t.Context(), command("b")); !errors.Is(err, websocket.ErrNobody) {
		t.Errorf("after it has ended: %v", err)
	}
	// One that was killed is there for three beats.
	client := goredis.NewClient(&goredis.Options{Addr: strings.TrimPrefix(server.URL(), "redis://")})
	defer client.Close()
	client.Set(t.Context(), "gatehouse:websocket:connection:c", "killed", time.Hour)
	client.Set(t.Context(), "gatehouse:websocket:process:killed", "", 3*beat)
	ctx, cancel := context.WithTimeout(t.Context(), beat)
	defer cancel()
	if _, err := one.Ask(ctx, command("c")); err == nil || errors.Is(err, websocket.ErrNobody) {
		t.Errorf("while it may come back: %v", err)
	}
	if _, err := one.ask(t, "c"); !errors.Is(err, websocket.ErrNobody) {
		t.Errorf("when it is given up: %v", err)
	}
}

// TestRedisGone holds that nothing is said to be gone while Redis is, or after it has
// lost everything, and that all is found again by itself.
func TestRedisGone(t *testing.T) {
	server := redistest.Start(t)
	one, two := start(t, server), start(t, server)
	two.open(t, "b")
	if _, err := one.ask(t, "b"); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if _, err := one.Ask(t.Context(), command("b")); err == nil || errors.Is(err, websocket.ErrNobody) {
		t.Errorf("without Redis: %v", err)
	}
	two.open(t, "c") // cannot be entered now
	server.Run()
	// It has lost everything: b may not be found yet, but is never said to be gone.
	for _, id := range []string{"b", "c"} {
		if result, err := one.ask(t, id); err != nil || result.Status != 200 {
			t.Errorf("%s: %+v %v", id, result, err)
		}
	}
	if _, err := one.ask(t, "nowhere"); !errors.Is(err, websocket.ErrNobody) {
		t.Errorf("nowhere: %v", err)
	}
}

// TestServers has a backend send by one process to a client that is connected to another,
// until that one ends.
func TestServers(t *testing.T) {
	redisServer := redistest.Start(t)
	const definitions = `
apis:
  - name: chat
    protocol: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes: {$default: {integration: {type: MOCK, requestTemplates: {$default: '{"statusCode": 200}'}}}}
    stages: [{name: v1}]
`
	file := filepath.Join(t.TempDir(), "gatehouse.yaml")
	if err := os.WriteFile(file, []byte(definitions), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded := definition.NewLoader(definition.Options{}).Load(t.Context(), []string{file})
	if loaded.Snapshot == nil {
		t.Fatal(loaded.Diagnostics)
	}
	var servers [2]*websocket.Server
	var urls [2]string
	for i := range servers {
		client := goredis.NewClient(&goredis.Options{Addr: redisServer.Addr(), MaxRetries: -1, DialerRetries: 1})
		defer client.Close()
		log := slog.New(slog.DiscardHandler)
		servers[i] = websocket.New(websocket.Options{Log: log, Directory: redis.New(redis.Options{Client: client, Beat: beat, Timeout: 3 * time.Second, Log: log})})
		compiled, ds := servers[i].Compile(loaded.Snapshot)
		if compiled == nil {
			t.Fatal(ds)
		}
		servers[i].Swap(compiled)
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := wire.RouteIdentity{API: "chat", Stage: "v1", Route: gateway.ConnectRoute}
			if strings.Contains(r.URL.Path, "@connections") {
				id.Route = gateway.ConnectionsRoute
				r.Header.Set(wire.PathHeader, r.RequestURI)
			}
			r.Header.Set(wire.RouteHeader, id.String())
			servers[i].ServeHTTP(w, r)
		}))
		defer front.Close()
		urls[i] = strings.TrimPrefix(front.URL, "http://")
	}
	defer servers[0].Close(t.Context())

	header := ws.HandshakeHeaderHTTP{"X-Request-Id": {"known"}}
	conn, buffered, _, err := ws.Dialer{Header: header}.Dial(t.Context(), "ws://"+urls[1]+"/v1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := io.Reader(conn)
	if buffered != nil {
		in = buffered
	}
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	ask := func(method, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+urls[0]+"/v1/@connections/"+strings.ReplaceAll(wire.ConnectionID("known"), "=", "%3D"), strings.NewReader(body))
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
		return response.StatusCode, string(text)
	}
	if status, body := ask("POST", "from afar"); status != 200 {
		t.Fatalf("POST: %d %s", status, body)
	}
	//lint:ignore SA1019 the peer is our own gateway
	if f, err := ws.ReadFrame(in); err != nil || string(f.Payload) != "from afar" {
		t.Errorf("heard %q: %v", f.Payload, err)
	}
	if status, body := ask("GET", ""); status != 200 || !strings.Contains(body, "lastActiveAt") {
		t.Errorf("GET: %d %s", status, body)
	}
	redisServer.Kill()
	if status, body := ask("POST", "lost"); status != 500 {
		t.Errorf("without Redis: %d %s", status, body)
	}
	redisServer.Run()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		status, body := ask("POST", "again")
		if status == 200 {
			break
		}
		if status != 500 || time.Now().After(end) {
			t.Fatalf("after Redis has lost everything: %d %s", status, body)
		}
	}
	//lint:ignore SA1019 the peer is our own gateway
	if f, err := ws.ReadFrame(in); err != nil || string(f.Payload) != "again" {
		t.Errorf("heard %q: %v", f.Payload, err)
	}
	servers[1].Close(t.Context())
	if status, body := ask("POST", "gone"); status != 410 {
		t.Errorf("after its process has ended: %d %s", status, body)
	}
}

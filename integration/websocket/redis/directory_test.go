package redis_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"gatehouse/integration/websocket"
	"gatehouse/integration/websocket/redis"
	"gatehouse/internal/redistest"
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

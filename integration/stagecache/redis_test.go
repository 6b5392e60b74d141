package stagecache

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"gatehouse/internal/redistest"
)

func openRedis(t *testing.T, o redis.UniversalOptions) *Redis {
	t.Helper()
	// A machine that is busy must not look like a Redis that is gone.
	r := OpenRedis(RedisOptions{Client: &o, Timeout: 2 * time.Second, Pause: time.Millisecond})
	t.Cleanup(func() { r.Close() })
	return r
}

var answer = &Entry{Status: 404, Header: http.Header{"Content-Type": {"text/plain"}, "X": {"1", "ü\xff"}}, Body: []byte("not \x00 here")}

// What one process keeps, others have, until its time is over or one of them flushes.
func TestRedisIsShared(t *testing.T) {
	server := redistest.Start(t)
	// What the documentation says that a user needs.
	server.Do("ACL", "SETUSER", "cache", "on", ">secret", "~gatehouse:*", "+@read", "+@write", "+@scripting", "+@connection", "+time")
	o := redis.UniversalOptions{Addrs: []string{server.Addr()}, Username: "cache", Password: "secret"}
	a, b := openRedis(t, o), openRedis(t, o)
	ctx, space, other := context.Background(), Space{"a/v1", 1 << 20}, Space{"a/v2", 1 << 20}
	if e, g := b.Get(ctx, space, key(1)); e != nil || g != 0 {
		t.Fatal(e, g)
	}
	a.Put(ctx, space, key(1), 0, answer, time.Minute)
	a.Put(ctx, other, key(1), 0, answer, time.Minute)
	got, _ := b.Get(ctx, space, key(1))
	if diff := cmp.Diff(answer, got); diff != "" {
		t.Error(diff)
	}
	if ttl := server.Do("PTTL", entryKey("a/v1", key(1))).(int64); ttl < 30_000 || ttl > 60_000 {
		t.Errorf("it ends in %d ms", ttl)
	}
	if err := b.Flush(ctx, "a/v1"); err != nil {
		t.Fatal(err)
	}
	// What was fetched before the flush does not come back.
	a.Put(ctx, space, key(2), 0, answer, time.Minute)
	for n := range byte(3) {
		if e, g := a.Get(ctx, space, key(n)); e != nil || g != 1 {
			t.Error(n, e, g)
		}
	}
	a.Put(ctx, space, key(2), 1, answer, time.Minute)
	if e, _ := b.Get(ctx, space, key(2)); e == nil {
		t.Error("nothing is kept after a flush")
	}
	if e, _ := b.Get(ctx, other, key(1)); e == nil {
		t.Error("another stage was flushed")
	}
}

// While Redis is gone nothing is kept and nobody waits; when it is back, it is used again.
func TestRedisIsGone(t *testing.T) {
	server := redistest.Start(t)
	r, ctx, space := openRedis(t, redis.UniversalOptions{Addrs: []string{server.Addr()}}), context.Background(), Space{"a/v1", 1 << 20}
	r.Put(ctx, space, key(1), 0, answer, time.Minute)
	server.Kill()
	e, g := r.Get(ctx, space, key(1))
	if e != nil || g != unknownGeneration {
		t.Error(e, g)
	}
	r.Put(ctx, space, key(1), 0, answer, time.Minute)
	if err := r.Flush(ctx, "a/v1"); err == nil {
		t.Error("a flush that was none")
	}
	server.Run()
	// An answer that was fetched in between is not kept: there may have been a flush.
	r.Put(ctx, space, key(2), g, answer, time.Minute)
	redistest.Wait(t, "the store uses Redis again", func() bool {
		r.Put(ctx, space, key(1), 0, answer, time.Minute)
		e, _ := r.Get(ctx, space, key(1))
		return e != nil
	})
	if e, _ := r.Get(ctx, space, key(2)); e != nil {
		t.Error("kept without a generation")
	}
}

// A Redis that hangs is asked once in a while, not by each request.
func TestRedisHangs(t *testing.T) {
	server := redistest.Start(t)
	r := OpenRedis(RedisOptions{Client: &redis.UniversalOptions{Addrs: []string{server.Addr()}}, Timeout: 50 * time.Millisecond, Pause: time.Hour})
	defer r.Close()
	ctx, space := context.Background(), Space{"a/v1", 1 << 20}
	server.Pause()
	defer server.Resume()
	r.Get(ctx, space, key(1))
	if !r.paused() {
		t.Error("it is asked again at once")
	}
	if e, g := r.Get(ctx, space, key(1)); e != nil || g != unknownGeneration {
		t.Error(e, g)
	}
}

// Stages' keys may lie on any node.
func TestRedisCluster(t *testing.T) {
	servers := redistest.Cluster(t, 3)
	r, ctx, space := openRedis(t, redis.UniversalOptions{Addrs: []string{servers[0].Addr()}, IsClusterMode: true}), context.Background(), Space{"a/v1", 1 << 20}
	for n := range byte(20) {
		r.Put(ctx, space, key(n), 0, answer, time.Minute)
		if e, _ := r.Get(ctx, space, key(n)); e == nil {
			t.Error(n)
		}
	}
	if err := r.Flush(ctx, "a/v1"); err != nil {
		t.Fatal(err)
	}
	if e, g := r.Get(ctx, space, key(1)); e != nil || g != 1 {
		t.Error(e, g)
	}
}

// What stands in Redis may be anything.
func FuzzDecode(f *testing.F) {
	f.Add(encode(answer, 7))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255})
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, g := decode(text)
		if e == nil {
			return
		}
		again, of := decode(encode(e, g))
		if of != g || cmp.Diff(e, again) != "" {
			t.Errorf("%q: %s", text, cmp.Diff(e, again))
		}
	})
}

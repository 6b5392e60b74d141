package extauthz_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/extauthz"
	"gatehouse/gateway"
	"gatehouse/internal/lambda"
)

const petRoute = "GET /pets/{id}"

func token(value string) ask {
	return ask{route: petRoute, base: "/v1", headers: []string{"authorization: " + value}}
}

func TestAnswersAreKept(t *testing.T) {
	h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()))
	expect := func(what string, calls int) {
		t.Helper()
		if got := h.lambda.calls(); got != calls {
			t.Errorf("%s: %d calls, want %d", what, got, calls)
		}
	}
	h.check(token("a"))
	h.check(token("a"))
	expect("the same token", 1)
	h.check(token("A"))
	expect("another token", 2)
	h.later(300*time.Second - 1)
	h.check(token("a"))
	expect("just before the default of five minutes", 2)
	h.later(1)
	h.check(token("a"))
	expect("after it", 3)
	h.FlushAuthorizers("pets", "v2")
	h.check(token("a"))
	expect("another stage was flushed", 3)
	h.FlushAuthorizers("pets", "v1")
	h.check(token("a"))
	expect("flushed", 4)

	// Refusals by the function, and its failures, are not kept; policies that deny are.
	for answer, calls := range map[string]int{"Unauthorized": 2, "broken": 2} {
		h.FlushAuthorizers("pets", "v1")
		before := h.lambda.calls()
		h.lambda.answer = fails(&lambda.FunctionError{Message: answer})
		h.check(token("b"))
		h.check(token("b"))
		expect(answer, before+calls)
	}
	before := h.lambda.calls()
	h.lambda.answer = answers(strings.Replace(allowAll, "Allow", "Deny", 1))
	for range 2 {
		if got := h.check(token("c")); got.status != 403 {
			t.Errorf("denied: %d", got.status)
		}
	}
	expect("denied", before+1)
}

func TestNoCacheWithoutTTL(t *testing.T) {
	for name, change := range map[string]func(*gateway.Authorizer){
		"TTL of zero": func(a *gateway.Authorizer) { a.ResultTTLSeconds = ttl(0) },
		"no source":   func(a *gateway.Authorizer) { a.IdentitySources = nil },
	} {
		h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), requestAuthorizer(change)))
		h.check(token("a"))
		h.check(token("a"))
		if h.lambda.calls() != 2 {
			t.Errorf("%s: %d calls", name, h.lambda.calls())
		}
	}
}

// A policy that was given for one method decides about all others, too.
func TestCachedPolicyIsAskedAboutEachMethod(t *testing.T) {
	s := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer())
	d := s.APIs[0].Stages[0].Deployment
	d.Routes = append(d.Routes, custom("DELETE", "/pets/{id}"))
	h := newHarness(t, s)
	h.lambda.answer = answers(policyAnswer(`[{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "arn:aws:execute-api:*:*:pets/v1/GET/pets/7"}]`))
	for _, c := range []struct {
		method, path string
		want         int
	}{{"GET", "7", 200}, {"GET", "8", 403}, {"DELETE", "7", 403}, {"GET", "7/", 200}, {"GET", "7", 200}} {
		a := token("t")
		a.method, a.route, a.path = c.method, c.method+" /pets/{id}", "/v1/pets/"+c.path
		if got := h.check(a); got.status != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, got.status, c.want)
		}
	}
	if h.lambda.calls() != 1 {
		t.Errorf("%d calls", h.lambda.calls())
	}
}

// What a client writes into one source must not pass for another's value.
func TestCacheKeysCannotBeForged(t *testing.T) {
	h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), requestAuthorizer(func(a *gateway.Authorizer) {
		a.IdentitySources = []string{"method.request.header.x-a", "method.request.header.x-b", "method.request.querystring.q"}
	})))
	requests := []ask{
		{headers: []string{"x-a: 1", "x-b: 2"}, path: "?q=3"},
		{headers: []string{"x-a: 1,2", "x-b: 3"}, path: "?q=3"},
		{headers: []string{"x-a: 1", "x-b: 2,3"}, path: "?q=3"},
		{headers: []string{"x-a: 12", "x-b: 3"}, path: "?q=3"},
		{headers: []string{"x-a: 1", "x-b: 23"}, path: "?q=3"},
		{headers: []string{"x-a: 1", "x-b: 2", "x-b: 3"}, path: "?q=3"},
		{headers: []string{"x-a: 1", "x-a: 2", "x-b: 3"}, path: "?q=3"},
		{headers: []string{"x-a: 2", "x-a: 1", "x-b: 3"}, path: "?q=3"},
		{headers: []string{"x-a: 1", "x-b: 2"}, path: "?q=3&q=3"},
		{headers: []string{"x-a: 1", "x-b: 2"}, path: "?q=3%26q=3"},
		{headers: []string{"x-a: 1", "x-b: 2"}, path: "?q=3%2c3"},
		{headers: []string{"x-a: 1\x00", "x-b: 2"}, path: "?q=3"},
		{headers: []string{"x-a: 1", "x-b: \x002"}, path: "?q=3"},
		{headers: []string{"x-a: 1", "x-b: 2"}, path: "?q=%ff"},
		{headers: []string{"x-a: 1", "x-b: 2"}, path: "?q=%fe"},
	}
	for round := range 2 {
		for i, a := range requests {
			a.route, a.base, a.path = petRoute, "/v1", "/v1/pets/7"+a.path
			if got := h.check(a); got.status != 200 {
				t.Errorf("request %d: %d %s", i, got.status, got.code())
			}
			if want := i + 1; round == 0 && h.lambda.calls() != want {
				t.Fatalf("request %d was given the answer of another", i)
			}
		}
	}
	if h.lambda.calls() != len(requests) {
		t.Errorf("%d calls for %d callers", h.lambda.calls(), len(requests))
	}
}

// The answers of one authorizer, stage or function are no other's.
func TestCachesAreApart(t *testing.T) {
	other := tokenAuthorizer(func(a *gateway.Authorizer) { a.Name = "other" })
	s := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer(), other)
	api := &s.APIs[0]
	d := api.Stages[0].Deployment
	second := custom("POST", "/pets/{id}")
	second.Authorization = &gateway.Authorization{Type: "CUSTOM", Authorizer: "other"}
	d.Routes = append(d.Routes, second)
	api.Stages = append(api.Stages, gateway.Stage{Name: "v2", Variables: api.Stages[0].Variables, Deployment: d})
	h := newHarness(t, s)

	check := func(what, stage, method string, calls int) {
		t.Helper()
		a := token("t")
		a.stage, a.route, a.method = stage, method+" /pets/{id}", method
		h.check(a)
		if h.lambda.calls() != calls {
			t.Errorf("%s: %d calls, want %d", what, h.lambda.calls(), calls)
		}
	}
	check("first", "v1", "GET", 1)
	check("another authorizer", "v1", "POST", 2)
	check("another stage", "v2", "GET", 3)
	check("known", "v1", "GET", 3)

	again := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer(), other)
	h.serve(again)
	check("read again", "v1", "GET", 3)
	again = one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer())
	again.Functions = []gateway.Function{{Name: "auth", URL: "http://127.0.0.1:1/", Secret: "s"}}
	h.serve(again)
	check("another function", "v1", "GET", 4)
	again = one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer())
	again.Functions = []gateway.Function{{Name: "auth", URL: "http://127.0.0.1:1/", Secret: "other"}}
	h.serve(again)
	check("another secret", "v1", "GET", 5)
}

// Those who ask the same at once wait for one call, and none of them ends it for the
// others.
func TestOneCallForAll(t *testing.T) {
	h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()))
	begun, release := make(chan struct{}), make(chan struct{})
	h.lambda.answer = func(ctx context.Context, _ lambda.Target, _ []byte) ([]byte, error) {
		close(begun) // A second call would panic.
		select {
		case <-release:
			return []byte(allowAll), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	first, cancel := context.WithCancel(t.Context())
	left := make(chan outcome)
	go func() { left <- h.checkIn(first, token("t")) }()
	<-begun
	var group sync.WaitGroup
	var in atomic.Int64
	for range 50 {
		group.Go(func() {
			if h.check(token("t")).status == 200 {
				in.Add(1)
			}
		})
	}
	cancel()
	if got := <-left; got.status != 500 || got.code() != "cancelled" {
		t.Errorf("who left was answered %d %s", got.status, got.code())
	}
	close(release)
	group.Wait()
	if in.Load() != 50 || h.lambda.calls() != 1 {
		t.Errorf("%d of 50 were let in after %d calls", in.Load(), h.lambda.calls())
	}
}

// An answer that was on its way when the cache was flushed is not kept.
func TestFlushDuringCall(t *testing.T) {
	h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()))
	h.lambda.answer = func(context.Context, lambda.Target, []byte) ([]byte, error) {
		h.FlushAuthorizers("pets", "v1")
		return []byte(allowAll), nil
	}
	h.check(token("t"))
	h.check(token("t"))
	if h.lambda.calls() != 2 {
		t.Errorf("%d calls: an old answer outlived the flush", h.lambda.calls())
	}
}

// Whoever sends ever new tokens does not fill the memory.
func TestCacheIsBounded(t *testing.T) {
	h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()), func(o *extauthz.Options) { o.Log = nil })
	var text [2]runtime.MemStats
	measure := func(i int) {
		runtime.GC()
		runtime.ReadMemStats(&text[i])
	}
	send := func(from, to int) {
		for i := from; i < to; i++ {
			if got := h.check(token(fmt.Sprint("token-", i))); got.status != 200 {
				t.Fatalf("%d %s", got.status, got.code())
			}
		}
		h.lambda.mu.Lock()
		h.lambda.events = nil
		h.lambda.mu.Unlock()
	}
	send(0, 12_000) // The cache is full.
	measure(0)
	send(12_000, manyTokens)
	measure(1)
	if grown := int64(text[1].HeapAlloc) - int64(text[0].HeapAlloc); grown > 16<<20 {
		t.Errorf("%d more tokens took %d MiB", manyTokens-12_000, grown>>20)
	}
	if text[1].HeapAlloc > 256<<20 {
		t.Errorf("the heap has %d MiB", text[1].HeapAlloc>>20)
	}
	// The latest is still there, the first is not.
	send(manyTokens-1, manyTokens)
	calls := h.lambda.calls
	h.check(token(fmt.Sprint("token-", manyTokens-1)))
	if calls() != 0 {
		t.Error("the latest answer was dropped")
	}
	h.check(token("token-0"))
	if calls() != 1 {
		t.Error("the oldest answer was kept")
	}
}

// Large answers count for more than small ones.
func TestCacheIsBoundedInBytes(t *testing.T) {
	h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()), func(o *extauthz.Options) { o.CacheBytes = 16 << 20 })
	h.lambda.answer = answers(strings.TrimSuffix(allowAll, "}") + `, "context": {"a": "` + strings.Repeat("x", 200<<10) + `"}}`)
	for i := range 20 {
		h.check(token(fmt.Sprint(i)))
	}
	h.check(token("0"))
	if h.lambda.calls() != 21 {
		t.Errorf("%d calls: twenty answers of 200 KiB were kept in 16 MiB", h.lambda.calls())
	}
	h.check(token("0"))
	if h.lambda.calls() != 21 {
		t.Errorf("the latest answer was not kept")
	}
}

// An API whose function hangs has its own turns; others go on.
func TestHangingFunction(t *testing.T) {
	s := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer())
	slow := one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer()).APIs[0]
	slow.ID, slow.Name = "slow", "slow"
	s.APIs = append(s.APIs, slow)
	h := newHarness(t, s, func(o *extauthz.Options) { o.Concurrency, o.RESTTimeout = 2, time.Hour })
	h.lambda.answer = func(ctx context.Context, _ lambda.Target, event []byte) ([]byte, error) {
		if strings.Contains(string(event), ":slow/") {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return []byte(allowAll), nil
	}
	codes := make(chan string, 100)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range 100 {
		go func() {
			request := token(fmt.Sprint(i)).request()
			request.Attributes.ContextExtensions["api"] = "slow"
			answer, _ := h.Check(ctx, request)
			codes <- outcomeOf(answer).code()
		}()
	}
	// Two have their turn, twenty wait, and the others are told at once.
	for range 78 {
		if code := <-codes; code != "authorizer-busy" {
			t.Fatalf("one of too many was answered %q", code)
		}
	}
	if got := h.check(token("t")); got.status != 200 {
		t.Errorf("another API is held up: %d %s", got.status, got.code())
	}
	cancel()
	for range 22 {
		if code := <-codes; code != "cancelled" {
			t.Errorf("who gave up was answered %q", code)
		}
	}
}

func TestPanicsStayInside(t *testing.T) {
	for _, seconds := range []int{0, 300} {
		h := newHarness(t, one(gateway.REST, custom("GET", "/pets/{id}"), tokenAuthorizer(func(a *gateway.Authorizer) { a.ResultTTLSeconds = ttl(seconds) })))
		h.lambda.answer = func(context.Context, lambda.Target, []byte) ([]byte, error) { panic("a mistake") }
		if got := h.check(token("t")); got.status != 500 || got.code() != "internal-error" || !strings.Contains(h.log.String(), "please report it") {
			t.Errorf("%d %s\n%s", got.status, got.code(), h.log)
		}
		h.lambda.answer = answers(allowAll)
		if got := h.check(token("t")); got.status != 200 {
			t.Errorf("afterwards: %d %s", got.status, got.code())
		}
	}
}

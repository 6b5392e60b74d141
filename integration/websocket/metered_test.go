package websocket_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/integration/websocket"
)

// bill is what was metered.
type bill struct {
	mu    sync.Mutex
	lines []string
}

func (b *bill) add(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
}

func (b *bill) Message(api, stage, key string, bytes int) {
	b.add(fmt.Sprintf("%s/%s %q message of %d", api, stage, key, bytes))
}

func (b *bill) Ended(api, stage, key string, lasted time.Duration) {
	if lasted < 0 || lasted > time.Minute {
		b.add(fmt.Sprint("a connection lasted ", lasted))
	}
	b.add(fmt.Sprintf("%s/%s %q ended", api, stage, key))
}

// TestMetered holds what is metered: messages of clients that were let through, answers,
// what backends send, and the connection; for the key that it came with.
func TestMetered(t *testing.T) {
	b := &bill{}
	f := start(t, chat(`$default: {integration: {type: AWS_PROXY, uri: hear}, routeResponseSelectionExpression: $default}
oneway: {integration: {type: AWS_PROXY, uri: hear}}
`, "routes: {oneway: {throttle: {rate: 0.001, burst: 1}}}"), func(o *websocket.Options) { o.Meter = b })
	f.functions.answer = func(context.Context, map[string]any) ([]byte, error) {
		return []byte(`{"statusCode": 200, "body": "heard"}`), nil
	}
	c, err := f.dial(t, "/v1", http.Header{"X-Gw-Key": {"|0a1b|:acme"}})
	if err != nil {
		t.Fatal(err)
	}
	c.say("hello, all")
	if got := c.hear(); got != "heard" {
		t.Fatalf("heard %q", got)
	}
	c.say(`{"action": "oneway"}`)
	c.say(`{"action": "oneway"}`) // one of the two is throttled, which its client is told in a message
	c.hearError()
	id := idOf(f.functions.wait(t, "MESSAGE", 1))
	if answer, body := f.manage(t, "POST", id, "news"); answer.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", answer.StatusCode, body)
	}
	if got := c.hear(); got != "news" {
		t.Fatalf("heard %q", got)
	}
	if all, stage, other := f.Open("chat", ""), f.Open("chat", "v1"), f.Open("chat", "v2")+f.Open("other", ""); all != 1 || stage != 1 || other != 0 {
		t.Errorf("open are %d, %d and %d", all, stage, other)
	}
	_ = c.Close()
	const of = `chat/v1 "acme" `
	want := []string{of + "ended", of + "message of 10", of + "message of 20", of + "message of 4", of + "message of 5", of + "message of 96"}
	got := func() []string {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.Sorted(slices.Values(b.lines))
	}
	eventually(t, func() bool { return len(got()) >= len(want) }, "metered was only %v", got())
	if diff := cmp.Diff(want, got()); diff != "" {
		t.Error(diff)
	}
	if n := f.Open("chat", "") + f.Open("chat", "v1"); n != 0 {
		t.Errorf("%d are open when all have ended", n)
	}
}

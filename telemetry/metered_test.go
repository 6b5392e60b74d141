package telemetry

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/telemetry/metering"
)

// bill is what was metered.
type bill struct {
	mu  sync.Mutex
	all map[metering.Of]metering.Counts
}

func (b *bill) Count(of metering.Of, c metering.Counts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := b.all[of]
	sum.Add(c)
	b.all[of] = sum
}

func (b *bill) lines() (lines []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for of, c := range b.all {
		lines = append(lines, fmt.Sprintf("%s %s/%s %q %d: %d calls, %d free, %d steps, %d in, %d out, %d min",
			of.Protocol, of.API, of.Stage, of.Key, of.CacheBytes, c.Calls, c.Free, c.CallSteps, c.BytesIn, c.BytesOut, c.CacheMinutes))
	}
	slices.Sort(lines)
	return lines
}

// TestMetered holds what is metered of which requests: who was refused by a check does not
// pay, who asked for what is not there does, and an API's errors are calls like others.
func TestMetered(t *testing.T) {
	b, minutes := &bill{all: map[metering.Of]metering.Counts{}}, make(chan time.Time)
	h := newHarness(t, Options{Meter: b, Minutes: minutes})
	s := snapshot(nil)
	s.APIs[0].Stages[0].Cache = &gateway.StageCache{Bytes: 1 << 30}
	s.APIs = append(s.APIs, gateway.API{ID: "chat", Protocol: gateway.WebSocket, Stages: []gateway.Stage{{Name: "v1", Deployment: &gateway.Deployment{}}}})
	h.Swap(h.Compile(s.Seal()))
	answered := func(status uint32, errorType, details, api, stage, route string) {
		e := entry(api, stage, route)
		e.Status, e.Details, e.ErrorType = fmt.Sprint(status), details, errorType
		h.tell(e)
	}
	const pets = "GET /pets/{id}"
	answered(200, "", "via_upstream", "shop", "v1", pets)
	answered(503, "", "via_upstream", "shop", "v1", pets)
	answered(429, "LimitExceededException", "rate_limited", "shop", "v1", pets)
	answered(403, "MissingAuthenticationTokenException", "direct_response", "shop", "v1", pets)
	answered(403, "UnrecognizedClientException", "ext_authz_denied", "shop", "v1", pets)
	answered(403, "MissingAuthenticationTokenException", "direct_response", "shop", "v1", "")
	large := entry("web", gateway.DefaultStage, "ANY /f")
	large.ResponseBodySize = fmt.Sprint(700 << 10)
	h.tell(large, entry("chat", "v1", "$connect"), entry("gone", "v1", pets))
	for range 2 {
		minutes <- time.Now()
	}
	minutes <- time.Now() // the second is over
	want := []string{
		`HTTP web/$default "acme:1" 0: 1 calls, 0 free, 2 steps, 120 in, 716850 out, 0 min`,
		`REST shop/v1 "" 1073741824: 0 calls, 0 free, 0 steps, 0 in, 0 out, 2 min`,
		`REST shop/v1 "acme:1" 0: 3 calls, 3 free, 3 steps, 720 in, 480 out, 0 min`,
		`WEBSOCKET chat/v1 "acme:1" 0: 0 calls, 0 free, 0 steps, 120 in, 80 out, 0 min`,
	}
	// The third minute may have been counted by now.
	got := b.lines()
	if len(got) > 1 && got[1] == `REST shop/v1 "" 1073741824: 0 calls, 0 free, 0 steps, 0 in, 0 out, 3 min` {
		got[1] = want[1]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

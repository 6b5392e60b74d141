package history

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func ids(all []Request) string {
	var out []string
	for _, r := range all {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

func TestLastRequests(t *testing.T) {
	h := New(Options{MaxRequests: 3})
	for i, status := range []int{200, 404, 503, 403} {
		r := request(Of{"shop", "v1", "GET", "/pets"}, status, 0)
		r.ID, r.Path, r.KeyName = fmt.Sprint(i), "/pets/"+fmt.Sprint(i), []string{"acme", "zeta"}[i%2]
		h.Add(r)
	}
	for name, test := range map[string]struct {
		filter Filter
		want   string
	}{
		"all":         {Filter{}, "3 2 1"},
		"api":         {Filter{Of: Of{API: "web"}}, ""},
		"route":       {Filter{Of: Of{"shop", "v1", "GET", "/pets"}}, "3 2 1"},
		"no route":    {Filter{Of: Of{"shop", "v1", None, None}}, ""},
		"status":      {Filter{Status: Statuses{400, 499}}, "3 1"},
		"key":         {Filter{Key: "acme"}, "2"},
		"key, status": {Filter{Key: "acme", Status: Statuses{400, 499}}, ""},
		"path":        {Filter{Path: "/pets/1"}, "1"},
	} {
		if got := ids(h.Recent(test.filter, 10)); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	if got := ids(h.Recent(Filter{}, 2)); got != "3 2" {
		t.Errorf("two of them: %q", got)
	}
	if _, ok := h.Request("0"); ok {
		t.Error("the oldest is still found")
	}
	if _, ok := h.Request(""); ok {
		t.Error("one without an id is found")
	}
	if r, ok := h.Request("2"); !ok || r.Status != 503 {
		t.Errorf("found: %v %+v", ok, r)
	}
	// A client may have chosen the id of another's.
	again := request(Of{"shop", "v1", "GET", "/"}, 299, 0)
	again.ID = "3"
	h.Add(again)
	for range 2 {
		h.Add(request(Of{"shop", "v1", "GET", "/"}, 200, 0))
		if r, ok := h.Request("3"); !ok || r.Status != 299 {
			t.Errorf("the later of two with an id: %v %+v", ok, r)
		}
	}
}

func TestRequestsAreBoundedInBytes(t *testing.T) {
	const room = 64 << 10
	h := New(Options{MaxRequestBytes: room})
	huge := strings.Repeat("x", 1<<20)
	for i := range 100 {
		r := request(Of{"shop", "v1", "GET", "/"}, 200, 0)
		r.ID = fmt.Sprint(i)
		for _, text := range r.texts() {
			if text != &r.ID {
				*text = huge
			}
		}
		h.Add(r)
	}
	if h.last.bytes > room || len(h.last.byID) != int(h.last.next-h.last.oldest) {
		t.Errorf("%d bytes in %d requests, %d ids", h.last.bytes, h.last.next-h.last.oldest, len(h.last.byID))
	}
	if n := len(h.last.chunks) * chunkSize; n > room+2*chunkSize {
		t.Errorf("%d bytes of memory", n)
	}
	r, ok := h.Request("99")
	if !ok || len(r.Path) > maxPath+10 || len(r.UserAgent) > maxText+10 {
		t.Errorf("found %v, a path of %d bytes, an agent of %d", ok, len(r.Path), len(r.UserAgent))
	}
}

// TestEveryFieldIsKept fills in all there is.
func TestEveryFieldIsKept(t *testing.T) {
	r := Request{
		ID: "1", At: noon.Add(time.Nanosecond), Canary: true, Status: 599, Latency: time.Second, Integrated: true, IntegrationLatency: 5, IntegrationStatus: 502,
		Received: 1 << 40, Sent: 7, Throttled: true, Execution: []string{"one", "two"},
	}
	for i, text := range r.texts() {
		*text = fmt.Sprint("text ", i)
	}
	all := reflect.ValueOf(r)
	for i := range all.NumField() {
		if all.Field(i).IsZero() {
			t.Errorf("%s is not filled in", all.Type().Field(i).Name)
		}
	}
	h := New(Options{})
	h.Add(&r)
	got, _ := h.Request(r.ID)
	if diff := cmp.Diff(r, got); diff != "" {
		t.Errorf("(-added):\n%s", diff)
	}
}

func TestHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"/pets/7":              "/pets/7",
		"/süß/\U0001f600":      "/süß/\U0001f600",
		"a\x1b[31mb\r\nc\x00":  `a\u001b[31mb\u000d\u000ac\u0000`,
		"a\xff\xfeb":           `a\xff\xfeb`,
		"a\u202eb\u2066":       `a\u202eb\u2066`,
		"\ufffd":               "\ufffd",
		"<script>alert(1)":     "<script>alert(1)", // escaped by whoever makes markup of it
		"\U000e0041\u007f\x9b": `\U000e0041\u007f\x9b`,
	} {
		if got := harmless(in, 100); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	long := harmless(strings.Repeat("ß", 1000), 101)
	if !utf8.ValidString(long) || len(long) > 110 || !strings.HasSuffix(long, "…") {
		t.Errorf("cut: %q", long)
	}
}

func TestTail(t *testing.T) {
	h := New(Options{MaxRequests: 1000})
	n := 0
	add := func(times, status int) {
		for range times {
			r := request(Of{"shop", "v1", "GET", "/"}, status, 0)
			r.ID = fmt.Sprint(n)
			n++
			h.Add(r)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	add(3, 503)
	before, tail := h.Tail(ctx, Filter{Status: Statuses{500, 599}}, 2)
	if ids(before) != "2 1" {
		t.Errorf("before: %s", ids(before))
	}
	for _, c := range []struct {
		good, bad   int
		count, lost uint64
		last        string
	}{
		{0, 0, 0, 0, ""},
		{2, 1, 1, 0, "5"},
		{0, 0, 0, 0, ""},
		{5, 3, 3, 0, "13 12"},
		{0, 900, 900, 0, "913 912"},
		// More than are kept: 1000 are looked at, and the others are counted.
		{10, 1500, 1000, 510, "2423 2422"},
		{1500, 0, 0, 500, ""},
	} {
		add(c.good, 200)
		add(c.bad, 503)
		if came := tail.Next(2); came.Count != c.count || came.Lost != c.lost || ids(came.Last) != c.last {
			t.Errorf("of %d and %d: %d came, %d were lost, the last are %s", c.good, c.bad, came.Count, came.Lost, ids(came.Last))
		}
	}
	if h.last.tails != 1 || h.last.lost != 1010 {
		t.Errorf("%d follow, %d are lost", h.last.tails, h.last.lost)
	}
	cancel()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		h.last.mu.Lock()
		tails := h.last.tails
		h.last.mu.Unlock()
		if tails == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("one who has gone is still counted")
		}
	}
}

// TestTailWhileRequestsCome holds that each is told of once, whoever is first.
func TestTailWhileRequestsCome(t *testing.T) {
	h := New(Options{})
	_, tail := h.Tail(t.Context(), Filter{}, 0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 5000 {
			h.Add(request(Of{"shop", "v1", "GET", "/"}, 200, 0))
		}
	}()
	var sum uint64
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
		}
		came := tail.Next(10)
		sum += came.Count + came.Lost
	}
	if sum != 5000 {
		t.Errorf("%d of 5,000 were told of", sum)
	}
}

func TestParseStatuses(t *testing.T) {
	for text, want := range map[string]Statuses{"": {}, "404": {404, 404}, "4xx": {400, 499}, "5XX": {500, 599}, "400-599": {400, 599}} {
		got, err := ParseStatuses(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"x", "xx", "9xx", "44xx", "599-400", "-", "404-", "1000", "<script>"} {
		if got, err := ParseStatuses(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// TestLongExecution holds that a long account is cut off, and says so.
func TestLongExecution(t *testing.T) {
	h := New(Options{})
	line := strings.Repeat("x", 1000)
	h.Add(&Request{ID: "long", At: time.Unix(1e9, 0), Execution: slices.Repeat([]string{line}, 100)})
	r, _ := h.Request("long")
	whole := maxExecution / len(line)
	if n := len(r.Execution); n != whole+1 || r.Execution[whole-1] != line || r.Execution[whole] != "[TRUNCATED]" {
		t.Errorf("there are %d lines, of which the last is %.30q", n, r.Execution[n-1])
	}
}

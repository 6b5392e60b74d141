package history

import (
	"context"
	"fmt"
	"reflect"
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
		ID: "1", At: noon.Add(time.Nanosecond), Canary: true, Status: 599, Latency: time.Second, Integrated: true, IntegrationLatency: 5,
		Received: 1 << 40, Sent: 7, Throttled: true, Execution: []string{"one", "two"},
	}
	for i, text := range r.texts() {
		*text = fmt.Sprint("text ", i)
	}
	all := reflect.ValueOf(r)
	for i := range all.NumField() {
		if all.Field(i).IsZero() && all.Type().Field(i).Name != "Missed" {
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
	h := New(Options{MaxTails: 1})
	ctx, cancel := context.WithCancel(t.Context())
	to := h.Tail(ctx, Filter{Status: Statuses{500, 599}})
	if _, open := <-h.Tail(ctx, Filter{}); open {
		t.Error("more listen than may")
	}
	add := func(id string, status int) {
		r := request(Of{"shop", "v1", "GET", "/"}, status, 0)
		r.ID = id
		h.Add(r)
	}
	for i := range tailBuffer + 5 {
		add(fmt.Sprint(i), 503)
		add("good", 200)
	}
	if first := <-to; first.ID != "0" || first.Missed != 0 {
		t.Errorf("first: %+v", first)
	}
	add("after", 500)
	var last Request
	for range tailBuffer {
		last = <-to
	}
	if last.ID != "after" || last.Missed != 5 {
		t.Errorf("after five were lost: %s, missed %d", last.ID, last.Missed)
	}
	if kept, _ := h.Request("after"); kept.Missed != 0 {
		t.Error("what is kept tells what one listener has missed")
	}
	cancel()
	select {
	case _, open := <-to:
		if open {
			t.Error("told of one more")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("not closed")
	}
	if to := h.Tail(t.Context(), Filter{}); len(h.last.tails) != 1 {
		t.Errorf("no room after one has gone: %v", to)
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

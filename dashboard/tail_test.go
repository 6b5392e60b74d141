package dashboard_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/dashboard"
	"gatehouse/telemetry/history"
)

// TestRequestsAreTailed holds that who looks on while more comes than can be shown is told
// how many he did not see, and that each request is shown or counted.
func TestRequestsAreTailed(t *testing.T) {
	h := history.New(history.Options{MaxRequests: 3000})
	d := dashboard.New(dashboard.Options{Traffic: h})
	server := httptest.NewServer(d)
	t.Cleanup(func() { d.Close(); server.Close() })
	n := 0
	add := func(times, status int) {
		for range times {
			h.Add(&history.Request{ID: fmt.Sprint("r", n), At: time.Now(), API: "a", Stage: "v1", Method: "GET", Path: "/", Status: status})
			n++
		}
	}
	add(3, 503)
	next := follow(t, server.URL+dashboard.Prefix+"requests?status=503")
	row := regexp.MustCompile(`<tr data-key="(r\d+)"`)
	value := func(text, name string) (n int) {
		if found := regexp.MustCompile(`data-value="` + name + `">([\d,]+)<`).FindStringSubmatch(text); found != nil {
			_, _ = fmt.Sscan(strings.ReplaceAll(found[1], ",", ""), &n)
		}
		return n
	}
	seen := map[string]bool{}
	look := func(came int) (unshown int) {
		t.Helper()
		for end := time.Now().Add(time.Minute); time.Now().Before(end); {
			text := next()
			for _, m := range row.FindAllStringSubmatch(text, -1) {
				seen[m[1]] = true
			}
			if value(text, "came") == came {
				return value(text, "unshown")
			}
		}
		t.Fatalf("%d did not come", came)
		return 0
	}
	if unshown := look(0); unshown != 0 || len(seen) != 3 {
		t.Errorf("at first %d are shown, %d not", len(seen), unshown)
	}
	add(1, 200)
	add(50, 503)
	if unshown := look(50); unshown != 0 || len(seen) != 53 {
		t.Errorf("of 50 %d are shown, %d not", len(seen)-3, unshown)
	}
	// More than the list has.
	add(2000, 503)
	if unshown := look(2050); unshown == 0 || len(seen)+unshown != 2053 || !seen[fmt.Sprint("r", n-1)] {
		t.Errorf("of 2,053 %d were shown, and %d are said not to have been", len(seen), unshown)
	}
	// More than are kept, if nobody looks while they come.
	add(100_000, 200)
	for end := time.Now().Add(time.Minute); !strings.Contains(next(), "too fast to be looked at"); {
		if time.Now().After(end) {
			t.Fatal("nobody is told of those that were lost")
		}
	}

	if text := follow(t, server.URL+dashboard.Prefix+"requests?status=nonsense")(); !strings.Contains(text, "want a status") {
		t.Errorf("what is asked for wrongly is answered with %s", text)
	}
}

// follow looks on, and gives what a page becomes.
func follow(t *testing.T, url string) func() string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	return func() string {
		t.Helper()
		var event strings.Builder
		for lines.Scan() {
			if lines.Text() == "" {
				return event.String()
			}
			event.WriteString(lines.Text() + "\n")
		}
		t.Fatalf("the stream has ended: %v", lines.Err())
		return ""
	}
}

package dashboard_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/dashboard"
	"gatehouse/gateway"
)

// start serves a dashboard of so many APIs.
func start(t testing.TB, apis int) (*dashboard.Server, *httptest.Server) {
	t.Helper()
	snapshot, seen := shop(apis)
	d := dashboard.New(dashboard.Options{
		Version: "v1.2.3", Snapshot: func() *gateway.Snapshot { return snapshot }, Traffic: seen, Now: func() time.Time { return now },
	})
	server := httptest.NewServer(d)
	t.Cleanup(func() { d.Close(); server.Close() })
	return d, server
}

func get(t testing.TB, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestPagesAreGuarded holds what keeps pages from being used against those who read them.
func TestPagesAreGuarded(t *testing.T) {
	_, server := start(t, 2)
	for path, status := range map[string]int{"": 200, "no-such-page": 404, "assets/style.css": 200, "assets/%2e%2e%2flayout.go": 404, "assets/none": 404} {
		resp, body := get(t, server.URL+dashboard.Prefix+path)
		policy := resp.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"} {
			if resp.StatusCode != status || !strings.Contains(policy, want) || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: %d, policy %q", path, resp.StatusCode, policy)
			}
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		// What the policy would keep from working must not be there to begin with.
		if found := regexp.MustCompile(`(?i)<style|<script[^>]*>[^<]|\s(style|on\w+)="|(src|href)="(https?:)?//`).FindString(body); found != "" && !strings.HasPrefix(path, "assets") {
			t.Errorf("%s has %q", path, found)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		r, _ := http.NewRequest(method, server.URL+dashboard.Prefix, nil)
		resp, err := http.DefaultClient.Do(r)
		if err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %v %v", method, resp, err)
		}
	}
}

// TestHostileNames holds that names are text, in pages and in what is sent later.
func TestHostileNames(t *testing.T) {
	_, server := start(t, 1)
	_, page := get(t, server.URL+dashboard.Prefix+"?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
	if strings.Contains(page, "<script>") || !strings.Contains(page, "alert(1)") {
		t.Errorf("what was looked for is not shown as text:\n%s", page)
	}
	_, page = get(t, server.URL+dashboard.Prefix)
	if strings.Contains(page, "<script src=//") || !strings.Contains(page, "&lt;script src=//evil.example&gt;&lt;/script&gt;&#34;&#39;&amp;lt;\ufffd") {
		t.Errorf("a name is not shown as text:\n%s", page)
	}
}

// TestAssets holds that browsers ask for files once.
func TestAssets(t *testing.T) {
	_, server := start(t, 1)
	_, page := get(t, server.URL+dashboard.Prefix)
	found := regexp.MustCompile(`(?:src|href)="(/dashboard/assets/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(found) < 3 {
		t.Fatalf("the page has %d files", len(found))
	}
	for _, f := range found {
		resp, body := get(t, server.URL+f[1], "Accept-Encoding", "br, gzip;q=0.5")
		if resp.StatusCode != 200 || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") || resp.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %d %v", f[1], resp.StatusCode, resp.Header)
			continue
		}
		unpacked, err := gzip.NewReader(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		packed, err := io.ReadAll(unpacked)
		if err != nil {
			t.Fatal(err)
		}
		if again, body := get(t, server.URL+f[1], "Accept-Encoding", "gzip", "If-None-Match", `"other", `+resp.Header.Get("ETag")); again.StatusCode != 304 || body != "" {
			t.Errorf("%s is sent again: %d", f[1], again.StatusCode)
		}
		plain, body := get(t, server.URL+f[1], "Accept-Encoding", "gzip;q=0")
		if plain.Header.Get("Content-Encoding") != "" || body != string(packed) {
			t.Errorf("%s is not the same without compression", f[1])
		}
	}
	if resp, _ := get(t, server.URL+dashboard.Prefix+"assets/style.css?old"); strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
		t.Error("a file is kept under the address of another version")
	}
}

// TestLive holds that who has a page open is sent what is new, and told when what it is about
// is gone, and that closing ends it.
func TestLive(t *testing.T) {
	d, server := start(t, 1)
	if gone := follow(t, server.URL+dashboard.Prefix+"apis/of-yesterday")(); !strings.Contains(gone, "event: live\n") || !strings.Contains(gone, "No API has the id") || strings.Contains(gone, "<html") {
		t.Errorf("of an API that is gone is sent %q", gone)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+dashboard.Prefix+"?sort=name", nil)
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	var event strings.Builder
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != "" {
		event.WriteString(lines.Text() + "\n")
	}
	for _, want := range []string{"event: live\n", "data:   <h2 id=\"hour\">The last hour</h2>\n", "Shop 0"} {
		if !strings.Contains(event.String(), want) {
			t.Errorf("without %q:\n%s", want, event.String())
		}
	}
	if strings.Contains(event.String(), "<html") {
		t.Error("the whole page is sent")
	}
	d.Close()
	if rest, err := io.ReadAll(resp.Body); err != nil {
		t.Errorf("the stream did not end: %q, %v", rest, err)
	}
}

// TestOverview holds the numbers, the order and the pages of the overview.
func TestOverview(t *testing.T) {
	_, server := start(t, 120)
	row := func(page, key string) string {
		_, rest, _ := strings.Cut(page, `data-key="`+key+`"`)
		rest, _, _ = strings.Cut(rest, "</tr>")
		return regexp.MustCompile(`(?s)<svg.*?</svg>|<[^>]*>|\s+`).ReplaceAllString(rest, " ")
	}
	_, page := get(t, server.URL+dashboard.Prefix)
	// Of stages 239 and 240: so many calls in each of 60 minutes.
	if got := strings.Join(strings.Fields(row(page, "api-0119")), " "); got != "class=\"group\"> Shop 119 28,740 12 ms 18 ms 14 ms 1,437 479 287 67%" {
		t.Errorf("the busiest API has %q", got)
	}
	if got := strings.Join(strings.Fields(row(page, "api-0119/v2")), " "); !strings.Contains(got, "v2 14,400 12 ms") {
		t.Errorf("its stage has %q", got)
	}
	if row(page, "api-0000") != "" || !strings.Contains(page, "Page 1 of 5, 121 APIs") {
		t.Error("the first page has too much")
	}
	_, page = get(t, server.URL+dashboard.Prefix+"?page=5")
	if got := row(page, "one"); !strings.Contains(got, "canary 12.5%") || !strings.Contains(got, "$default") {
		t.Errorf("the API that nobody calls has %q", got)
	}
	_, page = get(t, server.URL+dashboard.Prefix+"?q=SHOP+11&sort=name&page=-1")
	if first, second := strings.Index(page, `"api-0011"`), strings.Index(page, `"api-0110"`); first < 0 || second < first || strings.Contains(page, `"api-0012"`) {
		t.Errorf("of those asked for, the first is at %d and the second at %d", first, second)
	}
	if _, page = get(t, server.URL+dashboard.Prefix+"?q=none+such"); !strings.Contains(page, "No API has “none such” in its name") {
		t.Error("nothing is said about nothing")
	}
}

// TestNothingToShow holds what is said where there are no numbers.
func TestNothingToShow(t *testing.T) {
	for want, options := range map[string]dashboard.Options{
		"No API is served yet":                  {},
		"it has not the role <code>telemetry":   {Snapshot: func() *gateway.Snapshot { s, _ := shop(1); return s }},
		"Give it <code>telemetry: true</code>:": {Snapshot: func() *gateway.Snapshot { return (&gateway.Snapshot{}).Seal() }, Traffic: traffic{}},
	} {
		w := httptest.NewRecorder()
		dashboard.New(options).ServeHTTP(w, httptest.NewRequest(http.MethodGet, dashboard.Prefix, nil))
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d, without %q:\n%s", w.Code, want, w.Body)
		}
	}
}

// canceled is a context that has ended.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

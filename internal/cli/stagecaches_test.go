package cli

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/integration"
)

// TestFlush holds that the command understands what the status port says, and that a port
// which other machines reach, or a process without the role, flushes nothing.
func TestFlush(t *testing.T) {
	var flushed []string
	flush := func(_ context.Context, api, stage string) error {
		flushed = append(flushed, api+"/"+stage)
		switch stage {
		case "none":
			return integration.ErrNoCache
		case "broken":
			return errors.New("redis: it is gone")
		}
		return nil
	}
	port := func(c controlPlane) string {
		c.metrics = prometheus.NewRegistry()
		server := httptest.NewServer(statusHandler(&c))
		t.Cleanup(server.Close)
		return server.URL
	}
	open := port(controlPlane{flush: flush, writable: true})
	for name, c := range map[string]struct {
		args    []string
		code    int
		err     string
		flushed string
	}{
		"a stage":      {[]string{"--server", open, "shop/v1"}, 0, "the cache of shop/v1 is empty", "shop/v1"},
		"no cache":     {[]string{"--server", open, "shop/none"}, 1, `there is no stage "none" of an API "shop" that has a cache`, "shop/none"},
		"a lost Redis": {[]string{"--server", open, "shop/broken"}, 1, "redis: it is gone", "shop/broken"},
		"reached":      {[]string{"--server", port(controlPlane{flush: flush}), "shop/v1"}, 1, "flushes no caches", ""},
		"another role": {[]string{"--server", port(controlPlane{writable: true}), "shop/v1"}, 1, "flushes no caches", ""},
		"nobody":       {[]string{"--server", "http://127.0.0.1:1", "shop/v1"}, 1, "is 'gatehouse run' or 'serve' running there", ""},
		"no stage":     {[]string{"shop"}, 2, "Write API/STAGE", ""},
		"nothing":      {nil, 2, "", ""},
		"no URL":       {[]string{"--server", "x", "shop/v1"}, 2, "--server must be a URL", ""},
	} {
		flushed = nil
		got := command(t, append([]string{"flush"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.err, c.err) || strings.Join(flushed, " ") != c.flushed {
			t.Errorf("%s: %+v, flushed %v", name, got, flushed)
		}
	}
	// A page in a browser may have its own name lead here.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, open+"/cache?api=shop&stage=v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host, flushed = "evil.example", nil
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusMisdirectedRequest || flushed != nil {
		t.Error(answer.StatusCode, flushed)
	}
}

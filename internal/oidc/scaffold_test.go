package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
)

func unmarshal(text string, into any) error { return json.Unmarshal([]byte(text), into) }

func newServer(t *testing.T, h http.HandlerFunc) (url string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came to be: %s", what)
		}
	}
}

// metric expects a line among the metrics as Prometheus reads them.
func metric(t *testing.T, f fixture, family, line string) {
	t.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, m := range families {
		if m.GetName() == family {
			if _, err := expfmt.MetricFamilyToText(&text, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !strings.Contains(text.String(), line+"\n") {
		t.Errorf("no line %q in\n%s", line, text.String())
	}
}

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"gatehouse/gateway"
	"gatehouse/internal/outputtest"
)

const key = "0123456789abcdef0123456789abcdef"

var secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte(key))

// hook is a server that answers with one status after the other, the last one for ever.
type hook struct {
	*httptest.Server
	got chan *http.Request
	log *outputtest.Buffer
}

func serve(t *testing.T, answers ...int) *hook {
	h := &hook{got: make(chan *http.Request, 1000), log: &outputtest.Buffer{}}
	next := make(chan int, len(answers))
	for _, status := range answers {
		next <- status
	}
	last := answers[len(answers)-1]
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		status := last
		select {
		case status = <-next:
		default:
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		h.got <- r
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) sender(t *testing.T, pause time.Duration) *Sender {
	s, err := New(Options{
		URL: h.URL + "/path-is-secret?as=well", Secret: gateway.Secret(secret), Log: slog.New(slog.NewTextHandler(h.log, nil)),
		Registerer: prometheus.NewRegistry(), Transport: h.Client().Transport, Pause: func(int) time.Duration { return pause },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (s *Sender) count(result string) float64 {
	return testutil.ToFloat64(s.results.WithLabelValues(result))
}

// until waits for something that will come.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// TestDelivered holds that a message is sent until it is taken, each time as the same one and
// signed as the specification says, and that neither the secret nor the URL is told.
func TestDelivered(t *testing.T) {
	h := serve(t, 503, 429, 204)
	s := h.sender(t, time.Millisecond)
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	s.Send("key.requested", at, map[string]string{"id": "x1"})
	until(t, "it is not delivered", func() bool { return s.count(delivered) == 1 })
	ids := map[string]bool{}
	for range 3 {
		r := <-h.got
		body, _ := io.ReadAll(r.Body)
		var m struct {
			Type      string
			Timestamp time.Time
			Data      map[string]string
		}
		if err := json.Unmarshal(body, &m); err != nil || m.Type != "key.requested" || !m.Timestamp.Equal(at) || m.Data["id"] != "x1" {
			t.Errorf("%v: %s", err, body)
		}
		id, stamp := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp")
		ids[id] = true
		if seconds, err := strconv.ParseInt(stamp, 10, 64); err != nil || time.Since(time.Unix(seconds, 0)) > time.Hour {
			t.Errorf("it was sent at %q", stamp)
		}
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(id + "." + stamp + "." + string(body)))
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
			t.Errorf("signed %q, want %q", r.Header.Get("webhook-signature"), want)
		}
		if r.Method != http.MethodPost || r.Header.Get("content-type") != "application/json" || r.URL.Path != "/path-is-secret" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
	}
	if len(ids) != 1 || ids[""] {
		t.Errorf("it was sent as %v", ids)
	}
	if log := h.log.String(); !strings.Contains(log, "sent again") || strings.Contains(log, "path-is-secret") || strings.Contains(log, secret[6:]) {
		t.Error(log)
	}
}

// TestLost holds what is not sent for ever, and that all that is lost is counted and told.
func TestLost(t *testing.T) {
	for name, c := range map[string]struct{ status, tries int }{
		"refused": {400, 1}, "led elsewhere": {307, 1}, "down for long": {500, maxTries},
	} {
		h := serve(t, c.status)
		s := h.sender(t, time.Millisecond)
		s.Send("key.requested", time.Now(), nil)
		until(t, name+": it is not given up", func() bool { return s.count(failed) == 1 })
		if len(h.got) != c.tries {
			t.Errorf("%s: %d tries, want %d", name, len(h.got), c.tries)
		}
	}
	// One waits to be sent again, and more than there is room for behind it.
	h := serve(t, 500)
	s := h.sender(t, time.Hour)
	s.Send("key.requested", time.Now(), nil)
	<-h.got
	for range queueSize + 5 {
		s.Send("key.requested", time.Now(), nil)
	}
	if got := s.count(dropped); got != 5 {
		t.Errorf("%v are dropped, want 5", got)
	}
	s.Close()
	if got := s.count(dropped); got != queueSize+6 {
		t.Errorf("%v are lost with the process, want %d", got, queueSize+6)
	}
	// A server that nobody can reach is not told of by its whole URL.
	h = serve(t, 200)
	h.Close()
	s = h.sender(t, time.Millisecond)
	s.Send("key.requested", time.Now(), nil)
	until(t, "it is not given up", func() bool { return s.count(failed) == 1 })
	if log := h.log.String(); !strings.Contains(log, "refused") || strings.Contains(log, "path-is-secret") {
		t.Error(log)
	}
}

// TestOptions holds what is refused.
func TestOptions(t *testing.T) {
	for _, c := range []struct{ url, secret string }{
		{"http://hooks.example.com/", secret}, {"https:///x", secret}, {"hooks.example.com", secret}, {"https://u:p@hooks.example.com/", secret},
		{"https://hooks.example.com/", ""}, {"https://hooks.example.com/", "whsec_no base64"}, {"https://hooks.example.com/", base64.StdEncoding.EncodeToString([]byte("short"))},
	} {
		if s, err := New(Options{URL: c.url, Secret: gateway.Secret(c.secret)}); err == nil {
			s.Close()
			t.Errorf("%q with the secret %q is taken", c.url, c.secret)
		} else if strings.Contains(err.Error(), "u:p") || c.secret != "" && strings.Contains(err.Error(), c.secret) {
			t.Error(err)
		}
	}
}

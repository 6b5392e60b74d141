// Package webhook tells another server of what has happened, as the Standard Webhooks have it:
// each message is a POST of JSON with an id, a time, and a signature of both and of the body.
// See https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"gatehouse/gateway"
)

const (
	// queueSize is how many messages may wait; more are dropped.
	queueSize = 100
	// maxTries is how often a message is sent, in about 20 minutes, before it is given up.
	maxTries   = 10
	firstPause = time.Second
	maxPause   = 5 * time.Minute
	tryTimeout = 10 * time.Second
	// maxRead is how much of an answer is read, so that its connection can be used again.
	maxRead = 4 << 10
)

// Bounds of a secret, which the specification has.
const (
	secretPrefix = "whsec_"
	minSecret    = 24
	maxSecret    = 64
)

// Options of a Sender.
type Options struct {
	// URL is where messages are sent: https. It may be a secret itself, and gets into no log.
	URL string
	// Secret is base64 of 24 to 64 bytes, perhaps behind whsec_.
	Secret gateway.Secret
	Log    *slog.Logger
	// Registerer takes the metrics.
	Registerer prometheus.Registerer
	// Transport is http.DefaultTransport where it is nil.
	Transport http.RoundTripper
	// Pause gives the time before a try that follows so many; nil doubles it from a second on.
	Pause func(tries int) time.Duration
}

// Sender sends messages one after the other, so that they arrive in their order.
type Sender struct {
	Options
	host     string
	key      []byte
	client   *http.Client
	messages chan message
	results  *prometheus.CounterVec
	stop     context.CancelFunc
	done     sync.WaitGroup
}

type message struct {
	id, kind string
	body     []byte
}

// What becomes of messages, in the metric.
const (
	delivered = "delivered"
	failed    = "failed"
	dropped   = "dropped"
)

// New returns a Sender that sends until Close.
func New(o Options) (*Sender, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("it is no URL such as https://hooks.example.com/keys")
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(o.Secret.Reveal(), secretPrefix))
	if err != nil || len(key) < minSecret || len(key) > maxSecret {
		return nil, fmt.Errorf("the secret is not base64 of %d to %d bytes, as openssl rand -base64 32 makes it", minSecret, maxSecret)
	}
	if o.Pause == nil {
		o.Pause = pause
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Sender{
		Options: o, host: u.Host, key: key, messages: make(chan message, queueSize), stop: stop,
		client: &http.Client{
			Transport: o.Transport, Timeout: tryTimeout,
			// Whoever is asked next could be anybody.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		results: promauto.With(o.Registerer).NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_webhook_messages_total", Help: "Messages of the webhook: delivered, failed after all tries, or dropped as too many waited or the process ended.",
		}, []string{"result"}),
	}
	for _, result := range []string{delivered, failed, dropped} {
		s.results.WithLabelValues(result)
	}
	s.done.Go(func() { s.run(ctx) })
	return s, nil
}

// pause doubles from a second on, give or take a quarter.
func pause(tries int) time.Duration {
	wait := min(firstPause<<min(tries-1, 20), maxPause)
	return wait*3/4 + mathrand.N(wait/2)
}

// Send takes a message in, and waits for nothing.
func (s *Sender) Send(kind string, at time.Time, data any) {
	body, err := json.Marshal(struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      any       `json:"data"`
	}{kind, at.UTC(), data})
	if err != nil {
		s.Log.Error("a message of the webhook cannot be written", "type", kind, "error", err)
		return
	}
	m := message{"msg_" + rand.Text(), kind, body}
	select {
	case s.messages <- m:
	default:
		s.lost(m, dropped, "too many wait")
	}
}

func (s *Sender) lost(m message, result, why string) {
	s.results.WithLabelValues(result).Inc()
	s.Log.Warn("a message of the webhook is lost", "type", m.kind, "message", m.id, "host", s.host, "why", why)
}

// Close gives up what is not sent.
func (s *Sender) Close() {
	s.stop()
	s.done.Wait()
	for {
		select {
		case m := <-s.messages:
			s.lost(m, dropped, "the process ends")
		default:
			return
		}
	}
}

func (s *Sender) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-s.messages:
			s.deliver(ctx, m)
		}
	}
}

// deliver sends a message until it is taken, or there is no hope for it.
func (s *Sender) deliver(ctx context.Context, m message) {
	for tries := 1; ; tries++ {
		again, why := s.try(ctx, m)
		switch {
		case why == "":
			s.results.WithLabelValues(delivered).Inc()
			return
		case ctx.Err() != nil:
			s.lost(m, dropped, "the process ends")
			return
		case !again, tries == maxTries:
			s.lost(m, failed, why)
			return
		}
		wait := s.Pause(tries)
		s.Log.Info("a message of the webhook is sent again", "type", m.kind, "message", m.id, "host", s.host, "why", why, "in", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// try sends a message once, and tells why it has not arrived, and whether it may the next time.
func (s *Sender) try(ctx context.Context, m message) (again bool, why string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(m.body))
	if err != nil {
		return false, "the request cannot be made" // New has looked at the URL.
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Gatehouse")
	r.Header.Set("Webhook-Id", m.id)
	r.Header.Set("Webhook-Timestamp", at)
	r.Header.Set("Webhook-Signature", s.sign(m.id, at, m.body))
	response, err := s.client.Do(r)
	if err != nil {
		return true, withoutURL(err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxRead)
	switch status := response.StatusCode; {
	case status/100 == 2:
		return false, ""
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		return true, fmt.Sprintf("it answered %d", response.StatusCode)
	default:
		return false, fmt.Sprintf("it answered %d", response.StatusCode)
	}
}

// sign gives the header of the specification: HMAC-SHA256 of id.time.body.
func (s *Sender) sign(id, at string, body []byte) string {
	h := hmac.New(sha256.New, s.key)
	_, _ = fmt.Fprintf(h, "%s.%s.%s", id, at, body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// withoutURL is an error without the URL, whose path may be what lets others send.
func withoutURL(err error) string {
	if of := (*url.Error)(nil); errors.As(err, &of) {
		err = of.Err
	}
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return "it has not answered in time"
	}
	return err.Error()
}

package integration_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/internal/lambda"
	"gatehouse/internal/wire"
)

// slowBody is a body that stops before its end until it is let go.
type slowBody struct {
	text    io.Reader
	reached chan<- bool
	release <-chan struct{}
	once    sync.Once
}

func (b *slowBody) Read(p []byte) (int, error) {
	n, err := b.text.Read(p)
	if err == io.EOF {
		b.once.Do(func() { b.reached <- true })
		<-b.release
	}
	return n, err
}

// What slow uploads hold is bounded: the next ones are refused, small requests are not,
// and all is well when they have ended.
func TestMemoryOfRequests(t *testing.T) {
	s := newServiceWith(t, integration.Options{MemoryBytes: 12 << 20, Patience: 300 * time.Millisecond})
	d := &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("POST", "/x")}}
	s.serve(snapshot(gateway.REST, d))
	s.lambdas.call = returning(`{"body":"ok"}`)
	reached, release := make(chan bool, 8), make(chan struct{})
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			body := &slowBody{text: strings.NewReader(strings.Repeat("a", 2<<20)), reached: reached, release: release}
			r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v1/x", body)
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set(wire.RouteHeader, wire.RouteIdentity{API: "a", Stage: "v1", Base: "/v1", Route: "POST /x"}.String())
			if answer := s.send(r); answer.StatusCode != 200 {
				t.Errorf("a slow upload: %d %s", answer.StatusCode, answer.body)
			}
		})
	}
	<-reached
	<-reached
	post := func(bytes int) response { return s.ask("POST /x", "POST", "/v1/x", strings.Repeat("a", bytes)) }
	// What they have sent may still be on its way.
	refused := func() bool {
		r := post(4 << 20)
		return r.StatusCode == 503 && r.body == `{"message":"Service Unavailable"}` && r.Header.Get("X-Amzn-Errortype") == "ServiceUnavailableException"
	}
	for end := time.Now().Add(time.Minute); !refused(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a large upload is not refused")
		}
	}
	if r := post(10 << 10); r.StatusCode != 200 {
		t.Errorf("a small request meanwhile: %d %s", r.StatusCode, r.body)
	}
	close(release)
	group.Wait()
	for range 20 {
		if r := post(2 << 20); r.StatusCode != 200 {
			t.Fatalf("when the others have ended: %d %s", r.StatusCode, r.body)
		}
	}
}

// Results count, too.
func TestMemoryOfResults(t *testing.T) {
	s := newServiceWith(t, integration.Options{MemoryBytes: 8 << 20, Patience: 50 * time.Millisecond})
	s.serve(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x")}}))
	size := 0
	client := lambda.New(lambda.Options{Attempts: 1, Transport: answering(func() string { return strings.Repeat("a", size) })})
	s.lambdas.call = func(ctx context.Context, _ lambda.Target, event []byte) ([]byte, error) {
		result, err := client.Invoke(ctx, lambda.Target{URL: "http://function"}, event)
		return append(append([]byte(`{"body":"`), result...), `"}`...), err
	}
	for range 3 {
		for bytes, want := range map[int]int{1 << 20: 200, 3 << 20: 200, 4 << 20: 503} {
			size = bytes
			if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != want {
				t.Errorf("%d bytes: %d %.100s", bytes, r.StatusCode, r.body)
			}
		}
	}
}

// answering is a transport that answers with a text.
type answering func() string

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	text := a()
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: r}, nil
}

// Bodies whose event is too large are told before the event is made, to the byte.
func TestEventSizes(t *testing.T) {
	s := newService(t)
	s.serve(snapshot(gateway.HTTP, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("POST", "/x")}}))
	s.lambdas.call = returning(`{"statusCode":200}`)
	for name, c := range map[string]struct {
		unit, contentType string
		bytes             int // of the event, for each unit
	}{
		"letters": {"a", "text/plain", 1}, "runes": {"é", "text/plain", 2}, "quotes": {`"`, "text/plain", 2}, "controls": {"\x01", "text/plain", 6},
		"no UTF-8": {"\xff", "text/plain", 3}, "bytes": {"abc", "image/png", 4},
	} {
		most := 6 << 20 / c.bytes
		for _, about := range []struct{ units, status int }{{most - 8<<10, 200}, {most, 413}} {
			r := s.ask("POST /x", "POST", "/v1/x", strings.Repeat(c.unit, about.units), "Content-Type", c.contentType)
			if r.StatusCode != about.status {
				t.Errorf("%s: %d units: %d", name, about.units, r.StatusCode)
			}
		}
	}
}

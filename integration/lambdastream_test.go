package integration_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/internal/lambda"
	"gatehouse/internal/wire"
)

// streams stand for functions whose answers are streamed.
type streams func(context.Context) (io.ReadCloser, error)

func (f streams) Stream(ctx context.Context, _ lambda.Target, _ []byte) (io.ReadCloser, error) {
	return f(ctx)
}

// pieces are read one by one; after them comes the error.
type pieces struct {
	texts []string
	err   error
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.texts) == 0 {
		return 0, p.err
	}
	n := copy(b, p.texts[0])
	if p.texts[0] = p.texts[0][n:]; p.texts[0] == "" {
		p.texts = p.texts[1:]
	}
	return n, nil
}

func streamed(r *gateway.Route) { r.Integration.ResponseTransferMode = "STREAM" }

// What functions stream begins with what an answer is; whatever comes then is its body.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
func TestStreamedAnswers(t *testing.T) {
	const nul = "\x00\x00\x00\x00\x00\x00\x00\x00"
	const good = `{"statusCode":201,"headers":{"X-A":"1","Date":"today"},"multiValueHeaders":{"X-B":["1","2"]},"cookies":["a=1","b=2"]}` + nul
	died := &lambda.FunctionError{Type: "Unhandled"}
	for name, c := range map[string]struct {
		texts  []string
		err    error
		status int
		body   string // "cut" in place of an answer that is not complete
		header string
	}{
		"all at once":                 {[]string{good + "body"}, io.EOF, 201, "body", "X-A: 1"},
		"in parts":                    {[]string{`{"statusCode":`, `201}` + nul[:3], nul[3:] + "b", "o", "dy"}, io.EOF, 201, "body", ""},
		"by the byte":                 {strings.Split(good+"body", ""), io.EOF, 201, "body", "X-B: 1|2"},
		"cookies":                     {[]string{good}, io.EOF, 201, "", "Set-Cookie: a=1|b=2"},
		"remapped":                    {[]string{good}, io.EOF, 201, "", "X-Amzn-Remapped-Date: today"},
		"NULs in the body":            {[]string{good + nul + "x" + nul}, io.EOF, 201, nul + "x" + nul, ""},
		"large":                       {[]string{good, strings.Repeat("x", 1<<20)}, io.EOF, 201, strings.Repeat("x", 1<<20), ""},
		"no status":                   {[]string{"{}" + nul + "x"}, io.EOF, 200, "x", "Content-Type: application/json"},
		"no content":                  {[]string{`{"statusCode":204}` + nul + "x"}, io.EOF, 204, "", ""},
		"internal headers":            {[]string{`{"headers":{"x-gw-reply":"THROTTLED"}}` + nul}, io.EOF, 200, "", "!X-Gw-Reply"},
		"no NULs":                     {[]string{`{"statusCode":200,"body":"x"}`}, io.EOF, 500, restError, ""},
		"seven":                       {[]string{"{}" + nul[1:] + "x"}, io.EOF, 500, restError, ""},
		"nothing":                     {nil, io.EOF, 500, restError, ""},
		"too late":                    {[]string{`{"headers":{"a":"` + strings.Repeat("x", 16<<10) + `"}}` + nul}, io.EOF, 500, restError, ""},
		"never":                       {[]string{strings.Repeat("x", 1<<20)}, errors.New("read too far"), 500, restError, ""},
		"no JSON":                     {[]string{"<html>" + nul}, io.EOF, 500, restError, ""},
		"a status that is none":       {[]string{`{"statusCode":42}` + nul}, io.EOF, 500, restError, ""},
		"a header that cannot be":     {[]string{`{"headers":{"a":"b\nc"}}` + nul}, io.EOF, 500, restError, ""},
		"dies before":                 {nil, died, 502, restError, ""},
		"dies in what it begins with": {[]string{`{"statusCode"`}, died, 502, restError, ""},
		"dies later":                  {[]string{good, "some"}, died, 201, "cut", ""},
		"breaks off":                  {[]string{good, "some"}, io.ErrUnexpectedEOF, 201, "cut", ""},
	} {
		s := newServiceWith(t, integration.Options{Streams: streams(func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(&pieces{append([]string(nil), c.texts...), c.err}), nil
		})})
		s.serve(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x", streamed)}}))
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v1/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(wire.RouteHeader, wire.RouteIdentity{API: "a", Stage: "v1", Base: "/v1", Route: "GET /x"}.String())
		got, err := s.http.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := io.ReadAll(got.Body)
		got.Body.Close()
		body := string(text)
		if err != nil {
			body = "cut"
		}
		if got.StatusCode != c.status || body != c.body {
			t.Errorf("%s: %d %.100q %v", name, got.StatusCode, body, err)
		}
		checkHeader(t, name, response{got, body}, c.header)
	}
	s := newServiceWith(t, integration.Options{Streams: streams(func(context.Context) (io.ReadCloser, error) { return nil, refusedWith(429) })})
	s.serve(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x", streamed)}}))
	if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 500 || r.body != restError {
		t.Errorf("throttled: %d %s", r.StatusCode, r.body)
	}
}

// hanging streams a beginning, and nothing else until its context ends.
type hanging struct {
	beginning io.Reader
	ctx       context.Context
	closed    chan<- bool
}

func (h *hanging) Read(p []byte) (int, error) {
	if n, err := h.beginning.Read(p); err == nil {
		return n, nil
	}
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

func (h *hanging) Close() error { h.closed <- true; return nil }

// A client that leaves ends the stream.
func TestClientLeavesStream(t *testing.T) {
	closed := make(chan bool, 1)
	s := newServiceWith(t, integration.Options{Streams: streams(func(ctx context.Context) (io.ReadCloser, error) {
		return &hanging{strings.NewReader("{}\x00\x00\x00\x00\x00\x00\x00\x00begins"), ctx, closed}, nil
	})})
	s.serve(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x", streamed)}}))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := http.NewRequestWithContext(ctx, "GET", s.url+"/v1/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(wire.RouteHeader, wire.RouteIdentity{API: "a", Stage: "v1", Base: "/v1", Route: "GET /x"}.String())
	got, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	begins := make([]byte, 6)
	if _, err := io.ReadFull(got.Body, begins); err != nil || string(begins) != "begins" {
		t.Errorf("%q %v", begins, err)
	}
	leave()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("the function is still listened to")
	}
	if strings.Contains(s.log.String(), "level=WARN") {
		t.Error(s.log)
	}
}

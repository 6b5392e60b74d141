package integration_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/internal/lambda"
)

// proxyRoute is an HTTP_PROXY, which the integration service serves where it keeps answers.
func proxyRoute(method, path, uri string, change ...func(*gateway.Integration)) gateway.Route {
	in := &gateway.Integration{Type: gateway.IntegrationHTTPProxy, HTTPMethod: "ANY", URI: uri, ConnectionType: gateway.ConnectionInternet}
	for _, c := range change {
		c(in)
	}
	return gateway.Route{Method: method, Path: path, Integration: in}
}

func keyParameters(names ...string) func(*gateway.Integration) {
	return func(in *gateway.Integration) { in.CacheKeyParameters = names }
}

// Answers of every kind of integration that has a backend are kept, and those of a MOCK,
// which has none, are not.
func TestCachedIntegrations(t *testing.T) {
	b := newBackend(t, nil)
	s := newService(t)
	functions := 0
	s.lambdas.call = func(context.Context, lambda.Target, []byte) ([]byte, error) {
		functions++
		return []byte(`{"n":1}`), nil
	}
	template := responses(gateway.IntegrationResponse{StatusCode: "203", ResponseTemplates: map[string]string{"application/json": `#set($a = $input.json('$'))$a`}})
	mock := customRoute("GET", "/mock", requestTemplate("application/json", `{"statusCode": 200}#if(1 == 1)#end`),
		responses(gateway.IntegrationResponse{StatusCode: "200", ResponseTemplates: map[string]string{"application/json": `#set($id = $context.requestId)$id`}}),
		func(in *gateway.Integration) { in.Type = gateway.IntegrationMock })
	s.serve(cacheOf(nil, proxyRoute("GET", "/proxy", b.URL), httpRoute("GET", "/http", b.URL), httpRoute("GET", "/mapped", b.URL, template),
		customRoute("GET", "/function", template), mock))
	for _, path := range []string{"/proxy", "/http", "/mapped", "/function"} {
		before := functions + int(b.count.Load())
		first := s.ask("GET "+path, "GET", "/v1"+path, "")
		second := s.ask("GET "+path, "GET", "/v1"+path, "")
		if calls := functions + int(b.count.Load()) - before; calls != 1 || first.StatusCode != second.StatusCode || first.body != second.body || first.body == "" || first.StatusCode > 203 {
			t.Errorf("%s: %d calls, %d %s, then %d %s", path, calls, first.StatusCode, first.body, second.StatusCode, second.body)
		}
	}
	ask := func(id string) string { return s.ask("GET /mock", "GET", "/v1/mock", "", "X-Request-Id", id).body }
	if first, second := ask("one"), ask("two"); first == second {
		t.Errorf("a MOCK answers %q, then %q", first, second)
	}
}

// What a backend answers to a client's own state of things, or in a form that others may
// not understand, is not for others: it is not asked for, or not kept.
func TestCachedProxyHeaders(t *testing.T) {
	own := []string{"Accept-Encoding", "gzip", "If-None-Match", `"1"`, "If-Modified-Since", "now", "Range", "bytes=0-1", "If-Range", "now", "X-Own", "1"}
	b := newBackend(t, nil)
	b.header = http.Header{"Etag": {`"2"`}, "X-Two": {"1", "2"}, "Date": {"then"}, "Server": {"s"}, "X-Amzn-Trace-Id": {"its"}, "X-Gw-Reply": {"forged"}, "X-Hop": {"h"}, "Connection": {"X-Hop"}, "Content-Encoding": {"x"}}
	s := newService(t).serve(cacheOf(nil, proxyRoute("GET", "/x", b.URL+"/a?fixed=1"), proxyRoute("GET", "/keyed", b.URL, keyParameters("method.request.header.range"))))
	for range 2 {
		r := s.ask("GET /x", "GET", "/v1/x?b=%7e&c", "", own...)
		for name, want := range map[string]string{"Etag": `"2"`, "X-Two": "1|2", "X-Amzn-Remapped-Date": "then", "X-Amzn-Remapped-Server": "s", "X-Amzn-Trace-Id": "its", "X-Gw-Reply": "", "X-Hop": "", "Server": "", "Content-Encoding": "x"} {
			if got := strings.Join(r.Header.Values(name), "|"); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
	if b.count.Load() != 1 || b.asked.RequestURI != "/a?b=%7e&c&fixed=1" || b.asked.Header.Get("X-Own") != "1" {
		t.Errorf("%d calls, %s %v", b.count.Load(), b.asked.RequestURI, b.asked.Header)
	}
	for _, name := range []string{"Accept-Encoding", "If-None-Match", "If-Modified-Since", "Range", "If-Range", "X-Gw-Route"} {
		if got := b.asked.Header.Values(name); len(got) > 0 {
			t.Errorf("the backend sees %s: %v", name, got)
		}
	}
	s.ask("GET /keyed", "GET", "/v1/keyed", "", own...)
	if b.asked.Header.Get("Range") != "bytes=0-1" || b.asked.Header.Get("If-Range") != "" {
		t.Error(b.asked.Header)
	}
	for status, kept := range map[int]bool{201: true, 206: false, 302: true, 304: false, 404: true, 412: false, 416: false, 500: false, 503: false} {
		b.status = status
		if status == 304 {
			b.answer = ""
		}
		route := proxyRoute("GET", "/s", b.URL)
		s := newService(t).serve(cacheOf(nil, route))
		before := b.count.Load()
		for range 2 {
			if r := s.ask("GET /s", "GET", "/v1/s", ""); r.StatusCode != status || r.body != b.answer {
				t.Errorf("%d: %d %s", status, r.StatusCode, r.body)
			}
		}
		if calls := b.count.Load() - before; (calls == 1) != kept {
			t.Errorf("%d: %d calls", status, calls)
		}
		b.answer = `{"ok":true}`
	}
}

// Backends that fail are answered for as Envoy does, and asked again.
func TestCachedProxyFails(t *testing.T) {
	down, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down.Close()
	rude, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer rude.Close()
	answers := make(chan string, 4)
	go func() {
		for {
			c, err := rude.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte(<-answers))
			c.Close()
		}
	}()
	url := "http://" + rude.Addr().String()
	s := newService(t).serve(cacheOf(nil, proxyRoute("GET", "/down", "http://"+down.Addr().String()), proxyRoute("GET", "/rude", url)))
	if r := s.ask("GET /down", "GET", "/v1/down", ""); r.StatusCode < 500 {
		t.Errorf("nobody there: %d %s", r.StatusCode, r.body)
	}
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		"not HTTP at all\r\n\r\n",
	} {
		answers <- answer
		if r := s.ask("GET /rude", "GET", "/v1/rude", ""); r.StatusCode < 500 {
			t.Errorf("%q: %d %s", answer, r.StatusCode, r.body)
		}
	}
	answers <- "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"
	if r := s.ask("GET /rude", "GET", "/v1/rude", ""); r.StatusCode != 200 || r.body != "well" {
		t.Errorf("afterwards: %d %s", r.StatusCode, r.body)
	}
}

// What cannot be kept is refused.
func TestCachedHTTPDiagnostics(t *testing.T) {
	streamed := proxyRoute("GET", "/streamed", "http://127.0.0.1:1", func(in *gateway.Integration) { in.ResponseTransferMode = "STREAM" })
	unset := proxyRoute("GET", "/unset", "http://${stageVariables.none}/", requestMaps("integration.request.cookie.x", "'x'"))
	s := cacheOf(nil, streamed, unset)
	_, found := integration.Compile(s.Seal())
	var text strings.Builder
	for _, d := range found {
		fmt.Fprintln(&text, d)
	}
	for _, want := range []string{
		"unsupported-cache: GET /streamed streams its response", "unset-stage-variable: the stage variable none", `invalid-mapping: "integration.request.cookie.x"`,
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%s is not in\n%s", want, &text)
		}
	}
	// The same routes are nothing of the service's where nothing is kept.
	s.APIs[0].Stages[0].Cache = nil
	if _, found := integration.Compile(s.Seal()); len(found) > 0 {
		t.Error(found)
	}
}

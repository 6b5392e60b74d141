package e2e

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"gatehouse/gateway"
)

const compressedAPI = `
openapi: 3.0.1
info: {title: compression, version: "1"}
x-amazon-apigateway-minimum-compression-size: 100
paths:
  /proxy: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/proxy"}}}
  /small: {post: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "BACKEND/small"}}}
  /mapped:
    post:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration: {type: http, httpMethod: POST, uri: "BACKEND/mapped", responses: {default: {statusCode: "200"}}}
  /mock:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200", responseTemplates: {text/csv: "LONG"}}}}
`

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

// numbers is text of a length that compresses as text does.
func numbers(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(strconv.Itoa(i * 7919))
	}
	return b.String()[:n]
}

func unzipped(t *testing.T, text string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Errorf("not gzip: %v", err)
		return ""
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(out)
}

func TestCompression(t *testing.T) {
	long := strings.Repeat("word ", 100)
	// Just below the size that is compressed from, and that size.
	short, enough := numbers(99), numbers(100)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Encoding", strings.Join(r.Header["Content-Encoding"], ","))
		w.Header().Set("X-Got", strings.ToUpper(string(body[:min(len(body), 10)])))
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		text := long
		switch r.URL.Query().Get("as") {
		case "short":
			text = short
		case "enough":
			text = enough
		case "gzip":
			w.Header().Set("Content-Encoding", "gzip")
			text = zipped(t, long)
		}
		io.WriteString(w, text)
	}))
	defer backend.Close()
	text := strings.ReplaceAll(compressedAPI, "LONG", long)
	small := int64(1000)
	g := start(t, snapshotOf(
		gateway.API{ID: "c", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, text, backend.URL),
			Settings: []gateway.RouteSettings{{RouteKey: "POST /small", MaxRequestBytes: &small}}}}},
		gateway.API{ID: "off", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, strings.ReplaceAll(text, "x-amazon-apigateway-minimum-compression-size: 100", ""), backend.URL)}}},
	))
	const host, off = "c.execute-api.localhost", "off.execute-api.localhost"
	for _, c := range []struct {
		host, target, accept string
		zipped               bool
	}{
		{host, "/v1/proxy?type=application/json", "gzip", true},
		{host, "/v1/proxy?type=application/vnd.api%2Bjson", "deflate, gzip;q=0.5", true},
		{host, "/v1/proxy?type=application/octet-stream", "br, gzip", true},
		{host, "/v1/proxy?type=image/png%3Bx=y", "gzip", true},
		{host, "/v1/proxy?type=text/plain", "", false},
		{host, "/v1/proxy?type=text/plain", "br", false},
		{host, "/v1/proxy?type=text/plain", "gzip;q=0", false},
		{host, "/v1/proxy?type=text/plain&as=short", "gzip", false},
		{host, "/v1/proxy?type=text/plain&as=enough", "gzip", true},
		{host, "/v1/proxy?type=text/plain&as=gzip", "gzip", true}, // once, not twice
		{host, "/v1/mock", "gzip", true},
		{host, "/v1/mock", "", false},
		{off, "/v1/proxy?type=text/plain", "gzip", false},
		{off, "/v1/proxy?type=text/plain&as=gzip", "gzip", true},
	} {
		var headers []string
		if c.accept != "" {
			headers = []string{"Accept-Encoding", c.accept}
		}
		r := g.request("GET", c.host, c.target, "", headers...)
		got := r.body
		if c.zipped {
			got = unzipped(t, got)
		}
		want := long
		switch {
		case strings.Contains(c.target, "short"):
			want = short
		case strings.Contains(c.target, "enough"):
			want = enough
		}
		if got != want || (r.Header.Get("content-encoding") == "gzip") != c.zipped {
			t.Errorf("%s with %q: %d %v %.40q", c.target, c.accept, r.StatusCode, r.Header, got)
		}
	}

	// Request bodies are plain before anything is done to them, and counted so.
	for _, c := range []struct {
		host, target, body string
		encoding           string
		status             int
		got                string
	}{
		{host, "/v1/proxy", zipped(t, "payload of some length"), "gzip", 200, "PAYLOAD OF"},
		{host, "/v1/proxy", "plain text", "identity", 200, "PLAIN TEXT"},
		{host, "/v1/proxy", zipped(t, "payload"), "br", 415, ""},
		{host, "/v1/proxy", "payload", "gzip, br", 415, ""},
		{host, "/v1/small", zipped(t, strings.Repeat("a", 1000)), "gzip", 200, "AAAAAAAAAA"},
		{host, "/v1/small", zipped(t, strings.Repeat("a", 1001)), "gzip", 413, ""},
		{host, "/v1/proxy", zipped(t, numbers(10<<20+1)), "gzip", 413, ""},
		{off, "/v1/proxy", "payload of some length", "br", 200, "PAYLOAD OF"},
	} {
		r := g.request("POST", c.host, c.target, c.body, "Content-Encoding", c.encoding, "Cache-Control", "no-transform")
		if r.StatusCode != c.status || r.Header.Get("x-got") != c.got || c.status == 415 && r.body != `{"message":"Unsupported Media Type"}` {
			t.Errorf("%s %s of %d bytes: %d %v %.100s", c.target, c.encoding, len(c.body), r.StatusCode, r.Header, r.body)
		}
		if c.status == 200 && r.Header.Get("x-encoding") != "" {
			t.Errorf("%s: the backend was told %q", c.target, r.Header.Get("x-encoding"))
		}
	}
	if r := g.request("POST", host, "/v1/mapped", zipped(t, "payload"), "Content-Encoding", "gzip"); r.StatusCode != 200 || r.body != long {
		t.Errorf("mapped: %d %q", r.StatusCode, r.body)
	}
	// Envoy lets the request go on, with as much as it could read; never with the rest.
	if r := g.request("POST", host, "/v1/proxy", "not gzip at all", "Content-Encoding", "gzip"); r.Header.Get("x-got") != "" {
		t.Errorf("a body that is no gzip: %d %v", r.StatusCode, r.Header)
	}
}

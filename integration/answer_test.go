package integration_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/lambda"
	"gatehouse/internal/wire"
)

const (
	restError = `{"message":"Internal server error"}`
	httpError = `{"message":"Internal Server Error"}`
)

// What results of functions of REST APIs become, as recorded against Amazon's gateway.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format
func TestRESTResults(t *testing.T) {
	s := newService(t)
	s.serve(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x")}}))
	for result, c := range map[string]struct {
		status int
		body   string
		header string // "Name: v1|v2"; !Name for one that must not be there
	}{
		`{}`: {200, "", "Content-Type: application/json"},
		`{"statusCode":201,"headers":{"x-a":"1"},"body":"text"}`: {201, "text", "X-A: 1"},
		`{"statusCode":"201"}`:     {201, "", ""},
		`{"headers":{"x-a":"1"}}`:  {200, "", "X-A: 1"},
		`{"headers":{"x-a":true}}`: {200, "", "X-A: true"},
		`{"headers":null,"multiValueHeaders":null,"body":null,"isBase64Encoded":null,"statusCode":null}`: {200, "", ""},
		`{"headers":{"X-A":"3"},"multiValueHeaders":{"x-a":["1","2"]}}`:                                  {200, "", "X-A: 1|2|3"},
		`{"headers":{"Set-Cookie":"a=1","set-cookie":"b=2"}}`:                                            {200, "", "Set-Cookie: a=1|b=2"},
		`{"headers":{"Content-Type":"text/html"},"body":"<p>"}`:                                          {200, "<p>", "Content-Type: text/html"},
		`{"headers":{"Date":"today"}}`:                                                                   {200, "", "X-Amzn-Remapped-Date: today"},
		`{"headers":{"Server":"mine"}}`:                                                                  {200, "", "X-Amzn-Remapped-Server: mine"},
		`{"headers":{"content-length":"99"},"body":"abc"}`:                                               {200, "abc", "X-Amzn-Remapped-Content-Length: 99"},
		`{"headers":{"connection":"close"}}`:                                                             {200, "", "X-Amzn-Remapped-Connection: close"},
		`{"headers":{"WWW-Authenticate":"Basic"},"statusCode":401}`:                                      {401, "", "X-Amzn-Remapped-Www-Authenticate: Basic"},
		`{"headers":{"Transfer-Encoding":"chunked"}}`:                                                    {200, "", "!Transfer-Encoding"},
		`{"headers":{"Upgrade":"h2c"}}`:                                                                  {200, "", "!Upgrade"},
		`{"headers":{"x-gw-reply":"THROTTLED"}}`:                                                         {200, "", "!X-Gw-Reply"},
		`{"body":"aGk=","isBase64Encoded":true}`:                                                         {200, "aGk=", ""},
		`{"statusCode":204}`:                                                                             {204, "", ""},
		`{"statusCode":304,"body":"x"}`:                                                                  {304, "", ""},
		`{"statusCode":200,"more":1}`:                                                                    {502, restError, "X-Amzn-Errortype: InternalServerErrorException"},
		`{"statuscode":200}`:                                                                             {502, restError, ""},
		`{"cookies":["a=1"]}`:                                                                            {502, restError, ""},
		`{"statusCode":"2xx"}`:                                                                           {502, restError, ""},
		`{"statusCode":200.5}`:                                                                           {502, restError, ""},
		`{"statusCode":2e2}`:                                                                             {502, restError, ""},
		`{"statusCode":101}`:                                                                             {502, restError, ""},
		`{"statusCode":600}`:                                                                             {502, restError, ""},
		`{"statusCode":-200}`:                                                                            {502, restError, ""},
		`{"statusCode":"+200"}`:                                                                          {502, restError, ""},
		`{"statusCode":[]}`:                                                                              {502, restError, ""},
		`{"headers":{"x-a":1}}`:                                                                          {502, restError, ""},
		`{"headers":{"x-a":null}}`:                                                                       {502, restError, ""},
		`{"headers":{"x-a":{}}}`:                                                                         {502, restError, ""},
		`{"headers":["x-a"]}`:                                                                            {502, restError, ""},
		`{"headers":{"x a":"1"}}`:                                                                        {502, restError, ""},
		`{"headers":{"":"1"}}`:                                                                           {502, restError, ""},
		`{"headers":{"x-a":"1\r\nX-B: 2"}}`:                                                              {502, restError, "!X-B"},
		`{"headers":{":status":"204"}}`:                                                                  {502, restError, ""},
		`{"multiValueHeaders":{"x-a":"1"}}`:                                                              {502, restError, ""},
		`{"multiValueHeaders":{"x-a":[1]}}`:                                                              {502, restError, ""},
		`{"multiValueHeaders":{"x-a":null}}`:                                                             {502, restError, ""},
		`{"multiValueHeaders":[]}`:                                                                       {502, restError, ""},
		`{"body":{"a":1}}`:                                                                               {502, restError, ""},
		`{"body":1}`:                                                                                     {502, restError, ""},
		`{"isBase64Encoded":"true"}`:                                                                     {502, restError, ""},
		`"text"`:                                                                                         {502, restError, ""},
		`[]`:                                                                                             {502, restError, ""},
		`null`:                                                                                           {502, restError, ""},
		``:                                                                                               {502, restError, ""},
		`<html>`:                                                                                         {502, restError, ""},
		`{"body":"a"`:                                                                                    {502, restError, ""},
		`{"body":"` + strings.Repeat("\\u00e9", 1000) + `"}`:                                             {200, strings.Repeat("é", 1000), ""},
		strings.Repeat(`{"body":`, 20_000):                                                               {502, restError, ""},
	} {
		s.lambdas.call = returning(result)
		r := s.ask("GET /x", "GET", "/v1/x", "")
		shown := result[:min(len(result), 100)]
		if r.StatusCode != c.status || r.body != c.body {
			t.Errorf("%s: %d %q, want %d %q", shown, r.StatusCode, r.body, c.status, c.body)
		}
		checkHeader(t, shown, r, c.header)
	}
}

func checkHeader(t *testing.T, name string, r response, want string) {
	t.Helper()
	if absent, ok := strings.CutPrefix(want, "!"); ok {
		if r.Header.Values(absent) != nil {
			t.Errorf("%s: %v", name, r.Header)
		}
		return
	}
	if want == "" {
		return
	}
	header, values, _ := strings.Cut(want, ": ")
	if got := r.Header.Values(header); !slices.Equal(got, strings.Split(values, "|")) {
		t.Errorf("%s: %s is %q", name, header, got)
	}
}

// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html#http-api-develop-integrations-lambda.response
func TestHTTPResults(t *testing.T) {
	s := newService(t)
	s.serve(snapshot(gateway.HTTP, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/1"), lambdaRoute("GET", "/2", version2)}}))
	type outcome struct {
		status int
		body   string
		header string
	}
	bad := outcome{500, httpError, "Content-Type: application/json"}
	for result, want := range map[string][2]outcome{ // by format
		`{"statusCode":201,"headers":{"x-a":"1"},"body":"hi"}`:            {{201, "hi", "X-A: 1"}, {201, "hi", "X-A: 1"}},
		`{"statusCode":200,"body":"hi"}`:                                  {{200, "hi", "Content-Type: text/plain;charset=utf-8"}, {200, "hi", "Content-Type: text/plain;charset=utf-8"}},
		`{"statusCode":200,"cookies":["a=1","b=2"]}`:                      {{200, "", "!Set-Cookie"}, {200, "", "Set-Cookie: a=1|b=2"}},
		`{"statusCode":200,"multiValueHeaders":{"x-a":["1","2"]}}`:        {{200, "", "X-A: 1|2"}, {200, "", "!X-A"}},
		`{"statusCode":200,"headers":{"www-authenticate":"Basic"}}`:       {{200, "", "Www-Authenticate: Basic"}, {200, "", "Www-Authenticate: Basic"}},
		`{"statusCode":200,"headers":{"content-length":"7"},"body":"hi"}`: {{200, "hi", "Content-Length: 2"}, {200, "hi", "Content-Length: 2"}},
		`{"statusCode":200,"body":"aGk=","isBase64Encoded":true}`:         {{200, "hi", ""}, {200, "hi", ""}},
		`{"statusCode":200,"body":"%%%%","isBase64Encoded":true}`:         {bad, bad},
		`{"statusCode":200,"body":{"a":1}}`:                               {bad, bad},
		`{"statusCode":"abc"}`:                                            {bad, bad},
		`{"statusCode":99}`:                                               {bad, bad},
		`{"statusCode":200,"cookies":"a=1"}`:                              {{200, "", ""}, bad},
		`{"statusCode":200,"cookies":["a=1\nb"]}`:                         {{200, "", ""}, bad},
		`{"statusCode":200,"headers":{"x-n":1}}`:                          {bad, {200, "", "X-N: 1"}},
		`{"message":"hello"}`:                                             {bad, {200, `{"message":"hello"}`, "Content-Type: application/json"}},
		`"hello"`:                                                         {bad, {200, "hello", "Content-Type: application/json"}},
		` [1, 2] `:                                                        {bad, {200, "[1, 2]", "Content-Type: application/json"}},
		`null`:                                                            {bad, {200, "null", "Content-Type: application/json"}},
		``:                                                                {bad, bad},
		`<html>`:                                                          {bad, bad},
		`{"a":`:                                                           {bad, bad},
	} {
		s.lambdas.call = returning(result)
		for i, want := range want {
			r := s.ask(fmt.Sprintf("GET /%d", i+1), "GET", fmt.Sprintf("/v1/%d", i+1), "")
			if r.StatusCode != want.status || r.body != want.body {
				t.Errorf("%d.0 %s: %d %q, want %d %q", i+1, result, r.StatusCode, r.body, want.status, want.body)
			}
			checkHeader(t, result, r, want.header)
		}
	}
}

// A REST API decodes base64 where the first thing that the client accepts is binary.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
func TestBase64Answers(t *testing.T) {
	for _, c := range []struct {
		types, accept, body, want string
		status                    int
	}{
		{"", "image/png", "aGk=", "aGk=", 200},
		{"image/png", "image/png", "aGk=", "hi", 200},
		{"image/png", "image/PNG;q=0.5, text/html", "aGk=", "hi", 200},
		{"image/png", "text/html, image/png", "aGk=", "aGk=", 200},
		{"image/png", "*/*", "aGk=", "aGk=", 200},
		{"*/*", "text/html", "aGk=", "hi", 200},
		{"*/*", "", "aGk=", "hi", 200},
		{"*/*", "*/*", "not base64", restError, 500},
		{"*/*", "*/*", "aGk", restError, 500},
	} {
		s := newService(t)
		d := &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x")}}
		if c.types != "" {
			d.BinaryMediaTypes = []string{c.types}
		}
		s.serve(snapshot(gateway.REST, d))
		s.lambdas.call = returning(`{"isBase64Encoded":true,"body":"` + c.body + `"}`)
		r := s.ask("GET /x", "GET", "/v1/x", "", "Accept", c.accept)
		if r.StatusCode != c.status || r.body != c.want {
			t.Errorf("%+v: %d %q", c, r.StatusCode, r.body)
		}
	}
}

// HEAD has no body, whatever the function says.
func TestHead(t *testing.T) {
	s := newService(t)
	s.serve(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("HEAD", "/x")}}))
	s.lambdas.call = returning(`{"body":"text"}`)
	if r := s.ask("HEAD /x", "HEAD", "/v1/x", ""); r.StatusCode != 200 || r.body != "" || r.ContentLength != 4 {
		t.Errorf("%d %q %d", r.StatusCode, r.body, r.ContentLength)
	}
}

func refusedWith(status int) error {
	return &lambda.RefusedError{Status: status}
}

// Functions that do not answer.
// See https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#services-apigateway-errors
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		err        error
		rest, http int
		httpBody   string
		reply      string
	}{
		"function error":  {&lambda.FunctionError{Type: "Error", Message: "secret-of-the-function"}, 502, 500, httpError, wire.ReplyMalformed},
		"too large":       {lambda.ErrTooLarge, 502, 500, httpError, wire.ReplyMalformed},
		"no such":         {refusedWith(404), 500, 500, httpError, "INTEGRATION_FAILURE"},
		"no permission":   {refusedWith(403), 500, 500, httpError, "INTEGRATION_FAILURE"},
		"another refusal": {refusedWith(400), 502, 500, httpError, wire.ReplyMalformed},
		"Lambda fails":    {refusedWith(500), 500, 500, httpError, "INTEGRATION_FAILURE"},
		"throttled":       {refusedWith(429), 500, 503, `{"message":"Service Unavailable"}`, "INTEGRATION_FAILURE"},
		"event too large": {refusedWith(413), 413, 413, `{"message":"Request Entity Too Large"}`, "REQUEST_TOO_LARGE"},
		"unreachable":     {errors.New("connection refused"), 500, 500, httpError, "INTEGRATION_FAILURE"},
	} {
		for _, custom := range []bool{false, true} {
			s := newService(t)
			d := &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x")}}
			if custom {
				d.GatewayResponses = []gateway.GatewayResponse{{Type: gateway.Default5XX}, {Type: gateway.Default4XX}}
			}
			s.serve(snapshot(gateway.REST, d))
			s.lambdas.call = failing(c.err)
			r := s.ask("GET /x", "GET", "/v1/x", "")
			reply := ""
			if custom {
				reply = c.reply
			}
			if r.StatusCode != c.rest || r.Header.Get("X-Amzn-Errortype") == "" || r.Header.Get(wire.ReplyHeader) != reply {
				t.Errorf("%s: %d %v %s", name, r.StatusCode, r.Header, r.body)
			}
			if strings.Contains(s.log.String(), "secret-of-the-function") {
				t.Error(s.log)
			}
		}
		s := newService(t)
		s.serve(snapshot(gateway.HTTP, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x", version2)}}))
		s.lambdas.call = failing(c.err)
		if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != c.http || r.body != c.httpBody {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
}

// A client that leaves ends the call of the function.
func TestClientLeaves(t *testing.T) {
	s := newService(t)
	s.serve(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x")}}))
	called, ended := make(chan bool, 1), make(chan bool, 1)
	s.lambdas.call = func(ctx context.Context, _ lambda.Target, _ []byte) ([]byte, error) {
		called <- true
		<-ctx.Done()
		ended <- true
		return nil, ctx.Err()
	}
	ctx, leave := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", s.url+"/v1/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(wire.RouteHeader, wire.RouteIdentity{API: "a", Stage: "v1", Base: "/v1", Route: "GET /x"}.String())
	go func() {
		<-called
		leave()
	}()
	if _, err := s.http.Do(r); err == nil {
		t.Error("there is an answer")
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the call goes on")
	}
}

// Events larger than Lambda takes are not sent, and bodies that are too large are not read.
func TestLargeBodies(t *testing.T) {
	s := newService(t)
	s.serve(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("POST", "/x")}}))
	for size, want := range map[int]int{5 << 20: 200, 6 << 20: 413, 11 << 20: 413} {
		if r := s.ask("POST /x", "POST", "/v1/x", strings.Repeat("a", size)); r.StatusCode != want {
			t.Errorf("%d bytes: %d", size, r.StatusCode)
		}
	}
	if n := len(s.lambdas.events); n != 1 {
		t.Errorf("%d calls", n)
	}
}

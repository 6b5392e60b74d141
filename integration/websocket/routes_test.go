package websocket_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/lambda"
)

func newBufio(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }

const lambdaRoutes = `
$connect: {integration: {type: AWS_PROXY, uri: hear}}
$disconnect: {integration: {type: AWS_PROXY, uri: hear}}
$default: {integration: {type: AWS_PROXY, uri: hear}, routeResponseSelectionExpression: $default}
oneway: {integration: {type: AWS_PROXY, uri: hear}}
`

// TestEvents holds the events of functions to those that Amazon's documentation shows.
func TestEvents(t *testing.T) {
	f := start(t, chat(lambdaRoutes, "variables: {room: blue}"))
	f.functions.answer = func(_ context.Context, e map[string]any) ([]byte, error) {
		return []byte(`{"statusCode": 200, "body": "heard", "headers": {"Sec-WebSocket-Protocol": "two"}}`), nil
	}
	header := http.Header{"X-Request-Id": {"11111111-2222-3333-4444-555555555555"}, "X-Multi": {"1", "2"}, "User-Agent": {"test/1"}, "x-gw-authorizer": {`{"principalId": "u7", "n": "1"}`}}
	c, err := f.dial(t, "/v1?a=1&a=2%20&b", header, "one", "two")
	if err != nil {
		t.Fatal(err)
	}
	if c.protocol != "two" {
		t.Errorf("the protocol is %q", c.protocol)
	}
	c.say("no JSON")
	if got := c.hear(); got != "heard" {
		t.Errorf("heard %q", got)
	}
	_ = c.Close()
	f.functions.wait(t, "DISCONNECT", 1)

	identifier := regexp.MustCompile(`"[A-Za-z0-9_-]{15}="`)
	times := regexp.MustCompile(`\d{2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000`)
	epochs := regexp.MustCompile(`:\d{13}\b`)
	port := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	forwarded := regexp.MustCompile(`(X-Forwarded-Port":\[?)"\d+"`)
	key := regexp.MustCompile(`"[A-Za-z0-9+/]{22}=="`)
	var got []string
	for _, raw := range f.functions.raw {
		text := identifier.ReplaceAllString(string(raw), `"ID"`)
		text = port.ReplaceAllString(key.ReplaceAllString(text, `"KEY"`), "HOST:PORT")
		text = forwarded.ReplaceAllString(text, `$1"PORT"`)
		got = append(got, epochs.ReplaceAllString(times.ReplaceAllString(text, "TIME"), ":EPOCH"))
	}
	want := []string{
		`{"headers":{"Host":"HOST:PORT","Sec-WebSocket-Key":"KEY","Sec-WebSocket-Protocol":"one, two","Sec-WebSocket-Version":"13","User-Agent":"test/1","X-Forwarded-Port":"PORT","x-multi":"2"},` +
			`"multiValueHeaders":{"Host":["HOST:PORT"],"Sec-WebSocket-Key":["KEY"],"Sec-WebSocket-Protocol":["one, two"],"Sec-WebSocket-Version":["13"],"User-Agent":["test/1"],"X-Forwarded-Port":["PORT"],"x-multi":["1","2"]},` +
			`"queryStringParameters":{"a":"2 ","b":""},"multiValueQueryStringParameters":{"a":["1","2 "],"b":[""]},"stageVariables":{"room":"blue"},` +
			`"requestContext":{"routeKey":"$connect","authorizer":{"n":"1","principalId":"u7"},"eventType":"CONNECT","extendedRequestId":"11111111-2222-3333-4444-555555555555","requestTime":"TIME",` +
			`"messageDirection":"IN","stage":"v1","connectedAt":EPOCH,"requestTimeEpoch":EPOCH,"identity":{"userAgent":"test/1","sourceIp":"203.0.113.9"},"requestId":"11111111-2222-3333-4444-555555555555",` +
			`"domainName":"127.0.0.1","connectionId":"ID","apiId":"chat"},"isBase64Encoded":false}`,
		`{"stageVariables":{"room":"blue"},"requestContext":{"routeKey":"$default","messageId":"ID","authorizer":{"n":"1","principalId":"u7"},"eventType":"MESSAGE","extendedRequestId":"ID","requestTime":"TIME",` +
			`"messageDirection":"IN","stage":"v1","connectedAt":EPOCH,"requestTimeEpoch":EPOCH,"identity":{"userAgent":"test/1","sourceIp":"203.0.113.9"},"requestId":"ID",` +
			`"domainName":"127.0.0.1","connectionId":"ID","apiId":"chat"},"body":"no JSON","isBase64Encoded":false}`,
		`{"headers":{"Host":"127.0.0.1","X-Forwarded-For":"","x-api-key":"","x-restapi":""},"multiValueHeaders":{"Host":["127.0.0.1"],"X-Forwarded-For":[""],"x-api-key":[""],"x-restapi":[""]},` +
			`"stageVariables":{"room":"blue"},"requestContext":{"routeKey":"$disconnect","disconnectStatusCode":1006,"authorizer":{"n":"1","principalId":"u7"},"eventType":"DISCONNECT","extendedRequestId":"ID","requestTime":"TIME",` +
			`"messageDirection":"IN","disconnectReason":"","stage":"v1","connectedAt":EPOCH,"requestTimeEpoch":EPOCH,"identity":{"userAgent":"test/1","sourceIp":"203.0.113.9"},"requestId":"ID",` +
			`"domainName":"127.0.0.1","connectionId":"ID","apiId":"chat"},"isBase64Encoded":false}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestConnectAnswers holds what clients read of what the integration of $connect says.
func TestConnectAnswers(t *testing.T) {
	type result struct {
		answer string
		err    error
		status int
		body   string
	}
	for _, c := range []result{
		{answer: `{"statusCode": 200}`},
		{answer: `{"statusCode": "204", "body": "not read"}`},
		{answer: `{"statusCode": 401, "body": "{\"who\": \"are you\"}"}`, status: 401, body: `{"who": "are you"}`},
		{answer: `{"statusCode": 403}`, status: 403, body: `Forbidden`},
		{answer: `{"statusCode": 302, "headers": {"Location": "/"}}`, status: 302, body: "Found"},
		{answer: `{}`, status: 502, body: "Internal server error"},
		{answer: `null`, status: 502, body: "Internal server error"},
		{answer: `garbage`, status: 502, body: "Internal server error"},
		{answer: `{"statusCode": 99}`, status: 502, body: "Internal server error"},
		{answer: `{"statusCode": 200, "body": {"a": 1}}`, status: 502, body: "Internal server error"},
		{answer: `{"statusCode": 200, "body": "?", "isBase64Encoded": true}`, status: 502, body: "Internal server error"},
		{err: &lambda.FunctionError{Type: "E"}, status: 502, body: "Internal server error"},
		{err: errors.New("no permission"), status: 500, body: "Internal server error"},
		{err: context.DeadlineExceeded, status: 504, body: "Endpoint request timed out"},
	} {
		f := start(t, chat(`$connect: {integration: {type: AWS_PROXY, uri: hear, timeout: 50ms}}`))
		f.functions.answer = func(ctx context.Context, _ map[string]any) ([]byte, error) {
			if errors.Is(c.err, context.DeadlineExceeded) {
				<-ctx.Done()
			}
			return []byte(c.answer), c.err
		}
		_, err := f.dial(t, "/v1", nil)
		var got *refused
		switch {
		case c.status == 0 && err != nil:
			t.Errorf("%s %v: %v", c.answer, c.err, err)
		case c.status != 0 && !errors.As(err, &got):
			t.Errorf("%s %v: connected, or %v", c.answer, c.err, err)
		case c.status != 0 && (got.status != c.status || !strings.Contains(got.body, c.body)):
			t.Errorf("%s %v: %d %s", c.answer, c.err, got.status, got.body)
		case c.status >= 500 && !regexp.MustCompile(`^\{"message":"[^"]+","connectionId":"[\w-]{15}=","requestId":"[^"]+"\}$`).MatchString(got.body):
			t.Errorf("%s %v: the body is %s", c.answer, c.err, got.body)
		}
	}
}

// TestHandshakes holds what is no handshake.
func TestHandshakes(t *testing.T) {
	f := start(t, chat(lambdaRoutes))
	good := http.Header{"Upgrade": {"websocket"}, "Connection": {"keep-alive, Upgrade"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {base64.StdEncoding.EncodeToString(make([]byte, 16))}}
	for _, c := range []struct {
		name, header, value string
		path                string
		status              int
	}{
		{"as it should be", "", "", "/v1", 101},
		{"no upgrade", "Upgrade", "", "/v1", 426},
		{"another protocol", "Upgrade", "h2c", "/v1", 426},
		{"no connection", "Connection", "keep-alive", "/v1", 426},
		{"another version", "Sec-Websocket-Version", "8", "/v1", 426},
		{"no key", "Sec-WebSocket-Key", "", "/v1", 400},
		{"a short key", "Sec-WebSocket-Key", "AAAA", "/v1", 400},
		{"no such stage", "", "", "/v2", 403},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", f.http.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = good.Clone()
		if c.header != "" {
			if r.Header.Del(c.header); c.value != "" {
				r.Header.Set(c.header, c.value)
			}
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", c.name, response.StatusCode, c.status)
		}
	}
	if n := len(f.functions.of("CONNECT")); n != 1 {
		t.Errorf("$connect was called %d times", n)
	}
}

// TestRouting holds which route a message takes, and what becomes of its answer.
func TestRouting(t *testing.T) {
	routes := strings.Replace(lambdaRoutes, "$default:", "say/loud:", 1) + `
"42": {integration: {type: AWS_PROXY, uri: hear}, routeResponseSelectionExpression: $default}
`
	text := strings.Replace(chat(routes), "$request.body.action", `$${request.body.do.what}`, 1)
	text = strings.Replace(text, "$${request.body.do.what}", "${request.body.do.what}${request.body.how}", 1)
	f := start(t, text)
	f.functions.answer = func(_ context.Context, e map[string]any) ([]byte, error) {
		c := e["requestContext"].(map[string]any)
		return fmt.Appendf(nil, `{"statusCode": 200, "body": "%s"}`, c["routeKey"]), nil
	}
	c := f.connect(t)
	for _, m := range []struct{ text, want string }{
		{`{"do": {"what": "say/"}, "how": "loud"}`, "say/loud"},
		{`{"do": {"what": 42}}`, "42"},
		{`{"do": {"what": "42"}}`, "42"},
		{`{"do": {"what": ["42"]}}`, ""},
		{`{"do": 42}`, ""},
		{`{"do": {"what": "$connect"}}`, ""},
		{`{"do": {"what": "$disconnect"}}`, ""},
		{`{"do": {"what": "say/"}, "how": "loud"`, ""},
		{`42`, ""},
		{``, ""},
	} {
		c.say(m.text)
		if m.want != "" {
			if got := c.hear(); got != m.want {
				t.Errorf("%s: heard %s", m.text, got)
			}
			continue
		}
		e := c.hearError()
		if e.Message != "Forbidden" || e.ConnectionID != idOf(f.functions.of("CONNECT")[0]) || len(e.RequestID) != 16 {
			t.Errorf("%s: %+v", m.text, e)
		}
	}
	c.say(`{"do": {"what": "oneway"}}`)
	c.say(`{"do": {"what": "42"}}`)
	f.functions.wait(t, "MESSAGE", 5)
	if got := c.hear(); got != "42" {
		t.Errorf("after a message that nobody answers: %s", got)
	}
}

// TestFailures holds what clients are told of integrations that fail.
func TestFailures(t *testing.T) {
	f := start(t, chat(`$default: {integration: {type: AWS_PROXY, uri: hear}}
reply: {integration: {type: AWS_PROXY, uri: hear, timeout: 50ms}, routeResponseSelectionExpression: $default}`))
	c := f.connect(t)
	for _, x := range []struct {
		message, answer string
		err             error
		want            string
	}{
		{`{"action": "reply"}`, `{"statusCode": 200, "body": "` + strings.Repeat("x", 128<<10) + `"}`, nil, ""},
		{`{"action": "reply"}`, `{"statusCode": 500, "body": "an answer all the same"}`, nil, ""},
		{`{"action": "reply"}`, `{"statusCode": 200, "body": "` + strings.Repeat("x", 128<<10+1) + `"}`, nil, "Internal server error"},
		{`{"action": "reply"}`, `{"statusCode": 200, "body": "/w==", "isBase64Encoded": true}`, nil, "Internal server error"},
		{`{"action": "reply"}`, `null`, nil, "Internal server error"},
		{`{"action": "reply"}`, ``, context.DeadlineExceeded, "Endpoint request timed out"},
		{`{"action": "oneway"}`, ``, errors.New("down"), "Internal server error"},
	} {
		f.functions.mu.Lock()
		f.functions.answer = func(ctx context.Context, _ map[string]any) ([]byte, error) {
			if errors.Is(x.err, context.DeadlineExceeded) {
				<-ctx.Done()
			}
			return []byte(x.answer), x.err
		}
		f.functions.mu.Unlock()
		c.say(x.message)
		got := c.hear()
		if x.want == "" && !strings.Contains(x.answer, got) || x.want != "" && !strings.Contains(got, `"message":"`+x.want+`"`) {
			t.Errorf("%s: heard %.100s", x.message, got)
		}
	}
}

// TestHTTP holds what backends are asked by HTTP_PROXY and HTTP integrations.
func TestHTTP(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		line := r.Method + " " + r.RequestURI
		for _, name := range []string{"Content-Type", "User-Agent", "X-Amzn-Apigateway-Api-Id", "X-Id", "X-Route", "X-Client", "X-Who", "Sec-WebSocket-Key", "Upgrade", "X-Gw-Api"} {
			if v := r.Header.Get(name); v != "" && name != "X-Id" {
				line += " " + name + ":" + v
			} else if len(v) == 16 {
				line += " X-Id"
			}
		}
		mu.Lock()
		asked = append(asked, line+" "+string(body))
		mu.Unlock()
		if strings.Contains(r.RequestURI, "/refuse") {
			w.WriteHeader(http.StatusForbidden)
		}
		io.WriteString(w, "backend heard "+string(body))
	}))
	defer backend.Close()
	routes := strings.ReplaceAll(`
$connect:
  integration:
    type: HTTP_PROXY
    uri: BACKEND/connect/{who}?fixed=1
    requestParameters:
      integration.request.path.who: route.request.querystring.who
      integration.request.header.X-Id: context.connectionId
      integration.request.header.X-Who: context.authorizer.principalId
$disconnect: {integration: {type: HTTP_PROXY, uri: BACKEND/gone, httpMethod: GET, requestParameters: {integration.request.querystring.code: context.disconnectStatusCode}}}
$default:
  routeResponseSelectionExpression: $default
  integration:
    type: HTTP_PROXY
    uri: BACKEND/${stageVariables.path}
    requestParameters: {integration.request.header.X-Route: context.routeKey, integration.request.header.X-Client: "'constant'"}
custom:
  routeResponseSelectionExpression: $default
  integration:
    type: HTTP
    httpMethod: PUT
    uri: BACKEND/{kind}?q={kind}
    requestParameters: {integration.request.path.kind: route.request.body.kind}
    templateSelectionExpression: $request.body.kind
    requestTemplates: {a b: '{"made": "of a template"}'}
    responseSelectionExpression: $integration.response.statuscode
    responses: {"/4../": {responseTemplates: {$default: '{"refused": true}'}}}
`, "BACKEND", backend.URL)
	f := start(t, chat(routes, "variables: {path: messages}"))
	if _, err := f.dial(t, "/v1?who=refuse", nil); !errors.As(err, new(*refused)) || err.(*refused).status != 403 || err.(*refused).body != "backend heard " {
		t.Errorf("refused: %v", err)
	}
	c, err := f.dial(t, "/v1?who=a/b&c=d", http.Header{"X-Client": {"of the client"}, "x-gw-authorizer": {`{"principalId": "u7"}`}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct{ say, hear string }{
		{`plain`, "backend heard plain"},
		{`{"action": "custom", "kind": "a b"}`, `backend heard {"made": "of a template"}`},
		{`{"action": "custom", "kind": "refuse"}`, `{"refused": true}`},
		{`{"action": "custom", "kind": ".."}`, `backend heard {"action": "custom", "kind": ".."}`},
	} {
		c.say(m.say)
		if got := c.hear(); got != m.hear {
			t.Errorf("%s: heard %s", m.say, got)
		}
	}
	c.frame(8, true, []byte{0x0f, 0xa0})
	eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(asked) == 7 }, "no $disconnect came")
	mu.Lock()
	defer mu.Unlock()
	sent := " User-Agent:AmazonAPIGateway_chat X-Amzn-Apigateway-Api-Id:chat"
	want := []string{
		"POST /connect/refuse?fixed=1&who=refuse" + sent + " X-Id X-Who: ",
		"POST /connect/a%2Fb?fixed=1&who=a/b&c=d" + sent + " X-Id X-Client:of the client X-Who:u7 ",
		"POST /messages Content-Type:text/plain; charset=utf-8" + sent + " X-Route:$default X-Client:constant plain",
		"PUT /a%20b?q=a+b Content-Type:application/json" + sent + ` {"made": "of a template"}`,
		"PUT /refuse?q=refuse Content-Type:application/json" + sent + ` {"action": "custom", "kind": "refuse"}`,
		"PUT /%2E%2E?q=.. Content-Type:application/json" + sent + ` {"action": "custom", "kind": ".."}`,
		"GET /gone?code=4000" + sent + " ",
	}
	want[0] = strings.Replace(want[0], " X-Who:", "", 1)
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("the backend was asked (-want +got):\n%s", diff)
	}
}

// TestMock holds that MOCK integrations answer by their templates.
func TestMock(t *testing.T) {
	f := start(t, chat(`
$connect: {integration: {type: MOCK, requestTemplates: {$default: '{"statusCode": 200}'}}}
$default:
  routeResponseSelectionExpression: $default
  integration:
    type: MOCK
    templateSelectionExpression: $request.body.kind
    requestTemplates: {$default: '{"statusCode": 200}', bad: '{"statusCode": 404}', broken: 'no'}
    responseSelectionExpression: $integration.response.statuscode
    responses: {"404": {responseTemplates: {$default: '{"found": false}'}}, $default: {responseTemplates: {$default: '{"found": true}'}}}
`))
	c := f.connect(t)
	for say, hear := range map[string]string{`{}`: `{"found": true}`, `{"kind": "bad"}`: `{"found": false}`, `no JSON`: `{"found": true}`} {
		c.say(say)
		if got := c.hear(); got != hear {
			t.Errorf("%s: heard %s", say, got)
		}
	}
	c.say(`{"kind": "broken"}`)
	if e := c.hearError(); e.Message != "Internal server error" {
		t.Errorf("a broken template: %+v", e)
	}
	refusing := start(t, chat(`$connect: {integration: {type: MOCK, requestTemplates: {$default: '{"statusCode": 401}'}}}`))
	if _, err := refusing.dial(t, "/v1", nil); !errors.As(err, new(*refused)) || err.(*refused).status != 401 {
		t.Errorf("refused: %v", err)
	}
}

package websocket_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/extauthz/sigv4"
)

// TestBackends holds that what a definition says of a backend counts for the integrations of
// WebSocket APIs, whether a VPC link or the host of the URI names it.
func TestBackends(t *testing.T) {
	var asked, failing atomic.Int64
	endpoint := func(name string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if failing.Add(-1) >= 0 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			body, _ := io.ReadAll(r.Body)
			io.WriteString(w, name+" "+r.Host+r.RequestURI+" "+string(body))
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	a, b := endpoint("a"), endpoint("b")
	f := start(t, chat(`
linked:
  routeResponseSelectionExpression: $default
  integration: {type: HTTP, uri: "http://pets.internal:81/${stageVariables.path}", connectionType: VPC_LINK, connectionId: pets, requestTemplates: {$default: made}}
$default:
  routeResponseSelectionExpression: $default
  integration: {type: HTTP_PROXY, uri: "http://by.host/y"}
nowhere:
  integration: {type: HTTP_PROXY, uri: "http://gone.host/"}
`, "variables: {path: x}")+`backends:
  - {name: pets, hosts: [by.host], endpoints: ["`+a+`", "`+b+`"], retry: {attempts: 2}}
  - {name: gone, hosts: [gone.host], endpoints: ["127.0.0.1:1"]}
`)
	c := f.connect(t)
	heard := map[string]bool{}
	for range 2 {
		c.say(`{"action": "linked"}`)
		heard[c.hear()] = true
	}
	if !heard["a pets.internal:81/x made"] || !heard["b pets.internal:81/x made"] {
		t.Errorf("both endpoints in turn: %v", heard)
	}
	asked.Store(0)
	failing.Store(2)
	c.say("plain")
	if got := c.hear(); !strings.HasSuffix(got, " by.host/y plain") || asked.Load() != 3 {
		t.Errorf("after two tries that failed: %s, %d tries", got, asked.Load())
	}
	c.say(`{"action": "nowhere"}`)
	if got := c.hear(); !strings.HasPrefix(got, `{"message":"Internal server error"`) {
		t.Errorf("nobody there: %s", got)
	}
}

// TestServiceSignatures holds calls of services to what AWS's own verification asks for, and
// a service that hangs, or answers more than there is room for, to Amazon's errors.
func TestServiceSignatures(t *testing.T) {
	keys := map[string]*sigv4.Credential{"AKIDOWN": {Secret: "own-secret"}}
	verifier, err := sigv4.New(sigv4.Options{Service: "sqs", Lookup: func(_ context.Context, id string) (*sigv4.Credential, error) { return keys[id], nil }})
	if err != nil {
		t.Fatal(err)
	}
	hang := make(chan struct{})
	amazon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch string(body) {
		case "Action=Hang":
			<-hang
			return
		case "Action=Flood":
			_, _ = w.Write(make([]byte, 2<<20))
			return
		}
		request := sigv4.FromHTTP(r)
		request.Body = sigv4.BodyBytes(body)
		if _, err := verifier.Verify(r.Context(), &request, time.Now()); err != nil {
			t.Errorf("%s: %v", r.RequestURI, err)
		}
		if r.Header.Get("X-Gw-Api") != "" || r.Header.Get("Sec-Websocket-Key") != "" {
			t.Errorf("the client's headers: %v", r.Header)
		}
		io.WriteString(w, r.Method+" "+r.RequestURI+" "+r.Header.Get("Content-Type")+" "+string(body))
	}))
	t.Cleanup(amazon.Close)
	t.Cleanup(func() { close(hang) })
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SQS": amazon.URL, "AWS_ACCESS_KEY_ID": "AKIDOWN", "AWS_SECRET_ACCESS_KEY": "own-secret", "AWS_REGION": "eu-central-1", "AWS_SESSION_TOKEN": "",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": t.TempDir() + "/config", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/credentials",
	} {
		t.Setenv(name, value)
	}
	f := start(t, chat(`
$default:
  routeResponseSelectionExpression: $default
  integration:
    type: AWS
    timeout: 300ms
    uri: "arn:aws:apigateway:eu-west-1:sqs:path/1/{queue}?v={version}"
    requestParameters:
      integration.request.path.queue: route.request.body.queue
      integration.request.path.version: "'1 2'"
      integration.request.querystring.Who: context.routeKey
      integration.request.header.Content-Type: "'application/x-www-form-urlencoded'"
    requestTemplates: {$default: 'Action=$input.path("$.do")#if($input.path("$.elsewhere") == "yes")#set($context.requestOverride.path.queue = "other queue")#end'}
`))
	c := f.connect(t)
	for _, m := range []struct{ say, hear string }{
		{`{"queue": "a/b+ü", "do": "Send"}`, `POST /1/a%2Fb%2B%C3%BC?Who=%24default&v=1%202 application/x-www-form-urlencoded Action=Send`},
		{`{"queue": "a", "do": "Send", "elsewhere": "yes"}`, `POST /1/other%20queue?Who=%24default&v=1%202 application/x-www-form-urlencoded Action=Send`},
		{`{"queue": "..", "do": "Send"}`, `{"message":"Internal server error"`},
		{`{"queue": "a", "do": "Hang"}`, `{"message":"Endpoint request timed out"`},
		{`{"queue": "a", "do": "Flood"}`, `{"message":"Internal server error"`},
	} {
		c.say(m.say)
		if got := c.hear(); !strings.HasPrefix(got, m.hear) {
			t.Errorf("%s: heard %.200s, want %s", m.say, got, m.hear)
		}
	}
}

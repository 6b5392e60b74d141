package websocket_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTemplates holds what mapping templates make of messages and answers, and what they
// override.
func TestTemplates(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(r.URL.Path, "/connect") {
			io.WriteString(w, `{"allowed": `+r.URL.Query().Get("ok")+`}`)
			return
		}
		io.WriteString(w, `{"asked": "`+r.URL.RequestURI()+`", "header": "`+r.Header.Get("X-Made")+`", "of": `+string(body)+`}`)
	}))
	defer backend.Close()
	f := start(t, chat(strings.ReplaceAll(`
$connect:
  integration:
    type: HTTP
    uri: BACKEND/connect
    requestTemplates: {$default: "#set($context.requestOverride.querystring.ok = $input.params('ok')){}"}
    responses:
      $default: {responseTemplates: {$default: "#if($input.path('$.allowed') == 0)#set($context.responseOverride.status = 403){\"no\": \"entry\"}#end"}}
$default:
  routeResponseSelectionExpression: $default
  integration:
    type: HTTP
    uri: BACKEND/{room}
    requestParameters: {integration.request.path.room: "'none'", integration.request.header.X-Made: "'by a mapping'"}
    requestTemplates:
      $default: |
        #set($context.requestOverride.path.room = $input.path('$.room'))
        #set($context.requestOverride.header.X-Made = "by $context.routeKey of $stageVariables.env")
        {"text": $input.json('$.text'), "from": "$context.identity.sourceIp", "who": "$context.authorizer.principalId", "same": #if($context.connectionId.length() == 16)true#{else}false#end}
    responses: {$default: {responseTemplates: {$default: '$input.json("$")'}}}
broken:
  integration: {type: MOCK, requestTemplates: {$default: '{"statusCode": $input.path("$.status").substring(5)}'}}
`, "BACKEND", backend.URL), "variables: {env: test}"))
	var no *refused
	if _, err := f.dial(t, "/v1?ok=0", nil); !errors.As(err, &no) || no.status != 403 || no.body != `{"no": "entry"}` {
		t.Errorf("refused: %v", err)
	}
	c, err := f.dial(t, "/v1?ok=1", http.Header{"x-gw-authorizer": {`{"principalId": "u7"}`}})
	if err != nil {
		t.Fatal(err)
	}
	c.say(`{"room": "a b", "text": {"deep": [1, "x"]}}`)
	want := `{"asked":"/a%20b","header":"by $default of test","of":{"text":{"deep":[1,"x"]},"from":"203.0.113.9","who":"u7","same":true}}`
	if got := c.hear(); got != want {
		t.Errorf("heard %s, want %s", got, want)
	}
	c.say(`{"action": "broken", "status": "20"}`)
	if e := c.hearError(); e.Message != "Internal server error" {
		t.Errorf("a template that fails: %+v", e)
	}
}

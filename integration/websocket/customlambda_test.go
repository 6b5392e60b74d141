package websocket_test

import (
	"context"
	"errors"
	"testing"

	"gatehouse/internal/lambda"
)

// TestCustomFunction holds that a function that is no proxy is called with what a template
// makes, and that what it returns, or that it fails, chooses what the client is sent.
func TestCustomFunction(t *testing.T) {
	f := start(t, chat(`
$connect: {integration: {type: AWS, uri: hear, requestTemplates: {$default: '{"connecting": "$context.connectionId", "fail": "$input.params("fail")"}'}}}
$default:
  routeResponseSelectionExpression: $default
  integration:
    type: AWS
    uri: hear
    templateSelectionExpression: $request.body.kind
    requestTemplates: {sum: '{"sum": $input.json("$.of"), "route": "$context.routeKey"}', broken: 'no JSON'}
    responseSelectionExpression: $integration.response.header.X-Amz-Function-Error
    responses:
      "/.+/": {responseTemplates: {$default: '{"failed": "$input.path("$.errorMessage")"}'}}
      $default: {responseTemplates: {$default: '{"got": $input.json("$")}'}}
by-message:
  routeResponseSelectionExpression: $default
  integration:
    type: AWS
    uri: hear
    responseSelectionExpression: $integration.response.body.errorMessage
    responses: {"/no such .*/": {responseTemplates: {$default: '{"missing": true}'}}}
later:
  routeResponseSelectionExpression: $default
  integration:
    type: AWS
    uri: hear
    requestParameters: {integration.request.header.X-Amz-Invocation-Type: "'Event'"}
    responseSelectionExpression: $integration.response.statuscode
    responses: {"202": {responseTemplates: {$default: '{"later": true}'}}}
chosen:
  integration:
    type: AWS
    uri: hear
    requestTemplates: {$default: '#set($context.requestOverride.header.x-amz-invocation-type = "Event"){"chosen": true}'}
`))
	f.functions.answer = func(_ context.Context, event map[string]any) ([]byte, error) {
		switch {
		case event["fail"] == "yes", event["kind"] == "fail":
			return nil, &lambda.FunctionError{Type: "E", Message: "it's broken", Result: []byte(`{"errorMessage": "broken", "errorType": "E"}`)}
		case event["action"] == "by-message":
			return nil, &lambda.FunctionError{Message: "no such thing", Result: []byte(`{"errorMessage": "no such thing"}`)}
		case event["kind"] == "unreachable":
			return nil, errors.New("nobody there")
		case event["sum"] != nil:
			return []byte(`7`), nil
		}
		return []byte(`"done"`), nil
	}
	// A proxy's function would have let the client in, or not, by its status. This one has none.
	c := f.connect(t)
	if e := f.functions.events[0]; e["connecting"] == "" || len(e) != 2 {
		t.Errorf("$connect: %v", e)
	}
	if _, err := f.dial(t, "/v1?fail=yes", nil); !errors.As(err, new(*refused)) || err.(*refused).status != 502 {
		t.Errorf("a function that fails as a client connects: %v", err)
	}
	for _, m := range []struct{ say, hear string }{
		{`{"kind": "sum", "of": [3, 4]}`, `{"got": 7}`},
		{`{"kind": "other"}`, `{"got": "done"}`},
		{`{"kind": "fail"}`, `{"failed": "broken"}`},
		{`{"action": "by-message"}`, `{"missing": true}`},
		{`{"action": "later"}`, `{"later": true}`},
	} {
		c.say(m.say)
		if got := c.hear(); got != m.hear {
			t.Errorf("%s: heard %s, want %s", m.say, got, m.hear)
		}
	}
	for say, message := range map[string]string{`no JSON`: "Bad Request", `{"kind": "broken"}`: "Bad Request", `{"kind": "unreachable"}`: "Internal server error"} {
		c.say(say)
		if e := c.hearError(); e.Message != message {
			t.Errorf("%s: %+v", say, e)
		}
	}
	c.say(`{"action": "chosen"}`)
	eventually(t, func() bool { f.functions.mu.Lock(); defer f.functions.mu.Unlock(); return f.functions.started == 2 }, "the function was not started")
	f.functions.mu.Lock()
	defer f.functions.mu.Unlock()
	found := false
	for _, e := range f.functions.events {
		found = found || e["route"] == "$default" && len(e["sum"].([]any)) == 2
	}
	if !found {
		t.Errorf("no event was made by the template: %v", f.functions.events)
	}
}

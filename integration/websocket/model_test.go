package websocket_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestModels holds that messages reach an integration only if they are what the model that
// they select asks for, also where nobody waits for an answer.
func TestModels(t *testing.T) {
	text := chat(`
order:
  modelSelectionExpression: $request.body.kind
  requestModels: {new: NewOrder, $default: Order}
  routeResponseSelectionExpression: $default
  integration: {type: AWS_PROXY, uri: hear}
one-way:
  requestModels: {$default: Order}
  integration: {type: AWS_PROXY, uri: hear}
some:
  modelSelectionExpression: $request.body.kind
  requestModels: {new: NewOrder}
  routeResponseSelectionExpression: $default
  integration: {type: AWS_PROXY, uri: hear}
$default:
  requestModels: {$default: Empty}
  routeResponseSelectionExpression: $default
  integration: {type: AWS_PROXY, uri: hear}
`)
	text = strings.Replace(text, "    routes:", `    models:
      Order: {type: object, required: [id], properties: {id: {type: integer}}}
      NewOrder: {allOf: [{$ref: "https://apigateway.amazonaws.com/restapis/a/models/Order"}, {required: [item]}]}
    routes:`, 1)
	f := start(t, text)
	f.functions.answer = echo
	c := f.connect(t)
	for _, m := range []struct {
		say  string
		good bool
	}{
		{`{"action": "order", "id": 1}`, true},
		{`{"action": "order"}`, false},
		{`{"action": "order", "id": "1"}`, false},
		{`{"action": "order", "kind": "new", "id": 1, "item": "i"}`, true},
		{`{"action": "order", "kind": "new", "id": 1}`, false},
		{`{"action": "order", "kind": "unknown", "id": 1}`, true},
		{`{"action": "some", "kind": "unknown"}`, true},
		{`{"action": "some", "kind": "new"}`, false},
		{`{"any": "object"}`, true},
		{`[1]`, false},
		{`no JSON`, false},
		{``, false},
		{`{"action": "order", "id": 1, "deep": ` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, false},
		{`{"action": "one-way"}`, false},
	} {
		name := fmt.Sprintf("%.60s", m.say)
		c.say(m.say)
		if !m.good {
			if e := c.hearError(); e.Message != "Bad request body" || e.ConnectionID == "" || e.RequestID == "" {
				t.Errorf("%s: %+v", name, e)
			}
			continue
		}
		if heard := c.hear(); strings.Contains(heard, "Bad request body") {
			t.Errorf("%s: heard %s", name, heard)
		}
	}
	if got := len(f.functions.of("MESSAGE")); got != 5 {
		t.Errorf("%d messages reached the function, want 5", got)
	}
}

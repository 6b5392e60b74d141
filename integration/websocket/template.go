package websocket

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway"
)

// defaultTemplate is the key of the template for what no other is for.
const defaultTemplate = "$default"

// renderer makes a text of an event and the body at hand.
type renderer interface {
	render(e *event, body []byte) ([]byte, error)
}

// literal is a template in which nothing is to be replaced.
type literal []byte

func (l literal) render(*event, []byte) ([]byte, error) { return l, nil }

// templates are those of an integration, or of one of its answers.
type templates struct {
	selection   gateway.SelectionExpression
	byKey       map[string]renderer
	passthrough string
}

var errNoTemplate = errors.New("no template is for the message, and passthroughBehavior lets none pass")

// render makes the body of a request: by the template that the message selects, or as it
// came where there is none.
func (t *templates) render(e *event, body []byte) ([]byte, error) {
	key := defaultTemplate
	if t.selection != nil {
		key = t.selection.Select(func(part gateway.SelectionPart) string { return gateway.JSONText(e.body, part.Path) })
	}
	template := t.byKey[key]
	if template == nil {
		template = t.byKey[defaultTemplate]
	}
	switch {
	case template != nil:
		return template.render(e, body)
	case t.passthrough == "NEVER", t.passthrough == "WHEN_NO_TEMPLATES" && len(t.byKey) > 0:
		return nil, errNoTemplate
	}
	return body, nil
}

// templates compiles those of a part of a definition.
func (c *compiler) templates(texts map[string]string, selection, passthrough string, pos gateway.Position) *templates {
	out := &templates{passthrough: passthrough, byKey: map[string]renderer{}}
	if selection != "" {
		out.selection = c.selection(selection, pos)
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		text := texts[key]
		if strings.ContainsAny(text, "$#") {
			c.errorf("unsupported-template", pos, "this release takes templates of WebSocket APIs only that are the same for every message",
				"the template %q has references or directives", key)
			continue
		}
		out.byKey[key] = literal(text)
	}
	return out
}

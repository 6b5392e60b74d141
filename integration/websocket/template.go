package websocket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/integration/vtl"
)

// defaultTemplate is the key of the template for what no other is for.
const defaultTemplate = "$default"

// templates are those of an integration, or of one of its answers.
type templates struct {
	selection   gateway.SelectionExpression
	byKey       map[string]*vtl.Template
	passthrough string
}

// templateLimits are less than those of other APIs: what a template makes is no larger
// than a message, or what a backend answers.
var templateLimits = vtl.Limits{MemoryBytes: 16 << 20, OutputBytes: maxAnswer}

var errNoTemplate = errors.New("no template is for the message, and passthroughBehavior lets none pass")

// render makes the body of a request: by the template that the message selects, or as it
// came where there is none. Overrides of the template before are handed on.
func (t *templates) render(ctx context.Context, e *event, body []byte, before vtl.Overrides) (vtl.Output, error) {
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
		out, err := template.Render(ctx, e.templateInput(body, before), templateLimits)
		if err != nil {
			return out, fmt.Errorf("the template %q: %w", key, err)
		}
		return out, nil
	case t.passthrough == "NEVER", t.passthrough == "WHEN_NO_TEMPLATES" && len(t.byKey) > 0:
		return vtl.Output{}, errNoTemplate
	}
	return vtl.Output{Text: string(body), Overrides: before}, nil
}

// templateInput is what a template is rendered with.
func (e *event) templateInput(body []byte, before vtl.Overrides) vtl.Input {
	in := vtl.Input{
		Body: string(body), Context: e.templateContext, StageVariables: vtl.MapParams(e.stage.variables), Overrides: before,
	}
	if e.handshake != nil {
		in.Header = pairs(e.handshake.shownHeaders())
		in.QueryString = pairs(e.handshake.query)
	}
	return in
}

func pairs(fields []field) vtl.Params {
	return func() []vtl.Pair {
		list := make([]vtl.Pair, len(fields))
		for i, f := range fields {
			list[i] = vtl.Pair{Name: f.name, Value: f.value}
		}
		return list
	}
}

// templateContext is $context.
func (e *event) templateContext() *vtl.Map {
	identity, caller := vtl.NewMap(7), e.about.identity()
	for _, member := range []vtl.Pair{
		{Name: "sourceIp", Value: caller.SourceIP}, {Name: "userAgent", Value: caller.UserAgent},
		{Name: "apiKey", Value: caller.APIKey}, {Name: "apiKeyId", Value: caller.APIKeyID},
		{Name: "accountId", Value: caller.AccountID}, {Name: "accessKey", Value: caller.AccessKey}, {Name: "caller", Value: caller.Caller},
		{Name: "user", Value: caller.User}, {Name: "userArn", Value: caller.UserARN},
	} {
		if member.Value != "" {
			identity.Put(member.Name, member.Value)
		}
	}
	m := vtl.NewMap(len(contextValues)+2).Put("identity", identity)
	for _, name := range slices.Sorted(maps.Keys(contextValues)) {
		if strings.HasPrefix(name, "identity.") {
			continue
		}
		if text := contextValues[name](e); text != "" {
			m.Put(name, text)
		}
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(e.about.authorizer, &members) == nil {
		authorizer := vtl.NewMap(len(members))
		for _, name := range slices.Sorted(maps.Keys(members)) {
			authorizer.Put(name, gateway.JSONText(members[name], nil))
		}
		m.Put("authorizer", authorizer)
	}
	return m
}

// templates compiles those of a part of a definition.
func (c *compiler) templates(texts map[string]string, selection, passthrough string, pos gateway.Position) *templates {
	out := &templates{passthrough: passthrough, byKey: map[string]*vtl.Template{}}
	if selection != "" {
		out.selection = c.selection(selection, pos)
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		template, problems := vtl.Parse(texts[key])
		for _, p := range problems {
			severity := gateway.Error
			if p.Warning {
				severity = gateway.Warning
			}
			c.found = append(c.found, gateway.Diagnostic{
				Severity: severity, Code: p.Code, Pos: pos, Hint: p.Hint,
				Message: fmt.Sprintf("the template %q, at %d:%d: %s", key, p.Line, p.Column, p.Message),
			})
		}
		out.byKey[key] = template
	}
	return out
}

package websocket

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"golang.org/x/sync/semaphore"

	"gatehouse/gateway"
	"gatehouse/gateway/schema"
)

// models hold the messages of a route to schemas. Messages that select none, while there is
// none for all others, are not looked at.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
type models struct {
	selection gateway.SelectionExpression
	byKey     map[string]*schema.Schema
}

// maxMessageValues bounds how many values there are in all messages that are looked at
// together, and so what memory they take.
const maxMessageValues = 2 * schema.MaxValues

// check holds a message to its model. What is wrong with it, the log is not told: it is the
// client's.
func (m *models) check(ctx context.Context, values *semaphore.Weighted, text []byte) *failure {
	if m == nil {
		return nil
	}
	key := defaultTemplate
	if m.selection != nil {
		key = m.selection.Select(func(part gateway.SelectionPart) string { return gateway.JSONText(text, part.Path) })
	}
	model := m.byKey[key]
	if model == nil {
		model = m.byKey[defaultTemplate]
	}
	if model == nil {
		return nil
	}
	weight := schema.Weight(text)
	if err := values.Acquire(ctx, weight); err != nil {
		return failed(ctx, http.StatusInternalServerError, err)
	}
	defer values.Release(weight)
	// An empty body of a request counts as an empty object; an empty message is none.
	if len(text) == 0 {
		return &failure{http.StatusBadRequest, messageBadBody, errors.New("[the message is empty]")}
	}
	if wrong := model.Check(text); wrong != nil {
		return &failure{http.StatusBadRequest, messageBadBody, errors.New(wrong.Detail)}
	}
	return nil
}

// models compiles those of a route, nil if it has none.
func (c *compiler) models(set *schema.Set, d *gateway.Deployment, r *gateway.Route) *models {
	if len(r.RequestModels) == 0 {
		return nil
	}
	m := &models{byKey: map[string]*schema.Schema{}}
	if r.ModelSelectionExpression != "" {
		m.selection = c.selection(r.ModelSelectionExpression, r.Source)
	}
	for _, key := range slices.Sorted(maps.Keys(r.RequestModels)) {
		name := r.RequestModels[key]
		compiled, problems := set.Compile(name) // What is wrong with those there are, schemas has told.
		switch {
		case compiled == nil && len(problems) > 0:
			c.errorf("unknown-model", r.Source, "add it to models: of the API", "%s holds messages to the model %q, which is not defined", r.Path, name)
			continue
		case key != defaultTemplate && m.selection == nil:
			c.errorf("no-effect", r.Source, "add modelSelectionExpression, or name it $default", "nothing selects the model %q of %s", key, r.Path)
		}
		m.byKey[key] = compiled
	}
	return m
}

// schemas reads all models of an API, and reports what is wrong with them.
func (c *compiler) schemas(d *gateway.Deployment) *schema.Set {
	set := schema.NewSet(d.Models)
	for _, m := range d.Models {
		_, problems := set.Compile(m.Name)
		for _, p := range problems {
			report := c.found.Errorf
			if p.Warning {
				report = c.found.Warnf
			}
			report("invalid-model", m.Source, "", p.Hint, "the model %s at #%s: %s", p.Model, p.Pointer, p.Message)
		}
	}
	return set
}

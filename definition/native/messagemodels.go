package native

import (
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// parseMessageModels reads the schemas that messages are held to, by their names. They are
// written as they are, not as text with JSON in it.
func parseMessageModels(v source.Value) (models []gateway.Model) {
	for _, e := range v.Object().Entries() {
		if !e.IsObject() {
			e.Errorf("wrong-type", "write the schema itself, such as {type: object}", "%s must be an object", e.Path())
			continue
		}
		models = append(models, gateway.Model{Name: e.Key, ContentType: "application/json", Schema: e.JSON(), Source: e.KeyValue.Pos()})
	}
	return models
}

// parseRouteModels reads which model a route's messages are held to.
func parseRouteModels(o *source.Object, r *gateway.Route) {
	models, selection := o.Get("requestModels"), o.Get("modelSelectionExpression")
	r.RequestModels = models.StringMap()
	r.ModelSelectionExpression = parseSelection(selection, "$request.body.type", gateway.SelectRequestBody)
	switch special := r.Path == gateway.ConnectRoute || r.Path == gateway.DisconnectRoute; {
	case models.Exists() && special:
		models.Errorf("no-effect", "remove it", "%s has no message that could be held to a model", r.Path)
	case selection.Exists() && !models.Exists():
		selection.Errorf("no-effect", "add requestModels", "there is no model to be selected for %s", r.Path)
	}
}

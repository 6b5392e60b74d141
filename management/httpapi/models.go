package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"

	"gatehouse/management/modeltemplate"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

var modelMembers = []string{"contentType", "description", "name", "schema"}

func (s *Service) modelOperations() []restjson.Operation {
	const path = "/v2/apis/{apiId}/models"
	return []restjson.Operation{
		{Name: "GetModels", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getModels},
		{Name: "CreateModel", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createModel},
		{Name: "GetModel", Method: http.MethodGet, Path: path + "/{modelId}", Status: http.StatusOK, Do: s.getModel},
		{Name: "UpdateModel", Method: http.MethodPatch, Path: path + "/{modelId}", Status: http.StatusOK, Do: s.updateModel},
		{Name: "DeleteModel", Method: http.MethodDelete, Path: path + "/{modelId}", Status: http.StatusNoContent, Do: s.deleteModel},
		{Name: "GetModelTemplate", Method: http.MethodGet, Path: path + "/{modelId}/template", Status: http.StatusOK, Do: s.getModelTemplate},
	}
}

func modelPart(r store.Reader, c *restjson.Call) (*API, *Model, error) {
	return part[Model](r, c, "/models/", "Model", "modelId")
}

func (s *Service) getModels(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[Model], error) {
		if _, err := getAPI(r, c); err != nil {
			return nil, err
		}
		return list[Model](r, c, apiKey(c)+"/models/", nil)
	})
}

func (s *Service) getModel(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Model, error) {
		_, m, err := modelPart(r, c)
		return m, err
	})
}

func (s *Service) createModel(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, modelMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Model, error) {
		api, err := getAPI(tx, c)
		if err != nil {
			return nil, err
		}
		if api.ProtocolType != protocolWebSocket {
			return nil, restjson.BadRequest("Models are supported only for APIs with a protocol type of WEBSOCKET")
		}
		m := &Model{ModelID: restjson.NewID(shortIDLength), ContentType: "application/json"}
		if err := in.into(m); err != nil {
			return nil, err
		}
		return m, s.putModel(ctx, tx, c, m)
	})
}

func (s *Service) updateModel(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, modelMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Model, error) {
		_, m, err := modelPart(tx, c)
		if err != nil {
			return nil, err
		}
		name := m.Name
		if err := in.into(m); err != nil {
			return nil, err
		}
		if m.Name != name {
			if err := checkModelUnused(tx, c, name, "rename"); err != nil {
				return nil, err
			}
		}
		return m, s.putModel(ctx, tx, c, m)
	})
}

func (s *Service) deleteModel(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		_, m, err := modelPart(tx, c)
		if err != nil {
			return err
		}
		if err := checkModelUnused(tx, c, m.Name, "delete"); err != nil {
			return err
		}
		tx.Delete(apiKey(c) + "/models/" + m.ModelID)
		return s.changed(ctx, tx, apiKey(c))
	})
}

func (s *Service) getModelTemplate(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (map[string]string, error) {
		_, m, err := modelPart(r, c)
		if err != nil {
			return nil, err
		}
		return map[string]string{"value": modeltemplate.Of(m.Schema)}, nil
	})
}

var modelName = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// maxSchema is the longest schema, as the service model has it.
const maxSchema = 32768

// putModel checks and writes a model.
func (s *Service) putModel(ctx context.Context, tx store.Tx, c *restjson.Call, m *Model) error {
	var p problems
	if m.Name == "" {
		p.add("Model name must be non-empty")
	}
	p.length("name", m.Name, 0, 128)
	p.pattern("name", m.Name, modelName)
	p.length("description", m.Description, 0, 1024)
	p.length("contentType", m.ContentType, 1, 256)
	p.length("schema", m.Schema, 0, maxSchema)
	var schema map[string]any
	if err := json.Unmarshal([]byte(m.Schema), &schema); err != nil {
		p.add("Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified. %v]", err)
	}
	if err := p.err(); err != nil {
		return err
	}
	models, err := store.ReadDocuments[Model](tx, apiKey(c)+"/models/")
	if err != nil {
		return err
	}
	for _, other := range models {
		if other.Name == m.Name && other.ModelID != m.ModelID {
			return restjson.Conflict("Model name already exists for this Api")
		}
	}
	if err := store.WriteDocument(tx, apiKey(c)+"/models/"+m.ModelID, m); err != nil {
		return err
	}
	return s.changed(ctx, tx, apiKey(c))
}

// checkModelName checks that a model that something refers to is there.
func checkModelName(r store.Reader, key, contentType, name string) error {
	models, err := store.ReadDocuments[Model](r, key+"/models/")
	if err != nil {
		return err
	}
	for _, m := range models {
		if m.Name == name {
			return nil
		}
	}
	return restjson.BadRequest("Invalid model identifier specified for '%s': %s", shorten(contentType), shorten(name))
}

// checkModelUnused checks that no route and no response refers to a model.
func checkModelUnused(r store.Reader, c *restjson.Call, name, doing string) error {
	content, err := ReadContent(r, c.Region, c.Params["apiId"])
	if err != nil {
		return err
	}
	uses := func(models map[string]string) bool {
		for _, model := range models {
			if model == name {
				return true
			}
		}
		return false
	}
	for _, route := range content.Routes {
		if uses(route.Route.RequestModels) {
			return restjson.Conflict("Cannot %s model '%s', is referenced in route request: %s", doing, name, route.Route.RouteKey)
		}
		for _, response := range route.Responses {
			if uses(response.ResponseModels) {
				return restjson.Conflict("Cannot %s model '%s', is referenced in route response: %s", doing, name, route.Route.RouteKey)
			}
		}
	}
	return nil
}

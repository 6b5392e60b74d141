package restapi

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gatehouse/management/modeltemplate"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) modelOperations() []restjson.Operation {
	const path = "/restapis/{restapi_id}/models"
	return []restjson.Operation{
		{Name: "CreateModel", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createModel},
		{Name: "GetModels", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getModels},
		{Name: "GetModel", Method: http.MethodGet, Path: path + "/{model_name}", Status: http.StatusOK, Do: s.getModel},
		{Name: "UpdateModel", Method: http.MethodPatch, Path: path + "/{model_name}", Status: http.StatusOK, Do: s.updateModel},
		{Name: "DeleteModel", Method: http.MethodDelete, Path: path + "/{model_name}", Status: http.StatusAccepted, Do: s.deleteModel},
		{Name: "GetModelTemplate", Method: http.MethodGet, Path: path + "/{model_name}/default_template", Status: http.StatusOK, Do: s.getModelTemplate},
	}
}

// maxSchema bounds a model, maxModels the models of an API.
const (
	maxSchema = 400 << 10
	maxModels = 2000
)

var modelNameForm = regexp.MustCompile(`^[A-Za-z0-9]+$`)

func checkModel(m *Model) error {
	switch {
	case m.Name == "":
		return restjson.BadRequest("Model name must be non-empty")
	case !modelNameForm.MatchString(m.Name):
		return restjson.BadRequest("Model name must be alphanumeric: %s", m.Name)
	case len(m.Schema) > maxSchema:
		return restjson.BadRequest("Model schema exceeds %d bytes", maxSchema)
	}
	// Schemas of other types than JSON are for documentation only.
	if !strings.Contains(m.ContentType, "json") {
		return nil
	}
	var schema map[string]json.RawMessage
	if m.Schema != "" {
		if err := json.Unmarshal([]byte(m.Schema), &schema); err != nil {
			return restjson.BadRequest("Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified. %s]", err)
		}
	}
	if len(schema) == 0 {
		return restjson.BadRequest("Model schema must have at least 1 property or array items defined")
	}
	return nil
}

func (s *Service) createModel(ctx context.Context, c *restjson.Call) (any, error) {
	var in Model
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	if in.ContentType == "" {
		return nil, restjson.BadRequest("Content type must be non-empty")
	}
	if err := checkModel(&in); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Model, error) {
		folder, err := apiFolder(tx, c)
		if err != nil {
			return nil, err
		}
		entries, err := tx.List(folder + modelsFolder)
		if err != nil {
			return nil, err
		}
		if len(entries) >= maxModels {
			return nil, limitExceeded("Maximum number of models for this API has been reached. Please contact AWS if you need additional models.")
		}
		m := in
		m.ID = restjson.NewID(6)
		taken, err := hasRecord(tx, folder+modelsFolder+m.Name)
		if err != nil {
			return nil, err
		}
		if taken {
			return nil, restjson.Conflict("Model name already exists for this REST API")
		}
		return &m, store.WriteDocument(tx, folder+modelsFolder+m.Name, m)
	})
}

// modelOf reads the model that a call is about, with its key.
func modelOf(r store.Reader, c *restjson.Call) (key, folder string, m *Model, err error) {
	folder, err = apiFolder(r, c)
	if err != nil {
		return "", "", nil, err
	}
	name := c.Params["model_name"]
	key = folder + modelsFolder + name
	m, err = readRecord[Model](r, key, restjson.NotFound("Invalid model name specified: %s", name))
	return key, folder, m, err
}

func (s *Service) getModels(ctx context.Context, c *restjson.Call) (any, error) {
	return listOf[Model](ctx, s, c, modelsFolder)
}

func (s *Service) getModel(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*Model, error) {
		_, folder, m, err := modelOf(r, c)
		if err != nil || c.Query.Get("flatten") != "true" {
			return m, err
		}
		return m, flatten(r, folder, m)
	})
}

// modelReference is how a model names another.
var modelReference = regexp.MustCompile(`^https://apigateway\.amazonaws\.com/restapis/[^/]+/models/([A-Za-z0-9]+)$`)

// flatten puts the models that a schema refers to among its definitions.
func flatten(r store.Reader, folder string, m *Model) error {
	var schema map[string]any
	if err := json.Unmarshal([]byte(m.Schema), &schema); err != nil {
		return restjson.BadRequest("Invalid model specified: %s", m.Name)
	}
	definitions, _ := schema["definitions"].(map[string]any)
	if definitions == nil {
		definitions = map[string]any{}
	}
	var take func(value any) error
	take = func(value any) error {
		switch v := value.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				found := modelReference.FindStringSubmatch(ref)
				if found == nil {
					return nil
				}
				name := found[1]
				v["$ref"] = "#/definitions/" + name
				if _, known := definitions[name]; known {
					return nil
				}
				other, err := readRecord[Model](r, folder+modelsFolder+name, restjson.BadRequest("Invalid model identifier specified: %s", name))
				if err != nil {
					return err
				}
				var inner any
				if err := json.Unmarshal([]byte(other.Schema), &inner); err != nil {
					return restjson.BadRequest("Invalid model specified: %s", name)
				}
				definitions[name] = inner
				return take(inner)
			}
			for _, inner := range v {
				if err := take(inner); err != nil {
					return err
				}
			}
		case []any:
			for _, inner := range v {
				if err := take(inner); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := take(schema); err != nil {
		return err
	}
	if len(definitions) > 0 {
		schema["definitions"] = definitions
	}
	text, err := json.Marshal(schema)
	m.Schema = string(text)
	return err
}

var modelPatches = []patchRule[Model]{
	{"/description", opReplace, patchText(func(m *Model) *string { return &m.Description })},
	{"/schema", opReplace, patchText(func(m *Model) *string { return &m.Schema })},
}

func (s *Service) updateModel(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*Model, error) {
		key, _, m, err := modelOf(tx, c)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(m, operations, pathsListed, modelPatches); err != nil {
			return nil, err
		}
		if err := checkModel(m); err != nil {
			return nil, err
		}
		return m, store.WriteDocument(tx, key, m)
	})
}

func (s *Service) deleteModel(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		key, folder, m, err := modelOf(tx, c)
		if err != nil {
			return err
		}
		for _, kind := range []struct {
			name   string
			models func(*Method) []map[string]string
		}{
			{"request", func(method *Method) []map[string]string { return []map[string]string{method.RequestModels} }},
			{"response", func(method *Method) (all []map[string]string) {
				for _, response := range method.MethodResponses {
					all = append(all, response.ResponseModels)
				}
				return all
			}},
		} {
			where, used, err := methodWhere(tx, folder, func(method *Method) bool {
				return slices.ContainsFunc(kind.models(method), func(models map[string]string) bool {
					for _, name := range models {
						if name == m.Name {
							return true
						}
					}
					return false
				})
			})
			if err != nil {
				return err
			}
			if used {
				return restjson.Conflict("Cannot delete model '%s', is referenced in method %s: %s", m.Name, kind.name, where)
			}
		}
		all, err := store.ReadDocuments[Model](tx, folder+modelsFolder)
		if err != nil {
			return err
		}
		for _, other := range all {
			if other.Name != m.Name && strings.Contains(other.Schema, "/models/"+m.Name+`"`) {
				return restjson.Conflict("Cannot delete model '%s', is referenced in model: %s", m.Name, other.Name)
			}
		}
		tx.Delete(key)
		return nil
	})
}

func (s *Service) getModelTemplate(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (map[string]string, error) {
		_, folder, m, err := modelOf(r, c)
		if err != nil {
			return nil, err
		}
		if err := flatten(r, folder, m); err != nil {
			return nil, err
		}
		return map[string]string{"value": modeltemplate.Of(m.Schema)}, nil
	})
}

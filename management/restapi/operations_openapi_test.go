package restapi_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"gatehouse/management/openapi"
	"gatehouse/management/restapi"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// api is a management API that answers in eu-west-1.
type api struct {
	t     *testing.T
	store *store.Memory
	http.Handler
}

func newAPI(t *testing.T) *api {
	s := store.NewMemory()
	service := restapi.NewService(restapi.Options{Store: s, Log: slog.New(slog.DiscardHandler), Documents: openapi.Documents{}})
	return &api{t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service.ServeHTTP(w, r.WithContext(restjson.WithCaller(r.Context(), restjson.Caller{Region: "eu-west-1", AccountID: "000000000000"})))
	})}
}

// call calls an operation and wants a status.
func (a *api) call(method, target, body string, want int) *httptest.ResponseRecorder {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), method, target, strings.NewReader(body))
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	if w.Code != want {
		a.t.Fatalf("%s %s: %d, want %d: %s", method, target, w.Code, want, w.Body)
	}
	return w
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return v
}

// documents gives everything that is kept, as text by key.
func (a *api) documents() map[string]string {
	a.t.Helper()
	out := map[string]string{}
	err := a.store.View(a.t.Context(), func(reader store.Reader) error {
		entries, err := reader.List("")
		for _, e := range entries {
			out[e.Key] = string(e.Value)
		}
		return err
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

func (a *api) content(id string) *restapi.Content {
	a.t.Helper()
	var content *restapi.Content
	err := a.store.View(a.t.Context(), func(reader store.Reader) (err error) {
		content, err = restapi.ReadContent(reader, "eu-west-1", id)
		return err
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return content
}

const pets = `{"openapi": "3.0.1", "info": {"title": "pets", "version": "1"}, "servers": [{"url": "https://x.example.com/shop/v1"}], "paths": {
	"/pets/{id}": {"get": {"operationId": "getPet", "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}},
		"security": [{"api_key": []}],
		"x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "GET", "uri": "http://pets.example.com/{id}"}}}},
	"components": {"schemas": {"Pet": {"type": "object", "description": "A pet."}}, "securitySchemes": {"api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}},
	"x-amazon-apigateway-binary-media-types": ["image/png"],
	"x-amazon-apigateway-documentation": {"documentationParts": [{"location": {"type": "API"}, "properties": {"description": "All pets"}}]}}`

func TestImportRestAPI(t *testing.T) {
	a := newAPI(t)
	got := decode[restapi.RestAPI](t, a.call("POST", "/restapis?mode=import&endpointConfigurationTypes=REGIONAL", pets, 201))
	if got.Name != "pets" || len(got.ID) != 10 || got.EndpointConfiguration.Types[0] != "REGIONAL" || got.CreatedDate.IsZero() || got.RootResourceID == "" {
		t.Errorf("%+v", got)
	}
	c := a.content(got.ID)
	paths := map[string]restapi.Resource{}
	for _, r := range c.Resources {
		paths[r.Path] = r
	}
	pet := paths["/pets/{id}"]
	if len(paths) != 3 || pet.ParentID != paths["/pets"].ID || paths["/pets"].ParentID != got.RootResourceID || paths["/"].ID != got.RootResourceID {
		t.Errorf("%+v", c.Resources)
	}
	m := pet.ResourceMethods["GET"]
	if m.OperationName != "getPet" || !m.APIKeyRequired || m.AuthorizationType != "NONE" || !m.RequestParameters["method.request.path.id"] ||
		m.MethodResponses["200"].ResponseModels["application/json"] != "Pet" {
		t.Errorf("%+v", m)
	}
	in := m.MethodIntegration
	if in.Type != "HTTP_PROXY" || in.TimeoutInMillis != 29000 || in.PassthroughBehavior != "WHEN_NO_MATCH" || in.CacheNamespace != pet.ID ||
		in.ConnectionType != "INTERNET" || in.RequestParameters["integration.request.path.id"] != "method.request.path.id" {
		t.Errorf("%+v", in)
	}
	if len(c.DocumentationParts) != 1 || c.DocumentationParts[0].Properties != `{"description":"All pets"}` || c.Models[0].Description != "A pet." {
		t.Errorf("%+v %+v", c.DocumentationParts, c.Models)
	}
	other := decode[restapi.RestAPI](t, a.call("POST", "/restapis?mode=import&ignore=documentation&basepath=prepend", pets, 201))
	if c := a.content(other.ID); other.EndpointConfiguration.Types[0] != "EDGE" || len(c.DocumentationParts) != 0 || !hasPath(c, "/shop/v1/pets/{id}") {
		t.Errorf("%+v", c.Resources)
	}
	split := decode[restapi.RestAPI](t, a.call("POST", "/restapis?mode=import&basepath=split", pets, 201))
	if c := a.content(split.ID); !hasPath(c, "/v1/pets/{id}") || hasPath(c, "/shop") {
		t.Errorf("%+v", c.Resources)
	}
}

func hasPath(c *restapi.Content, path string) bool {
	return slices.ContainsFunc(c.Resources, func(r restapi.Resource) bool { return r.Path == path })
}

func TestImportRefuses(t *testing.T) {
	warned := strings.Replace(pets, `"uri": "http://pets.example.com/{id}"`, `"uri": "http://pets.example.com/{id}", "requestParameters": {"integration.request.header.x": true}`, 1)
	a := newAPI(t)
	for name, c := range map[string]struct{ target, body, message string }{
		"garbage":   {"/restapis?mode=import", "}{", "Invalid OpenAPI input."},
		"nothing":   {"/restapis?mode=import", "", "Invalid OpenAPI input."},
		"other":     {"/restapis?mode=import", `{"apis": []}`, "Invalid OpenAPI input."},
		"base path": {"/restapis?mode=import&basepath=join", pets, `Invalid basepath parameter: "join". Valid options are ignore, prepend, split`},
		"warnings": {"/restapis?mode=import&failonwarnings=true", warned, "Warnings found during import:\n\tInvalid format for 'requestParameters'. Expected type string for property " +
			"'integration.request.header.x' of resource '/pets/{id}' and method 'GET' but got 'true'"},
		"endpoint":  {"/restapis?mode=import&endpointConfigurationTypes=LOCAL", pets, "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE"},
		"endpoints": {"/restapis?mode=import&endpointConfigurationTypes=EDGE,REGIONAL", pets, "Cannot create an api with multiple Endpoint Types."},
		"scheme": {"/restapis?mode=import", strings.Replace(pets, `[{"api_key": []}]`, `[{"api_kei": []}]`, 1),
			"Errors found during import:\n\tline 3, column 17: the security scheme \"api_kei\" is not defined (did you mean \"api_key\"?)"},
		"model": {"/restapis?mode=import", strings.Replace(pets, `"schemas": {`, `"schemas": {"a/b": {"type": "object"}, `, 1),
			"Errors found during import:\n\tUnable to create model for 'a/b': Model name must be alphanumeric: a/b"},
		"parameter": {"/restapis?mode=import", strings.Replace(pets, `"operationId"`, `"parameters": [{"name": "filter[a]", "in": "query", "schema": {"type": "string"}}], "operationId"`, 1),
			"Errors found during import:\n\tUnable to put method 'GET' on resource at path '/pets/{id}': Invalid mapping expression specified: Validation Result: warnings : [], " +
				"errors : [Parameter name should match the following regular expression: ^[a-zA-Z0-9:._$-]+$]"},
		"siblings": {"/restapis?mode=import", strings.Replace(pets, `"paths": {`, `"paths": {"/pets/{name}": {}, "/pets/{name}/x": {"get": {}}, `, 1),
			"Unable to create resource at path '/pets/{id}': A sibling ({name}) of this resource already has a variable path part -- only one is allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			a.t = t
			w := a.call("POST", c.target, c.body, 400)
			if got := decode[map[string]string](t, w)["message"]; got != c.message || w.Header().Get("X-Amzn-Errortype") != "BadRequestException" {
				t.Errorf("%q", got)
			}
		})
	}
	a.t = t
	if kept := a.documents(); len(kept) > 0 {
		t.Errorf("kept %v", slices.Collect(maps.Keys(kept)))
	}
	if got := decode[struct{ Warnings []string }](t, a.call("POST", "/restapis?mode=import", warned, 201)); len(got.Warnings) != 1 {
		t.Errorf("%+v", got)
	}
}

const toys = `{"swagger": "2.0", "info": {"title": "toys", "version": "2"}, "paths": {"/pets/{id}": {"delete": {"responses": {},
	"x-amazon-apigateway-integration": {"type": "mock"}}}, "/toys": {"get": {"responses": {}}}}, "x-amazon-apigateway-binary-media-types": ["image/gif"]}`

func TestPutRestAPI(t *testing.T) {
	a := newAPI(t)
	first := decode[restapi.RestAPI](t, a.call("POST", "/restapis?mode=import", pets, 201))
	before := a.content(first.ID)
	merged := decode[restapi.RestAPI](t, a.call("PUT", "/restapis/"+first.ID, toys, 200))
	c := a.content(first.ID)
	methods := map[string]bool{}
	for _, r := range c.Resources {
		for name := range r.ResourceMethods {
			methods[name+" "+r.Path] = true
		}
	}
	if merged.ID != first.ID || merged.Name != "toys" || !slices.Equal(merged.BinaryMediaTypes, []string{"image/png", "image/gif"}) || merged.RootResourceID != first.RootResourceID {
		t.Errorf("%+v", merged)
	}
	if want := map[string]bool{"GET /pets/{id}": true, "DELETE /pets/{id}": true, "GET /toys": true}; !maps.Equal(methods, want) {
		t.Errorf("%v", methods)
	}
	for _, r := range before.Resources {
		if !slices.ContainsFunc(c.Resources, func(now restapi.Resource) bool { return now.ID == r.ID && now.Path == r.Path }) {
			t.Errorf("the resource %s has another id", r.Path)
		}
	}
	if len(c.Models) != 1 || len(c.DocumentationParts) != 1 {
		t.Errorf("%+v %+v", c.Models, c.DocumentationParts)
	}
	overwritten := decode[restapi.RestAPI](t, a.call("PUT", "/restapis/"+first.ID+"?mode=overwrite", toys, 200))
	c = a.content(first.ID)
	if len(c.Resources) != 4 || len(c.Models) != 0 || len(c.DocumentationParts) != 0 || !slices.Equal(overwritten.BinaryMediaTypes, []string{"image/gif"}) {
		t.Errorf("%+v", c)
	}
	if !overwritten.CreatedDate.Equal(first.CreatedDate.Time) || overwritten.EndpointConfiguration.Types[0] != "EDGE" || overwritten.RootResourceID != first.RootResourceID {
		t.Errorf("%+v", overwritten)
	}
	kept := a.documents()
	for target, message := range map[string]string{
		"/restapis/nosuch":                    "Invalid API identifier specified 000000000000:nosuch",
		"/restapis/" + first.ID + "?mode=add": "Invalid mode specified: 'add'. Valid options are merge, overwrite",
	} {
		status := 400
		if strings.HasSuffix(target, "nosuch") {
			status = 404
		}
		if got := decode[map[string]string](t, a.call("PUT", target, toys, status))["message"]; got != message {
			t.Errorf("%s: %q", target, got)
		}
	}
	if !maps.Equal(kept, a.documents()) {
		t.Error("what was refused has changed something")
	}
}

// deploy makes a stage of an API as it is.
func (a *api) deploy(id, stage string) {
	a.t.Helper()
	key, content := restapi.APIKeyOf("eu-west-1", id), a.content(id)
	err := a.store.Update(a.t.Context(), func(tx store.Tx) error {
		for name, v := range map[string]any{
			"/contents/d1": content, "/deployments/d1": restapi.Deployment{ID: "d1", CreatedDate: content.API.CreatedDate},
			"/stages/" + stage: restapi.Stage{StageName: stage, DeploymentID: "d1"},
		} {
			data, err := json.Marshal(v)
			if err != nil {
				return err
			}
			tx.Put(key+name, data)
		}
		return nil
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

func TestGetExport(t *testing.T) {
	a := newAPI(t)
	id := decode[restapi.RestAPI](t, a.call("POST", "/restapis?mode=import", pets, 201)).ID
	a.deploy(id, "prod")
	// The draft is not what is exported.
	a.call("PUT", "/restapis/"+id+"?mode=overwrite", toys, 200)
	target := "/restapis/" + id + "/stages/prod/exports/"
	plain := a.call("GET", target+"oas30", "", 200)
	body := plain.Body.String()
	if !strings.Contains(body, `"/pets/{id}"`) || strings.Contains(body, "x-amazon-apigateway-integration") || !strings.Contains(body, `"default" : "prod"`) {
		t.Error(body)
	}
	if name := plain.Header().Get("Content-Disposition"); !strings.HasPrefix(name, `attachment; filename="oas30_`) || plain.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%q", name)
	}
	for extensions, want := range map[string][]string{
		"integrations":               {"x-amazon-apigateway-integration"},
		"apigateway":                 {"x-amazon-apigateway-integration", "x-amazon-apigateway-binary-media-types"},
		"integrations,documentation": {"x-amazon-apigateway-integration", "x-amazon-apigateway-documentation", "All pets"},
		"authorizers":                {},
	} {
		text := a.call("GET", target+"swagger?extensions="+extensions, "", 200).Body.String()
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %s in %s", extensions, w, text)
			}
		}
		if len(want) == 0 && strings.Contains(text, "x-amazon-apigateway-integration") || !strings.Contains(text, `"swagger" : "2.0"`) {
			t.Errorf("%s: %s", extensions, text)
		}
	}
	for target, status := range map[string]int{
		target + "raml": 400, target + "swagger?extensions=all": 400, "/restapis/" + id + "/stages/test/exports/oas30": 404, "/restapis/no/stages/prod/exports/oas30": 404,
	} {
		a.call("GET", target, "", status)
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", target+"oas30", http.NoBody)
	r.Header.Set("Accept", "application/yaml")
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Body)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/yaml" || !strings.Contains(string(text), "openapi: \"3.0.1\"\n") {
		t.Errorf("%d %s", w.Code, text)
	}
	// What was exported is an API again.
	a.call("POST", "/restapis?mode=import&failonwarnings=true", string(text), 201)
}

func TestExportOfPublishedDocumentation(t *testing.T) {
	a := newAPI(t)
	document := strings.Replace(pets, `{"location": {"type": "API"}, "properties": {"description": "All pets"}}`,
		`{"location": {"type": "API"}, "properties": {"description": "All pets"}},
		{"location": {"type": "METHOD", "path": "/pets", "method": "*"}, "properties": {"summary": "Of pets", "tags": ["animals"]}},
		{"location": {"type": "METHOD", "path": "/pets/{id}", "method": "GET"}, "properties": {"summary": "One pet"}},
		{"location": {"type": "PATH_PARAMETER", "path": "/pets/{id}", "method": "GET", "name": "id"}, "properties": {"description": "Its number"}},
		{"location": {"type": "RESPONSE", "statusCode": "200"}, "properties": {"description": "It is there"}}`, 1)
	id := decode[restapi.RestAPI](t, a.call("POST", "/restapis?mode=import", document, 201)).ID
	a.deploy(id, "prod")
	target := "/restapis/" + id + "/stages/prod/exports/"
	if body := a.call("GET", target+"oas30", "", 200).Body.String(); strings.Contains(body, "One pet") {
		t.Errorf("what is not published is told: %s", body)
	}
	a.call("POST", "/restapis/"+id+"/documentation/versions", `{"documentationVersion": "v7", "stageName": "prod"}`, 201)
	a.call("PUT", "/restapis/"+id+"/documentation/parts?mode=overwrite", strings.Replace(document, "One pet", "A pet", 1), 200)
	for _, kind := range []string{"oas30", "swagger"} {
		body := a.call("GET", target+kind, "", 200).Body.String()
		for _, want := range []string{`"description" : "All pets"`, `"summary" : "One pet"`, `"tags" : [ "animals" ]`, `"description" : "Its number"`, `"description" : "It is there"`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %s in %s", kind, want, body)
			}
		}
	}
	body := a.call("GET", target+"oas30?extensions=documentation", "", 200).Body.String()
	if !strings.Contains(body, `"version" : "v7"`) || strings.Contains(body, `"description" : "It is there"`+",\n            \"content") {
		t.Error(body)
	}
	a.call("POST", "/restapis?mode=import&failonwarnings=true", body, 201)
}

func TestImportDocumentationParts(t *testing.T) {
	a := newAPI(t)
	id := decode[restapi.RestAPI](t, a.call("POST", "/restapis?mode=import", pets, 201)).ID
	first := a.content(id).DocumentationParts[0].ID
	more := strings.Replace(pets, `{"location": {"type": "API"}, "properties": {"description": "All pets"}}`,
		`{"location": {"type": "API"}, "properties": {"description": "Every pet"}}, {"location": {"type": "METHOD", "path": "/pets/{id}", "method": "GET"}, "properties": "{\"summary\": \"One\"}"}`, 1)
	got := decode[struct{ IDs []string }](t, a.call("PUT", "/restapis/"+id+"/documentation/parts", more, 200))
	parts := a.content(id).DocumentationParts
	if len(got.IDs) != 2 || len(parts) != 2 || !slices.Contains(got.IDs, first) {
		t.Errorf("%+v %+v", got, parts)
	}
	for _, p := range parts {
		if p.ID == first && p.Properties != `{"description":"Every pet"}` || p.ID != first && p.Properties != `{"summary": "One"}` {
			t.Errorf("%+v", p)
		}
	}
	if decode[map[string]string](t, a.call("PUT", "/restapis/"+id+"/documentation/parts", "{", 400))["message"] != "Unable to build importer with provided input." {
		t.Error("garbage is refused in other words")
	}
	a.call("PUT", "/restapis/"+id+"/documentation/parts?mode=overwrite", pets, 200)
	if parts := a.content(id).DocumentationParts; len(parts) != 1 || parts[0].ID != first {
		t.Errorf("%+v", parts)
	}
}

package httpapi_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/management/httpapi"
	"gatehouse/management/openapi"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

const notes = `{"openapi": "3.0.1", "info": {"title": "notes", "version": "1"}, "tags": [{"name": "team", "x-amazon-apigateway-tag-value": "notes"}], "paths": {
	"/notes/{id}": {"get": {"x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/notes"}, "security": [{"users": ["read"]}]},
		"put": {"x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/notes"}}},
	"/$default": {"x-amazon-apigateway-any-method": {"isDefaultRoute": true, "x-amazon-apigateway-integration":
		{"type": "http_proxy", "httpMethod": "ANY", "uri": "http://rest.example.com", "payloadFormatVersion": "1.0"}}}},
	"components": {"schemas": {"Note": {"type": "object"}},
		"securitySchemes": {"users": {"type": "oauth2", "flows": {}, "x-amazon-apigateway-authorizer": {"type": "jwt", "identitySource": "$request.header.Authorization",
			"jwtConfiguration": {"issuer": "https://id.example.org", "audience": ["notes"]}}}},
		"x-amazon-apigateway-integrations": {"notes": {"type": "http_proxy", "httpMethod": "ANY", "uri": "http://notes.example.com/{id}", "payloadFormatVersion": "1.0"}}},
	"x-amazon-apigateway-cors": {"allowOrigins": ["*"], "maxAge": 60}}`

type api struct {
	t       *testing.T
	store   *store.Memory
	changed []string
	http.Handler
}

func newAPI(t *testing.T) *api {
	a := &api{t: t, store: store.NewMemory()}
	operations := httpapi.DocumentOperations{Store: a.store, Documents: openapi.Documents{}, Changed: func(_ context.Context, _ store.Tx, region, id string) error {
		a.changed = append(a.changed, region+" "+id)
		return nil
	}}
	service := restjson.NewService(slog.New(slog.DiscardHandler), operations.Operations()...)
	a.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		service.ServeHTTP(w, r.WithContext(restjson.WithCaller(r.Context(), restjson.Caller{Region: "eu-west-1", AccountID: "000000000000"})))
	})
	return a
}

// call calls an operation with a document in the way that its callers send it.
func (a *api) call(method, target, document string, want int) string {
	a.t.Helper()
	body, err := json.Marshal(map[string]string{"body": document})
	if err != nil {
		a.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequestWithContext(a.t.Context(), method, target, strings.NewReader(string(body))))
	if w.Code != want {
		a.t.Fatalf("%s %s: %d, want %d: %s", method, target, w.Code, want, w.Body)
	}
	return w.Body.String()
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func (a *api) content(id string) *httpapi.Content {
	a.t.Helper()
	var c *httpapi.Content
	err := a.store.View(a.t.Context(), func(reader store.Reader) (err error) {
		c, err = httpapi.ReadContent(reader, "eu-west-1", id)
		return err
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

type answer struct {
	httpapi.API
	ImportInfo, Warnings []string
	Message              string
}

func TestImportAndReimport(t *testing.T) {
	a := newAPI(t)
	got := decode[answer](t, a.call("PUT", "/v2/apis", notes, 201))
	if got.Name != "notes" || len(got.APIID) != 10 || got.ProtocolType != "HTTP" || got.Tags["team"] != "notes" || *got.CorsConfiguration.MaxAge != 60 ||
		len(got.ImportInfo) != 1 || len(got.Warnings) != 0 || got.APIEndpoint != "https://"+got.APIID+".execute-api.localhost" {
		t.Errorf("%+v", got)
	}
	c := a.content(got.APIID)
	ids := map[string]httpapi.Route{}
	for _, r := range c.Routes {
		ids[r.Route.RouteKey] = r.Route
	}
	read := ids["GET /notes/{id}"]
	if len(c.Routes) != 3 || len(c.Integrations) != 2 || read.Target != ids["PUT /notes/{id}"].Target || read.Target == ids["$default"].Target ||
		read.AuthorizationType != "JWT" || read.AuthorizerID != c.Authorizers[0].AuthorizerID || read.AuthorizationScopes[0] != "read" {
		t.Errorf("%+v", c)
	}
	if in := c.Integrations[0].Integration; in.TimeoutInMillis != 30000 || in.ConnectionType != "INTERNET" {
		t.Errorf("%+v", in)
	}
	less := strings.Replace(notes, `"put": {`, `"post": {`, 1)
	again := decode[answer](t, a.call("PUT", "/v2/apis/"+got.APIID, less, 201))
	c = a.content(got.APIID)
	if again.APIID != got.APIID || !again.CreatedDate.Equal(got.CreatedDate) || len(c.Routes) != 3 || len(c.Integrations) != 2 || len(a.changed) != 1 {
		t.Errorf("%+v %+v %v", again, c, a.changed)
	}
	for _, r := range c.Routes {
		before, known := ids[r.Route.RouteKey]
		if known && (before.RouteID != r.Route.RouteID || before.Target != r.Route.Target) || !known && r.Route.RouteKey != "POST /notes/{id}" {
			t.Errorf("%+v was %+v", r.Route, before)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	a := newAPI(t)
	two := strings.Replace(notes, `[{"users": ["read"]}]`, `[{"users": ["read"]}, {"users": []}]`, 1)
	for name, c := range map[string]struct {
		target, document, message string
		status                    int
	}{
		"garbage":      {"/v2/apis", "]", "Invalid OpenAPI input.", 400},
		"old":          {"/v2/apis", `{"swagger": "2.0", "info": {"title": "x"}, "paths": {}}`, "an HTTP API cannot be imported from OpenAPI 2.0", 400},
		"requirements": {"/v2/apis", two, "at most one security requirement", 400},
		"unknown":      {"/v2/apis/nosuch", notes, "Invalid API identifier specified nosuch", 404},
		"untitled":     {"/v2/apis", strings.Replace(notes, `"notes", "version"`, `"", "version"`, 1), "no title", 400},
	} {
		t.Run(name, func(t *testing.T) {
			a.t = t
			if got := decode[answer](t, a.call("PUT", c.target, c.document, c.status)); !strings.Contains(got.Message, c.message) {
				t.Errorf("%q", got.Message)
			}
		})
	}
	warned := strings.Replace(notes, `["read"]}]`, `["read"]}], "respones": {}`, 1)
	a.call("PUT", "/v2/apis?failOnWarnings=true", warned, 201) // which is only info
	if len(a.changed) > 0 {
		t.Errorf("%v", a.changed)
	}
}

func TestExportAPI(t *testing.T) {
	a := newAPI(t)
	id := decode[answer](t, a.call("PUT", "/v2/apis", notes, 201)).APIID
	deployed, err := json.Marshal(a.content(id))
	if err != nil {
		t.Fatal(err)
	}
	err = a.store.Update(t.Context(), func(tx store.Tx) error {
		tx.Put("eu-west-1/apis/"+id+"/contents/d1", deployed)
		tx.Put("eu-west-1/apis/"+id+"/stages/$default", []byte(`{"stageName": "$default", "deploymentId": "d1"}`))
		tx.Put("eu-west-1/apis/"+id+"/stages/empty", []byte(`{"stageName": "empty"}`))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a.call("PUT", "/v2/apis/"+id, strings.Replace(notes, "/notes/{id}", "/papers/{id}", 1), 201)
	target := "/v2/apis/" + id + "/exports/OAS30?outputType=JSON"
	for query, want := range map[string]map[string]bool{
		"":                          {"/papers/{id}": true, "/notes/{id}": false, "x-amazon-apigateway-integration": true, "servers": false},
		"&stageName=$default":       {"/papers/{id}": false, "/notes/{id}": true, "x-amazon-apigateway-cors": true, `"https://` + id + `.execute-api.localhost/{basePath}"`: true},
		"&includeExtensions=false":  {"/papers/{id}": true, "x-amazon-apigateway-integration": false, "x-amazon-apigateway-cors": false, "x-amazon-apigateway-authorizer": false},
		"&exportVersion=1.0":        {`"version" : "1"`: true},
		"&exportVersion=1.0&x=YAML": {"openapi": true},
	} {
		text, got := a.call("GET", target+query, "", 200), map[string]bool{}
		for part := range want {
			got[part] = strings.Contains(text, part)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v in %s", query, got, text)
		}
	}
	yaml := a.call("GET", "/v2/apis/"+id+"/exports/OAS30?outputType=YAML&stageName=$default", "", 200)
	a.call("PUT", "/v2/apis?failOnWarnings=true", yaml, 201)
	for target, status := range map[string]int{
		"/v2/apis/" + id + "/exports/OAS30": 400, "/v2/apis/" + id + "/exports/OAS20?outputType=JSON": 400, target + "&exportVersion=2": 400,
		target + "&stageName=no": 404, target + "&stageName=empty": 404, "/v2/apis/no/exports/OAS30?outputType=JSON": 404,
	} {
		a.call("GET", target, "", status)
	}
}

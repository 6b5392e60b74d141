package definition_test

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/definition"
)

const foreignAPI = `{"openapi": "3.0.1", "info": {"title": "notes", "version": "1"}, "paths": {"/": {"post": {
	"requestBody": {"content": {"application/xml": {"schema": {"$ref": "#/components/schemas/Note"}}}},
	"x-amazon-apigateway-request-validator": "all",
	"x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "POST", "uri": "http://127.0.0.1:9101/"}}}},
	"x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": true, "validateRequestParameters": false}},
	"components": {"schemas": {"Note": SCHEMA}}}`

// loadForeign loads files that users of the management API may have written.
func loadForeign(t *testing.T, files map[string]string) definition.Result {
	t.Helper()
	loader := definition.NewLoader(definition.Options{
		LookupEnv: func(string) (string, bool) { return "taken-from-the-machine", true },
		ReadFile: func(name string) ([]byte, error) {
			if text, ok := files[name]; ok {
				return []byte(text), nil
			}
			if !strings.HasPrefix(name, "foreign:") {
				t.Errorf("read %s", name)
			}
			return nil, errors.New("it does not exist")
		},
		Foreign: func(path string) bool { return strings.HasPrefix(path, "foreign:") },
	})
	return loader.Load(t.Context(), []string{"foreign:a/api.json"})
}

func foreignFiles(description, document, schema string) map[string]string {
	return map[string]string{
		"foreign:a/api.json":         `{"apis": [{"name": "notes", "description": "` + description + `", "stages": [{"name": "v1", "definition": "` + document + `"}]}]}`,
		"foreign:a/api.openapi.json": strings.ReplaceAll(foreignAPI, "SCHEMA", schema),
		"/etc/notes.json":            `{"type": "object"}`,
	}
}

func TestForeignFilesSeeNothingOfTheMachine(t *testing.T) {
	got := loadForeign(t, foreignFiles("the ${SECRET} of $$5", "api.openapi.json", `{"type": "object"}`))
	if got.Snapshot == nil {
		t.Fatal(got.Diagnostics)
	}
	api := got.Snapshot.API("notes")
	if api.Description != "the ${SECRET} of $$5" {
		t.Errorf("the description is %q", api.Description)
	}
	// What is kept of an API may be more than an import takes.
	if models := api.Stages[0].Deployment.Routes[0].RequestModels; models["application/xml"] != "Note" {
		t.Errorf("the request models are %v", models)
	}
}

func TestForeignFilesReferToNoOthers(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"definition": foreignFiles("", "/etc/notes.json", `{}`),
		"above":      foreignFiles("", "../../../../etc/notes.json", `{}`),
		"schema":     foreignFiles("", "api.openapi.json", `{"$ref": "/etc/notes.json"}`),
		"secret":     foreignFiles(`", "tags": {"a": {"file": "/etc/notes.json"}}, "id": "notes`, "api.openapi.json", `{}`),
	} {
		t.Run(name, func(t *testing.T) {
			if got := loadForeign(t, files); got.Snapshot != nil || !got.Diagnostics.HasErrors() {
				t.Errorf("it was loaded: %v", got.Diagnostics)
			}
		})
	}
}

package portal

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/management/store"
)

const swaggerDocument = `
swagger: "2.0"
info: {title: pets, version: "1"}
consumes: [application/json]
produces: [application/json]
tags: [{name: pets, description: All about pets.}]
securityDefinitions: {api_key: {type: apiKey, name: x-api-key, in: header}}
parameters:
  Most: {name: most, in: query, type: integer, format: int32, default: 10, description: How many.}
responses:
  Gone: {description: There is no such pet.}
paths:
  /pets:
    parameters:
      - $ref: "#/parameters/Most"
      - {name: kind, in: query, type: string, description: Of the path.}
    get:
      summary: All pets
      description: Those that *nobody* took home.
      tags: [pets]
      security: [{api_key: []}]
      parameters:
        - {name: kind, in: query, type: array, items: {type: string, enum: [cat, dog]}, collectionFormat: multi, description: The kinds.}
      responses:
        "200":
          description: The pets.
          schema: {type: array, items: {$ref: "#/definitions/Pet"}}
          headers: {X-Count: {type: integer, description: How many there are.}}
          examples: {application/json: [{name: Tom}]}
        "404": {$ref: "#/responses/Gone"}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:1/pets"}
    post:
      summary: A new pet
      parameters:
        - {name: pet, in: body, required: true, description: The pet to be., schema: {$ref: "#/definitions/Pet"}}
      responses: {"201": {description: It is there.}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "http://127.0.0.1:1/pets"}
  /pictures:
    post:
      summary: A picture
      consumes: [multipart/form-data]
      parameters:
        - {name: file, in: formData, type: file, required: true, description: The picture.}
        - {name: title, in: formData, type: string}
      responses: {"201": {description: It is there.}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "http://127.0.0.1:1/pictures"}
definitions:
  Pet:
    type: object
    discriminator: kind
    required: [kind]
    properties:
      kind: {type: string}
      $ref: {type: string, description: A property of this name.}
      discriminator: {type: string}
      mother: {$ref: "#/definitions/Pet"}
  Unused: {type: object, description: Nobody sees this.}
`

// TestSwagger holds that the words of a document of version 2 are shown as version 3 has them.
func TestSwagger(t *testing.T) {
	definitions := strings.Replace(noSignIn, `, hide: [/internal/*, "DELETE /pets/{id}"]`, "", 1)
	s := New(Options{Log: slog.New(slog.DiscardHandler), Store: store.NewMemory()})
	compiled, ds := s.Compile(loadDocument(t, definitions, swaggerDocument))
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	shown := compiled.sites["developers"].apis[0].Written
	var got map[string]any
	if err := json.Unmarshal(shown, &got); err != nil {
		t.Fatal(err)
	}
	parse := func(text string) (v any) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err, text)
		}
		return v
	}
	at := func(keys ...string) any {
		var v any = got
		for _, key := range keys {
			object, _ := v.(map[string]any)
			v = object[key]
		}
		return v
	}
	for _, c := range []struct {
		at   []string
		want string
	}{
		{[]string{"openapi"}, `"3.0.1"`},
		{[]string{"tags"}, `[{"name": "pets", "description": "All about pets."}]`},
		{[]string{"paths", "/pets", "get", "summary"}, `"All pets"`},
		{[]string{"paths", "/pets", "get", "description"}, `"Those that *nobody* took home."`},
		{[]string{"paths", "/pets", "get", "security"}, `[{"api_key": []}]`},
		{[]string{"paths", "/pets", "get", "parameters"}, `[
			{"name": "kind", "in": "query", "description": "The kinds.", "style": "form", "explode": true, "schema": {"type": "array", "items": {"type": "string", "enum": ["cat", "dog"]}}},
			{"name": "most", "in": "query", "description": "How many.", "schema": {"type": "integer", "format": "int32", "default": 10}}]`},
		{[]string{"paths", "/pets", "get", "responses"}, `{
			"200": {"description": "The pets.", "headers": {"X-Count": {"description": "How many there are.", "schema": {"type": "integer"}}},
				"content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}, "example": [{"name": "Tom"}]}}},
			"404": {"description": "There is no such pet."}}`},
		{[]string{"paths", "/pets", "post", "requestBody"}, `{"description": "The pet to be.", "required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}}`},
		{[]string{"paths", "/pictures", "post", "requestBody"}, `{"content": {"multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": {
			"file": {"type": "string", "format": "binary", "description": "The picture."}, "title": {"type": "string"}}}}}}`},
		{[]string{"components", "schemas"}, `{"Pet": {"type": "object", "discriminator": {"propertyName": "kind"}, "required": ["kind"], "properties": {
			"kind": {"type": "string"}, "$ref": {"type": "string", "description": "A property of this name."}, "discriminator": {"type": "string"}, "mother": {"$ref": "#/components/schemas/Pet"}}}}`},
	} {
		if d := cmp.Diff(parse(c.want), at(c.at...)); d != "" {
			t.Errorf("%v: %s", c.at, d)
		}
	}
	for _, inner := range []string{"x-amazon", "127.0.0.1", "Nobody sees this", "securityDefinitions", "collectionFormat"} {
		if strings.Contains(string(shown), inner) {
			t.Errorf("the document has %s: %s", inner, shown)
		}
	}
	// What no document of version 2 may have is passed over.
	for _, odd := range []string{
		`{"swagger": "2.0"}`, `{"swagger": "2.0", "paths": []}`, `{"swagger": "2.0", "paths": {"/pets": 1}}`,
		`{"swagger": "2.0", "paths": {"/pets": {"get": {"parameters": {}, "responses": [], "produces": 1}}}}`,
		`{"swagger": "2.0", "paths": {"/pets": {"get": {"parameters": [1, null, {"$ref": 1}, {"$ref": "#/parameters/x"}, {"in": "body"}, {"in": "formData"}], "responses": {"200": 1}}}}, "parameters": {"x": {"$ref": "#/parameters/x"}}}`,
		`{"swagger": "2.0", "definitions": {"a": [1], "b": {"properties": 1, "discriminator": 1, "$ref": 1}}}`,
	} {
		addWords(map[string]any{"paths": map[string]any{"/pets": map[string]any{"get": map[string]any{}}}}, odd)
	}
}

package restapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gatehouse/management/domain"
	"gatehouse/management/store"
)

// TestClone: a clone has all that the original has, and shares nothing with it.
func TestClone(t *testing.T) {
	c := newCaller(t, Options{})
	api, method := c.api()
	id := strings.TrimPrefix(api, "/restapis/")
	validator := c.must(http.StatusCreated, "POST", api+"/requestvalidators", `{"name":"all","validateRequestBody":true}`)["id"].(string)
	authorizer := c.must(http.StatusCreated, "POST", api+"/authorizers", `{"name":"auth","type":"TOKEN","identitySource":"method.request.header.Authorization",
		"authorizerUri":"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:auth/invocations"}`)["id"].(string)
	c.must(http.StatusCreated, "POST", api+"/models", `{"name":"Pet","contentType":"application/json","schema":"{\"$ref\":\"https://apigateway.amazonaws.com/restapis/`+id+`/models/Error\"}"}`)
	c.must(200, "PATCH", method, patch(`{"op":"replace","path":"/requestValidatorId","value":"`+validator+`"}`,
		`{"op":"replace","path":"/authorizationType","value":"CUSTOM"}`, `{"op":"replace","path":"/authorizerId","value":"`+authorizer+`"}`))
	c.must(200, "PATCH", api, patch(`{"op":"replace","path":"/minimumCompressionSize","value":"7"}`))

	made := c.must(http.StatusCreated, "POST", "/restapis", `{"name":"copy","cloneFrom":"`+id+`"}`)
	clone := "/restapis/" + made["id"].(string)
	if made["minimumCompressionSize"] != 7.0 || made["name"] != "copy" {
		t.Errorf("the clone: %v", made)
	}
	content := func(id string) *Content {
		var content *Content
		if err := c.store.View(t.Context(), func(r store.Reader) (err error) {
			content, err = ReadContent(r, "eu-west-1", id)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return content
	}
	before, after := content(id), content(made["id"].(string))
	ids := map[string]bool{}
	for _, r := range before.Resources {
		ids[r.ID] = true
	}
	for _, r := range after.Resources {
		if ids[r.ID] || r.Path == "/" && r.ID != made["rootResourceId"] || r.Path == "/pets" && r.ParentID != made["rootResourceId"] {
			t.Errorf("the resource %s of the clone is %+v", r.Path, r)
		}
		if get, ok := r.ResourceMethods["GET"]; ok {
			if get.AuthorizerID != after.Authorizers[0].ID || get.RequestValidatorID != after.RequestValidators[0].ID || get.MethodIntegration.CacheNamespace != r.ID {
				t.Errorf("the method of the clone is %+v", get)
			}
		}
	}
	if after.Authorizers[0].ID == authorizer || after.RequestValidators[0].ID == validator {
		t.Error("the clone shares ids with the original")
	}
	if schema := c.must(200, "GET", clone+"/models/Pet", "")["schema"].(string); !strings.Contains(schema, clone+"/models/Error") {
		t.Errorf("the model of the clone refers to another API's: %s", schema)
	}
	c.must(http.StatusAccepted, "DELETE", api, "")
	c.deploy(clone, `{"stageName":"prod"}`)
	c.refused(404, "Invalid API identifier specified 123456789012:"+id, "POST", "/restapis", `{"name":"x","cloneFrom":"`+id+`"}`)
}

// TestPolicyIsEscaped: what Terraform does with a policy gives the policy that was sent.
func TestPolicyIsEscaped(t *testing.T) {
	c := newCaller(t, Options{})
	const policy = `{"Statement":[{"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}`
	body, err := json.Marshal(map[string]string{"name": "pets", "policy": policy})
	if err != nil {
		t.Fatal(err)
	}
	made := c.must(http.StatusCreated, "POST", "/restapis", string(body))
	for _, answer := range []map[string]any{
		made, c.must(200, "GET", "/restapis/"+made["id"].(string), ""),
		c.must(200, "PATCH", "/restapis/"+made["id"].(string), patch(`{"op":"replace","path":"/name","value":"cats"}`)),
		c.must(200, "GET", "/restapis", "")["item"].([]any)[0].(map[string]any),
	} {
		var got string
		if err := json.Unmarshal([]byte(`"`+answer["policy"].(string)+`"`), &got); err != nil || got != policy || !strings.Contains(answer["policy"].(string), `10.0.0.0\/8`) {
			t.Errorf("the policy is %q (%v), which means %q", answer["policy"], err, got)
		}
	}
}

// TestForeignKeys: an id with an escaped slash is that of no API, whatever the store has
// under such a key.
func TestForeignKeys(t *testing.T) {
	c := newCaller(t, Options{})
	api, method := c.api()
	resource := strings.TrimSuffix(strings.TrimPrefix(method, "/restapis/"), "/methods/GET")
	hidden := "/restapis/" + strings.ReplaceAll(resource, "/", "%2F")
	message := "Invalid API identifier specified 123456789012:" + resource
	c.refused(404, message, "GET", hidden, "")
	c.refused(404, message, "DELETE", hidden, "")
	c.refused(404, message, "POST", hidden+"/deployments", `{}`)
	c.refused(404, message, "POST", "/restapis", `{"name":"x","cloneFrom":"`+resource+`"}`)
	c.refused(404, message, "POST", hidden+"/authorizers", `{}`)
	c.must(200, "GET", api, "")
}

// TestMappedAPI: what a domain leads to is not deleted.
func TestMappedAPI(t *testing.T) {
	c := newCaller(t, Options{})
	api, _ := c.api()
	c.deploy(api, `{"stageName":"prod"}`)
	c.deploy(api, `{"stageName":"test"}`)
	id := strings.TrimPrefix(api, "/restapis/")
	mapping := domain.MappingKey("eu-west-1", "api.example.com", "pets")
	change := func(change func(store.Tx) error) {
		if err := c.store.Update(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	change(func(tx store.Tx) error {
		return store.WriteDocument(tx, mapping, domain.Mapping{ID: "abc123", Path: "pets", APIID: id, Stage: "prod"})
	})
	c.refused(400, "Deleting RestApi "+id+" failed. Please remove all base path mappings related to the RestApi in your domains: api.example.com.", "DELETE", api, "")
	c.refused(400, "Deleting stage prod failed. Please remove all base path mappings related to the stage in your domains: api.example.com.", "DELETE", api+"/stages/prod", "")
	c.must(http.StatusAccepted, "DELETE", api+"/stages/test", "")
	change(func(tx store.Tx) error { tx.Delete(mapping); return nil })
	c.must(http.StatusAccepted, "DELETE", api, "")
}

// TestPatchMembers: all operations of an update that there are not are told at once.
func TestPatchMembers(t *testing.T) {
	c := newCaller(t, Options{})
	api, _ := c.api()
	c.refused(400, "2 validation errors detected: Value 'set' at 'updateRestApiInput.patchOperations.1.member.op' failed to satisfy constraint: Member must satisfy enum value set: [add, remove, move, test, replace, copy]; "+
		"Value null at 'updateRestApiInput.patchOperations.3.member.op' failed to satisfy constraint: Member must not be null",
		"PATCH", api, patch(`{"op":"set","path":"/name","value":"x"}`, `{"op":"replace","path":"/name","value":"x"}`, `{"path":"/name","value":"x"}`))
	if _, kind, _ := c.call("PATCH", api, patch(`{"op":"set"}`)); kind != "ValidationException" {
		t.Errorf("the error is a %s", kind)
	}
}

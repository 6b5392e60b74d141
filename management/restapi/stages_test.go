package restapi

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// caller calls a service whose documents are in memory.
type caller struct {
	t       *testing.T
	service *Service
	store   *store.Memory
}

func newCaller(t *testing.T, options Options) *caller {
	t.Helper()
	memory := store.NewMemory()
	options.Store, options.Log = memory, slog.New(slog.DiscardHandler)
	return &caller{t, NewService(options), memory}
}

// call returns the status, the type of the error and the body of an answer.
func (c *caller) call(method, path, body string) (status int, errorType string, answer map[string]any) {
	c.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r = r.WithContext(restjson.WithCaller(r.Context(), restjson.Caller{Region: "eu-west-1", AccountID: "123456789012"}))
	w := httptest.NewRecorder()
	c.service.ServeHTTP(w, r)
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			c.t.Fatalf("%s %s answers no JSON: %s", method, path, w.Body)
		}
	}
	return w.Code, w.Header().Get("X-Amzn-Errortype"), answer
}

// must calls, and fails the test when the status is another.
func (c *caller) must(status int, method, path, body string) map[string]any {
	c.t.Helper()
	got, kind, answer := c.call(method, path, body)
	if got != status {
		c.t.Fatalf("%s %s %s: %d %s %v, want %d", method, path, body, got, kind, answer, status)
	}
	return answer
}

// refused calls, and wants an error; nothing may have changed then.
func (c *caller) refused(status int, message, method, path, body string) {
	c.t.Helper()
	before := c.dump()
	got, kind, answer := c.call(method, path, body)
	if got != status || answer["message"] != message {
		c.t.Errorf("%s %s %s:\n got %d %s %q\nwant %d %q", method, path, body, got, kind, answer["message"], status, message)
	}
	if !bytes.Equal(before, c.dump()) {
		c.t.Errorf("%s %s %s was refused, and changed something", method, path, body)
	}
}

func (c *caller) dump() (all []byte) {
	err := c.store.View(c.t.Context(), func(r store.Reader) error {
		entries, err := r.List("")
		for _, e := range entries {
			all = append(all, e.Key...)
			all = append(all, e.Value...)
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return all
}

// api makes an API with GET /pets, and returns the paths of the API and of the method.
func (c *caller) api() (api, method string) {
	c.t.Helper()
	made := c.must(http.StatusCreated, "POST", "/restapis", `{"name":"pets"}`)
	api = "/restapis/" + made["id"].(string)
	pets := c.must(http.StatusCreated, "POST", api+"/resources/"+made["rootResourceId"].(string), `{"pathPart":"pets"}`)
	method = api + "/resources/" + pets["id"].(string) + "/methods/GET"
	c.must(http.StatusCreated, "PUT", method, `{"authorizationType":"NONE"}`)
	c.must(http.StatusCreated, "PUT", method+"/integration", `{"type":"HTTP_PROXY","httpMethod":"GET","uri":"http://pets.example/"}`)
	return api, method
}

func (c *caller) deploy(api, body string) string {
	c.t.Helper()
	return c.must(http.StatusCreated, "POST", api+"/deployments", body)["id"].(string)
}

func patch(operations ...string) string {
	return `{"patchOperations":[` + strings.Join(operations, ",") + `]}`
}

// TestCanary: one is begun, promoted and ended, as the console and the CLI do it.
func TestCanary(t *testing.T) {
	c := newCaller(t, Options{})
	api, _ := c.api()
	prod := api + "/stages/prod"
	c.refused(400, "Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment. Provided value is null", "POST", api+"/deployments", `{"canarySettings":{"percentTraffic":10}}`)
	c.refused(400, "Invalid deployment content specified.Stage prod must already be created before making a canary release deployment", "POST", api+"/deployments", `{"stageName":"prod","canarySettings":{"percentTraffic":10}}`)
	first := c.deploy(api, `{"stageName":"prod","variables":{"color":"blue","kept":"yes"}}`)
	c.refused(400, "Promotion not available. Canary does not exist.", "PATCH", prod, patch(`{"op":"copy","from":"/canarySettings/deploymentId","path":"/deploymentId"}`))
	second := c.deploy(api, `{"stageName":"prod","canarySettings":{"percentTraffic":12.5,"stageVariableOverrides":{"color":"green"}}}`)
	stage := c.must(200, "GET", prod, "")
	canary, _ := stage["canarySettings"].(map[string]any)
	if stage["deploymentId"] != first || canary["deploymentId"] != second || canary["percentTraffic"] != 12.5 {
		t.Fatalf("with a canary: %v", stage)
	}
	c.refused(400, "Active stages pointing to this deployment must be moved or deleted", "DELETE", api+"/deployments/"+second, "")
	c.refused(400, "Invalid add operation with path: /canarySettings/deploymentId", "PATCH", prod, patch(`{"op":"add","path":"/canarySettings/deploymentId","value":"x"}`))
	stage = c.must(200, "PATCH", prod, patch(
		`{"op":"replace","path":"/canarySettings/percentTraffic","value":"0.0"}`,
		`{"op":"copy","from":"/canarySettings/stageVariableOverrides","path":"/variables"}`,
		`{"op":"copy","from":"/canarySettings/deploymentId","path":"/deploymentId"}`))
	variables, _ := stage["variables"].(map[string]any)
	if stage["deploymentId"] != second || variables["color"] != "green" || variables["kept"] != "yes" {
		t.Fatalf("promoted: %v", stage)
	}
	stage = c.must(200, "PATCH", prod, patch(`{"op":"remove","path":"/canarySettings"}`))
	if _, there := stage["canarySettings"]; there {
		t.Errorf("the canary has not ended: %v", stage)
	}
	// Back to what was served before.
	c.must(200, "PATCH", prod, patch(`{"op":"replace","path":"/deploymentId","value":"`+first+`"}`))
	c.must(http.StatusAccepted, "DELETE", api+"/deployments/"+second, "")
	c.refused(400, "Deployment id does not exist", "PATCH", prod, patch(`{"op":"replace","path":"/deploymentId","value":"`+second+`"}`))
}

// TestMethodSettings: the CLI escapes the path of a resource, Terraform does not.
func TestMethodSettings(t *testing.T) {
	c := newCaller(t, Options{})
	api, _ := c.api()
	c.deploy(api, `{"stageName":"prod"}`)
	prod := api + "/stages/prod"
	c.must(200, "PATCH", prod, patch(`{"op":"replace","path":"/*/*/throttling/rateLimit","value":"50.5"}`, `{"op":"replace","path":"/~1pets~1{id}/GET/throttling/burstLimit","value":"7"}`))
	stage := c.must(200, "PATCH", prod, patch(`{"op":"replace","path":"/pets/{id}/GET/logging/loglevel","value":"INFO"}`, `{"op":"replace","path":"/~1/GET/caching/ttlInSeconds","value":"60"}`))
	settings, _ := stage["methodSettings"].(map[string]any)
	all, _ := settings["*/*"].(map[string]any)
	pet, _ := settings["pets/{id}/GET"].(map[string]any)
	root, _ := settings["/GET"].(map[string]any)
	if len(settings) != 3 || all["throttlingRateLimit"] != 50.5 || all["loggingLevel"] != "OFF" || all["cacheTtlInSeconds"] != 300.0 ||
		pet["throttlingBurstLimit"] != 7.0 || pet["throttlingRateLimit"] != 50.5 || pet["loggingLevel"] != "INFO" || root["cacheTtlInSeconds"] != 60.0 {
		t.Errorf("settings: %v", settings)
	}
	c.refused(400, "Cannot remove method setting /toys/GET because there is no method setting for this method ", "PATCH", prod, patch(`{"op":"remove","path":"/toys/GET"}`))
	c.refused(400, "Invalid value '-0.5' specified for /throttling/rateLimit: it must not be negative", "PATCH", prod, patch(`{"op":"replace","path":"/*/*/throttling/rateLimit","value":"-0.5"}`))
	c.refused(400, "Invalid cache TTL: it must be between 0 and 3600 seconds", "PATCH", prod, patch(`{"op":"replace","path":"/*/*/caching/ttlInSeconds","value":"4000"}`))
	c.refused(400, "invalid character ':' after top-level value", "PATCH", prod, patch(`{"op":"replace","path":"/*/*/caching/enabled","value":"true"}`)[1:])
	stage = c.must(200, "PATCH", prod, patch(`{"op":"remove","path":"/~1pets~1{id}/GET"}`))
	if settings, _ := stage["methodSettings"].(map[string]any); len(settings) != 2 {
		t.Errorf("after the removal: %v", settings)
	}
	if status, kind, answer := c.call("PATCH", prod, patch(`{"op":"replace","path":"/tracingEnabled","value":true}`)); status != 400 || kind != "SerializationException" {
		t.Errorf("a value that is no string: %d %s %v", status, kind, answer)
	}
}

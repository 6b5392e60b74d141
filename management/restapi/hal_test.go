package restapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/management/restjson"
)

// TestHAL: who asks for links gets them, and each leads somewhere.
func TestHAL(t *testing.T) {
	c := newCaller(t, Options{})
	api, method := c.api()
	c.deploy(api, `{"stageName":"prod"}`)
	c.must(http.StatusCreated, "POST", "/restapis", `{"name":"cats"}`)
	ask := func(method, path, body string) (*httptest.ResponseRecorder, map[string]any) {
		t.Helper()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Accept", "application/hal+json;q=1, */*")
		r = r.WithContext(restjson.WithCaller(r.Context(), restjson.Caller{Region: "eu-west-1", AccountID: "123456789012"}))
		w := httptest.NewRecorder()
		c.service.ServeHTTP(w, r)
		var answer map[string]any
		if w.Body.Len() > 0 {
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
				t.Fatalf("%s: %v", w.Body, err)
			}
		}
		return w, answer
	}
	href := func(path string) any { return map[string]any{"href": path} }

	w, got := ask("GET", api, "")
	if w.Header().Get("Content-Type") != "application/hal+json" || got["name"] != "pets" {
		t.Errorf("an API: %v %v", w.Header(), got)
	}
	links := map[string]any{"self": href(api), "restapi:update": href(api), "restapi:delete": href(api)}
	for _, name := range []string{"authorizers", "deployments", "gatewayresponses", "models", "requestvalidators", "resources", "stages"} {
		links["restapi:"+name] = href(api + "/" + name)
		c.must(200, "GET", api+"/"+name, "")
	}
	if diff := cmp.Diff(links, got["_links"]); diff != "" {
		t.Errorf("the links of an API (-want +got):\n%s", diff)
	}

	_, got = ask("GET", method, "")
	if got["_links"].(map[string]any)["method:integration"].(map[string]any)["href"] != method+"/integration" {
		t.Errorf("the links of a method: %v", got["_links"])
	}

	_, got = ask("GET", "/restapis?limit=1", "")
	list, _ := got["_links"].(map[string]any)
	items, _ := got["_embedded"].(map[string]any)["item"].([]any)
	if len(items) != 1 || got["item"] != nil || list["restapi:create"] == nil {
		t.Fatalf("a list: %v", got)
	}
	self := items[0].(map[string]any)["_links"].(map[string]any)["self"].(map[string]any)["href"].(string)
	c.must(200, "GET", self, "")
	next := list["next"].(map[string]any)["href"].(string)
	if _, got = ask("GET", next, ""); got["_links"].(map[string]any)["next"] != nil || cmp.Equal(got["_links"].(map[string]any)["item"], []any{href(self)}) {
		t.Errorf("the next page: %v", got)
	}
	for _, folder := range []string{"/stages", "/models", "/gatewayresponses", "/resources"} {
		_, got = ask("GET", api+folder, "")
		for _, item := range got["_links"].(map[string]any)["item"].([]any) {
			c.must(200, "GET", item.(map[string]any)["href"].(string), "")
		}
	}

	// What is made is linked to where it is.
	_, got = ask("POST", strings.TrimSuffix(method, "/methods/GET"), `{"pathPart":"{id}"}`)
	c.must(200, "GET", got["_links"].(map[string]any)["self"].(map[string]any)["href"].(string), "")
	_, got = ask("POST", api+"/models", `{"name":"Pet","contentType":"application/json","schema":"{\"type\":\"object\"}"}`)
	c.must(200, "GET", got["_links"].(map[string]any)["self"].(map[string]any)["href"].(string), "")

	if w, got = ask("GET", "/restapis/nothing123", ""); w.Code != 404 || w.Header().Get("Content-Type") != "application/json" || got["_links"] != nil {
		t.Errorf("an error: %d %v", w.Code, got)
	}
	if w, _ = ask("DELETE", method, ""); w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Errorf("nothing: %d %s", w.Code, w.Body)
	}
}

package restapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/management/store"
)

// TestMovedResources: what a resource may be below another holds for all that moves with
// it.
func TestMovedResources(t *testing.T) {
	c := newCaller(t, Options{})
	made := c.must(http.StatusCreated, "POST", "/restapis", `{"name":"pets"}`)
	resources := fmt.Sprintf("/restapis/%s/resources/", made["id"])
	add := func(parent, part string) string {
		return c.must(http.StatusCreated, "POST", resources+parent, `{"pathPart":"`+part+`"}`)["id"].(string)
	}
	root := made["rootResourceId"].(string)
	shops := add(root, "shops")
	shop := add(shops, "{id}")
	pets := add(root, "pets")
	pet := add(pets, "{id}")
	const duplicate = "Resource's path part has a duplicate path variable: {id}"
	c.refused(400, duplicate, "POST", resources+shop, `{"pathPart":"{id}"}`)
	c.refused(400, duplicate, "PATCH", resources+pets, patch(`{"op":"replace","path":"/parentId","value":"`+shop+`"}`))
	c.refused(400, "Cannot create a child of a resource with a greedy path variable: {proxy+}", "PATCH", resources+pets, patch(`{"op":"replace","path":"/pathPart","value":"{proxy+}"}`))
	c.refused(400, "Resources cannot be cyclical.", "PATCH", resources+pets, patch(`{"op":"replace","path":"/parentId","value":"`+pets+`"}`))
	c.refused(404, "Invalid Resource identifier specified", "PATCH", resources+pets, patch(`{"op":"replace","path":"/parentId","value":"nothing"}`))
	c.must(200, "PATCH", resources+pet, patch(`{"op":"replace","path":"/pathPart","value":"{name}"}`))
	c.must(200, "PATCH", resources+pets, patch(`{"op":"replace","path":"/parentId","value":"`+shop+`"}`))
	if path := c.must(200, "GET", resources+pet, "")["path"]; path != "/shops/{id}/pets/{name}" {
		t.Errorf("what is below has moved to %s", path)
	}
	c.must(http.StatusAccepted, "DELETE", resources+shops, "")
	for _, gone := range []string{shop, pets, pet} {
		c.refused(404, "Invalid Resource identifier specified", "GET", resources+gone, "")
	}
	c.refused(400, "Root resource cannot be deleted.", "DELETE", resources+root, "")
}

// TestIntegrationParameters: an integration takes what its method declares.
func TestIntegrationParameters(t *testing.T) {
	c := newCaller(t, Options{})
	_, method := c.api()
	integration := func(members string) string {
		return `{"type":"HTTP","httpMethod":"GET","uri":"http://pets.example/",` + members + `}`
	}
	const mapping = "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: %s]"
	header := integration(`"requestParameters":{"integration.request.header.a":"method.request.header.A"},"cacheKeyParameters":["integration.request.header.a","method.request.header.A"]`)
	c.refused(400, fmt.Sprintf(mapping, "method.request.header.A"), "PUT", method+"/integration", header)
	c.must(200, "PATCH", method, patch(`{"op":"add","path":"/requestParameters/method.request.header.A","value":"false"}`))
	c.must(http.StatusCreated, "PUT", method+"/integration", header)
	c.must(http.StatusCreated, "PUT", method+"/integration", integration(`"requestParameters":{"integration.request.header.a":"method.request.multivalueheader.A"}`))
	c.refused(400, "Invalid cache key parameter specified", "PUT", method+"/integration", integration(`"cacheKeyParameters":["method.request.header.B"]`))
	c.refused(400, "Invalid cache key parameter specified", "PATCH", method+"/integration", patch(`{"op":"add","path":"/cacheKeyParameters/integration.request.header.b"}`))
	if got := c.must(200, "GET", method, "")["methodIntegration"].(map[string]any)["cacheKeyParameters"]; fmt.Sprint(got) != "[]" {
		t.Errorf("the method tells %v of cache keys", got)
	}
	c.must(http.StatusCreated, "PUT", method+"/responses/200", `{"responseParameters":{"method.response.header.A":true}}`)
	c.refused(400, fmt.Sprintf(mapping, "method.response.header.B"), "PUT", method+"/integration/responses/200", `{"responseParameters":{"method.response.header.B":"'b'"}}`)
	c.refused(400, strings.Replace(fmt.Sprintf(mapping, "method.request.header.A"), "expression parameter specified: m", "expression specified: m", 1),
		"PUT", method+"/integration/responses/200", `{"responseParameters":{"method.response.header.A":"method.request.header.A"}}`)
}

// TestParameterNames: parameters are named as Amazon has it, which lets no brackets in.
func TestParameterNames(t *testing.T) {
	c := newCaller(t, Options{})
	_, method := c.api()
	const problem = "Invalid mapping expression specified: Validation Result: warnings : [], errors : [%s]"
	const named = "Parameter name should match the following regular expression: ^[a-zA-Z0-9:._$-]+$"
	resource := strings.TrimSuffix(method, "GET")
	put := func(name string) string {
		return `{"authorizationType":"NONE","requestParameters":{"` + name + `":true}}`
	}
	c.refused(400, fmt.Sprintf(problem, named), "PUT", resource+"POST", put("method.request.querystring.filter[a]"))
	c.refused(400, fmt.Sprintf(problem, "Invalid mapping expression specified: method.request.body.a"), "PUT", resource+"POST", put("method.request.body.a"))
	c.must(http.StatusCreated, "PUT", resource+"POST", put("method.request.querystring.a$b:c-d.e_f"))
	c.refused(400, fmt.Sprintf(problem, named), "PATCH", method, patch(`{"op":"add","path":"/requestParameters/method.request.header.x[a]","value":"true"}`))
	c.refused(400, fmt.Sprintf(problem, named), "PUT", method+"/responses/200", `{"responseParameters":{"method.response.header.x[a]":true}}`)
	c.must(http.StatusCreated, "PUT", method+"/integration", `{"type":"MOCK"}`)
	c.refused(400, fmt.Sprintf(problem, "No method response exists for method."), "PUT", method+"/integration/responses/200", `{"responseParameters":{"method.response.header.x":"'a'"}}`)
	c.refused(404, "Invalid Response status code specified", "PUT", method+"/integration/responses/200", `{}`)
}

// TestStageMembers: what a stage refers to is there, and its log has one line a request.
func TestStageMembers(t *testing.T) {
	c := newCaller(t, Options{})
	api, _ := c.api()
	deployment := c.deploy(api, `{"stageName":"prod"}`)
	prod := api + "/stages/prod"
	replace := func(path, value string) string {
		return patch(`{"op":"replace","path":"` + path + `","value":"` + value + `"}`)
	}
	c.refused(400, "Invalid client certificate ID specified: abc123", "PATCH", prod, replace("/clientCertificateId", "abc123"))
	certificate := c.must(http.StatusCreated, "POST", "/clientcertificates", `{}`)["clientCertificateId"].(string)
	c.must(200, "PATCH", prod, replace("/clientCertificateId", certificate))
	c.must(200, "PATCH", prod, replace("/clientCertificateId", ""))
	c.refused(400, "Access Log format must be single line, new line character is allowed only at end of the format", "PATCH", prod, replace("/accessLogSettings/format", `$context.requestId\n$context.status`))
	c.refused(400, "Access Log format must contain $context.requestId or $context.extendedRequestId", "PATCH", prod, replace("/accessLogSettings/format", "$context.status"))
	c.refused(400, "Access Log format can have at most 3072 bytes", "PATCH", prod, replace("/accessLogSettings/format", "$context.requestId"+strings.Repeat("x", 3072)))
	c.must(200, "PATCH", prod, replace("/accessLogSettings/format", `$context.requestId\n`))
	c.refused(400, "Invalid Documentation version specified", "PATCH", prod, replace("/documentationVersion", "1"))
	c.refused(400, "Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment. Provided value is blank", "POST", api+"/deployments", `{"stageName":"","canarySettings":{}}`)
	c.refused(400, "Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment. Provided value is null", "POST", api+"/deployments", `{"stageName":null,"canarySettings":{}}`)
	for i := 1; i < maxStages; i++ {
		c.must(http.StatusCreated, "POST", api+"/stages", fmt.Sprintf(`{"stageName":"s%d","deploymentId":"%s"}`, i, deployment))
	}
	const full = "Maximum number of stages for this API has been reached. Please contact AWS if you need additional stages."
	c.refused(429, full, "POST", api+"/stages", `{"stageName":"more","deploymentId":"`+deployment+`"}`)
	c.refused(429, full, "POST", api+"/deployments", `{"stageName":"more"}`)
	c.deploy(api, `{"stageName":"s1"}`)
}

// noted are caches that note what is flushed, and then fail.
type noted struct{ flushed []string }

func (n *noted) FlushData(_ context.Context, api, stage string) error {
	n.flushed = append(n.flushed, "data of "+api+"/"+stage)
	return nil
}

func (n *noted) FlushAuthorizers(_ context.Context, api, stage string) error {
	n.flushed = append(n.flushed, "authorizers of "+api+"/"+stage)
	return store.ErrUnavailable
}

// TestFlush: the caches of the stage are flushed, and callers are told if they cannot be.
func TestFlush(t *testing.T) {
	caches := &noted{}
	c := newCaller(t, Options{Caches: caches})
	api, _ := c.api()
	id := strings.TrimPrefix(api, "/restapis/")
	c.deploy(api, `{"stageName":"prod","cacheClusterEnabled":true,"cacheClusterSize":"0.5"}`)
	c.must(http.StatusAccepted, "DELETE", api+"/stages/prod/cache/data", "")
	c.refused(503, "The store is not available. Please try again later.", "DELETE", api+"/stages/prod/cache/authorizers", "")
	c.refused(404, "Invalid stage identifier specified", "DELETE", api+"/stages/test/cache/authorizers", "")
	if want := []string{"data of " + id + "/prod", "authorizers of " + id + "/prod"}; !slices.Equal(caches.flushed, want) {
		t.Errorf("flushed %q, want %q", caches.flushed, want)
	}
}

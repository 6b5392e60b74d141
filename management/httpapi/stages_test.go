package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/management/httpapi"
)

func TestDeploymentsAreImmutable(t *testing.T) {
	c := newClient(t)
	api := c.newHTTPAPI()
	path := "/apis/" + api
	c.badRequest("POST", path+"/deployments", document{}, "At least one route is required before deploying the Api")
	integration := c.newIntegration(api)
	c.create(path+"/routes", "routeId", document{"routeKey": "GET /a", "target": "integrations/" + integration})
	first := c.call("POST", path+"/deployments", document{"description": "the first"}, http.StatusCreated)
	c.has(first, document{"deploymentStatus": "DEPLOYED", "description": "the first", "autoDeployed": nil})
	one := first["deploymentId"].(string)
	c.has(c.call("POST", path+"/stages", document{"stageName": "prod", "deploymentId": one}, http.StatusCreated), document{
		"stageName": "prod", "deploymentId": one, "autoDeploy": nil, "routeSettings": document{}, "stageVariables": document{}, "tags": document{},
		"defaultRouteSettings": document{"detailedMetricsEnabled": false, "dataTraceEnabled": false},
	})
	before := c.content(api, one)

	// What is changed now is in the next deployment only.
	c.create(path+"/routes", "routeId", document{"routeKey": "GET /b", "target": "integrations/" + integration})
	c.call("PATCH", path+"/integrations/"+integration, document{"integrationUri": "http://other.example.com/"}, http.StatusOK)
	two := c.create(path+"/deployments", "deploymentId", document{"stageName": "prod"})
	if after := c.content(api, one); after != before {
		t.Errorf("the first deployment was changed:\n%s\nbefore:\n%s", after, before)
	}
	var content httpapi.Content
	if err := json.Unmarshal([]byte(c.content(api, two)), &content); err != nil {
		t.Fatal(err)
	}
	if len(content.Routes) != 2 || content.Integrations[0].Integration.IntegrationURI != "http://other.example.com/" {
		t.Errorf("the second deployment has %+v", content)
	}
	c.has(c.call("GET", path+"/stages/prod", nil, http.StatusOK), document{"deploymentId": two})
	// A stage goes back by pointing at the old one.
	c.has(c.call("PATCH", path+"/stages/prod", document{"deploymentId": one}, http.StatusOK), document{"deploymentId": one})
	c.badRequest("DELETE", path+"/deployments/"+one, nil, "Active stages pointing to this deployment must be moved or deleted")
	c.call("DELETE", path+"/deployments/"+two, nil, http.StatusNoContent)
	c.notFound("GET", path+"/deployments/"+two, nil, "Invalid Deployment identifier specified")
	if content := c.content(api, two); content != "" {
		t.Errorf("the content of a deleted deployment is kept: %s", content)
	}
	c.has(c.call("PATCH", path+"/deployments/"+one, document{"description": "old"}, http.StatusOK), document{"description": "old"})
	c.badRequest("PATCH", path+"/stages/prod", document{"deploymentId": two}, "Deployment id does not exist")
	c.notFound("POST", path+"/deployments", document{"stageName": "none"}, "Invalid stage identifier specified")
}

// content is what is kept of a deployment.
func (c *client) content(api, deployment string) string {
	return c.everything()["eu-west-1/apis/"+api+"/contents/"+deployment]
}

func TestAutoDeploy(t *testing.T) {
	c := newClient(t)
	api := c.newHTTPAPI()
	path := "/apis/" + api
	c.has(c.call("POST", path+"/stages", document{"stageName": "$default", "autoDeploy": true}, http.StatusCreated),
		document{"deploymentId": nil, "lastDeploymentStatusMessage": "Deployment attempt failed: At least one route is required before deploying the Api"})
	stage := func() string {
		id, _ := c.call("GET", path+"/stages/$default", nil, http.StatusOK)["deploymentId"].(string)
		return id
	}
	integration := c.newIntegration(api)
	if id := stage(); id != "" {
		t.Errorf("an API without routes is deployed as %s", id)
	}
	deployed := ""
	moved := func(what string) {
		t.Helper()
		now := stage()
		if now == deployed || now == "" {
			t.Errorf("%s was not deployed", what)
		}
		deployed = now
	}
	route := path + "/routes/" + c.create(path+"/routes", "routeId", document{"routeKey": "GET /a", "target": "integrations/" + integration})
	moved("a new route")
	c.call("PATCH", path, document{"corsConfiguration": document{"allowOrigins": []string{"*"}}}, http.StatusOK)
	moved("CORS")
	c.call("PATCH", path+"/integrations/"+integration, document{"timeoutInMillis": 500}, http.StatusOK)
	moved("an integration")
	authorizer := c.create(path+"/authorizers", "authorizerId", document{
		"name": "users", "authorizerType": "JWT", "identitySource": []string{"$request.header.Authorization"},
		"jwtConfiguration": document{"issuer": "https://id.example.com/", "audience": []string{"pets"}},
	})
	moved("an authorizer")
	c.call("PATCH", route, document{"authorizationType": "JWT", "authorizerId": authorizer}, http.StatusOK)
	moved("a route")
	// A route that is to get its target by the next call leaves what is served as it is.
	early := path + "/routes/" + c.create(path+"/routes", "routeId", document{"routeKey": "GET /early"})
	c.has(c.call("GET", path+"/stages/$default", nil, http.StatusOK),
		document{"deploymentId": deployed, "lastDeploymentStatusMessage": "Deployment attempt failed: The route GET /early has no target"})
	c.call("PATCH", early, document{"target": "integrations/" + integration}, http.StatusOK)
	moved("a route's target")
	c.badRequest("PATCH", path+"/stages/$default", document{"deploymentId": deployed}, "Deployment ID cannot be set or updated because Stage has autoDeploy enabled")
	c.badRequest("POST", path+"/deployments", document{"stageName": "$default"}, "Deployments cannot be associated with the stage $default because it has autoDeploy enabled")

	// Old automatic deployments go, those that somebody made or uses stay.
	kept := c.create(path+"/deployments", "deploymentId", document{})
	used := deployed
	c.call("POST", path+"/stages", document{"stageName": "pinned", "deploymentId": used}, http.StatusCreated)
	for i := range 30 {
		c.call("PATCH", path+"/integrations/"+integration, document{"timeoutInMillis": 501 + i}, http.StatusOK)
	}
	moved("an integration")
	var ids []string
	for _, item := range c.call("GET", path+"/deployments?maxResults=100", nil, http.StatusOK)["items"].([]any) {
		ids = append(ids, item.(document)["deploymentId"].(string))
	}
	for _, id := range []string{kept, used, deployed} {
		if !slices.Contains(ids, id) {
			t.Errorf("the deployment %s is gone", id)
		}
	}
	if len(ids) != 13 {
		t.Errorf("%d deployments are kept, want 10 automatic ones and 3", len(ids))
	}
	for key := range c.everything() {
		if id, ok := strings.CutPrefix(key, "eu-west-1/apis/"+api+"/contents/"); ok && !slices.Contains(ids, id) {
			t.Errorf("the content of %s is kept without its deployment", id)
		}
	}

	// Whoever turns it on gets what there is.
	c.call("POST", path+"/stages", document{"stageName": "later"}, http.StatusCreated)
	if id := c.call("PATCH", path+"/stages/later", document{"autoDeploy": true}, http.StatusOK)["deploymentId"]; id == nil {
		t.Error("a stage that begins to deploy automatically has no deployment")
	}
}

// TestUnservable: a change that the gateway cannot serve is not made at all.
func TestUnservable(t *testing.T) {
	c := newClient(t)
	api := c.newHTTPAPI()
	path := "/apis/" + api
	integration := c.newIntegration(api)
	route := document{"routeKey": "GET /a", "target": "integrations/" + integration}
	id := c.create(path+"/routes", "routeId", route)
	c.checker.refuse = errRefused
	if len(c.checker.checked) > 0 {
		t.Errorf("what no stage serves was checked: %v", c.checker.checked)
	}
	// Without a stage nobody would be served.
	deployment := c.create(path+"/deployments", "deploymentId", document{})
	c.badRequest("POST", path+"/stages", document{"stageName": "prod", "deploymentId": deployment}, errRefused.Error())
	c.badRequest("POST", path+"/stages", document{"stageName": "prod", "autoDeploy": true}, errRefused.Error())
	c.checker.refuse = nil
	c.call("POST", path+"/stages", document{"stageName": "prod", "deploymentId": deployment}, http.StatusCreated)
	c.checker.refuse = errRefused
	c.badRequest("PATCH", path+"/stages/prod", document{"stageVariables": document{"a": "b"}}, errRefused.Error())
	c.badRequest("POST", path+"/deployments", document{"stageName": "prod"}, errRefused.Error())
	// What is not deployed changes nothing.
	c.call("PATCH", path+"/routes/"+id, document{"routeKey": "GET /b"}, http.StatusOK)
	c.checker.refuse = nil
	c.call("PATCH", path+"/stages/prod", document{"autoDeploy": true}, http.StatusOK)
	c.checker.refuse = errRefused
	c.badRequest("PATCH", path+"/routes/"+id, document{"routeKey": "GET /c"}, errRefused.Error())
	c.badRequest("DELETE", path+"/routes/"+c.createAnyway(path+"/routes", document{"routeKey": "GET /d", "target": "integrations/" + integration}), nil, errRefused.Error())
	if want := "eu-west-1/apis/" + api; !slices.Contains(c.checker.checked, want) {
		t.Errorf("%s was not checked, but %v", want, c.checker.checked)
	}
}

// createAnyway creates something that the checker lets pass.
func (c *client) createAnyway(path string, body document) string {
	c.t.Helper()
	refuse := c.checker.refuse
	c.checker.refuse = nil
	defer func() { c.checker.refuse = refuse }()
	return c.create(path, "routeId", body)
}

func TestStages(t *testing.T) {
	c := newClient(t)
	api := c.newHTTPAPI()
	c.create("/apis/"+api+"/routes", "routeId", document{"routeKey": "GET /pets"})
	path := "/apis/" + api + "/stages"
	c.call("POST", path, document{
		"stageName": "prod", "stageVariables": document{"a": "1", "b": "2"},
		"accessLogSettings": document{"destinationArn": "arn:aws:logs:eu-west-1:000000000000:log-group:pets", "format": "$context.requestId"},
		"routeSettings":     document{"GET /pets": document{"throttlingRateLimit": 1.5, "throttlingBurstLimit": 2}},
	}, http.StatusCreated)
	stage := path + "/prod"
	c.conflict("POST", path, document{"stageName": "prod"}, "Stage already exists")
	c.has(c.call("PATCH", stage, document{"stageVariables": document{"a": "", "c": "3"}, "defaultRouteSettings": document{"throttlingRateLimit": 9}}, http.StatusOK), document{
		"stageVariables":       document{"b": "2", "c": "3"},
		"defaultRouteSettings": document{"detailedMetricsEnabled": false, "dataTraceEnabled": false, "throttlingRateLimit": 9.0},
		"routeSettings":        document{"GET /pets": document{"detailedMetricsEnabled": false, "dataTraceEnabled": false, "throttlingRateLimit": 1.5, "throttlingBurstLimit": 2.0}},
	})
	c.call("DELETE", stage+"/routesettings/"+url.PathEscape("GET /pets"), nil, http.StatusNoContent)
	c.notFound("DELETE", stage+"/routesettings/"+url.PathEscape("GET /pets"), nil, "Unable to find Route by key GET /pets within the provided RouteSettings")
	c.call("DELETE", stage+"/accesslogsettings", nil, http.StatusNoContent)
	c.has(c.call("GET", stage, nil, http.StatusOK), document{"accessLogSettings": nil, "routeSettings": document{}})
	// Settings without members take the log away too, as Terraform asks for it.
	settings := document{"destinationArn": "arn:aws:logs:eu-west-1:1:log-group:x", "format": "$context.requestId"}
	c.has(c.call("PATCH", stage, document{"accessLogSettings": settings}, http.StatusOK), document{"accessLogSettings": settings})
	c.has(c.call("PATCH", stage, document{"description": "logged"}, http.StatusOK), document{"accessLogSettings": settings})
	c.has(c.call("PATCH", stage, document{"accessLogSettings": document{}}, http.StatusOK), document{"accessLogSettings": nil})
	c.call("DELETE", stage+"/cache/authorizers", nil, http.StatusNoContent)
	if want := []string{api + " prod"}; !slices.Equal(c.caches.reset, want) {
		t.Errorf("caches of %v were emptied, want %v", c.caches.reset, want)
	}
	c.notFound("DELETE", path+"/none/cache/authorizers", nil, "Invalid stage identifier specified")

	for _, test := range []struct {
		body    document
		message string
	}{
		{document{}, "1 validation error detected: Value null at 'stageName' failed to satisfy constraint: Member must not be null"},
		{document{"stageName": "a b"}, "Stage name only allows a-zA-Z0-9_- or $default"},
		{document{"stageName": "a", "stageVariables": document{"a-b": "c"}}, "Invalid stage variable name a-b: only alphanumeric characters and underscores are allowed"},
		{document{"stageName": "a", "stageVariables": document{"a": "b c"}}, "Invalid stage variable value for a: must match [A-Za-z0-9-._~:/?#&=,]+"},
		{document{"stageName": "a", "accessLogSettings": document{"format": "$context.requestId"}}, "accessLogSettings must have both a destinationArn and a format"},
		{document{"stageName": "a", "accessLogSettings": document{"destinationArn": "arn:aws:logs:x", "format": "$context.path"}}, "AccessLog Format should contain $context.requestId or $context.extendedRequestId"},
		{document{"stageName": "a", "defaultRouteSettings": document{"loggingLevel": "INFO"}}, "Execution logs are not supported on protocolType HTTP"},
		{document{"stageName": "a", "defaultRouteSettings": document{"throttlingBurstLimit": -1}}, "Invalid throttlingBurstLimit -1 at defaultRouteSettings: must not be negative"},
		{document{"stageName": "a", "clientCertificateId": "x"}, "clientCertificateId is supported only for APIs with a protocol type of WEBSOCKET"},
		{document{"stageName": "a", "deploymentId": "x"}, "Deployment id does not exist"},
		{document{"stageName": "a", "deploymentId": "x", "autoDeploy": true}, "Deployment ID cannot be set or updated because Stage has autoDeploy enabled"},
	} {
		c.badRequest("POST", path, test.body, test.message)
	}
	c.notFound("POST", path, document{"stageName": "a", "routeSettings": document{"GET /none": document{}}}, "Unable to find Route by key GET /none within the provided RouteSettings")
	socket := "/apis/" + c.newWebSocketAPI() + "/stages"
	c.badRequest("POST", socket, document{"stageName": "$default"}, "The stage name $default is supported only for APIs with a protocol type of HTTP")
	c.badRequest("POST", socket, document{"stageName": "a", "clientCertificateId": "none"}, "clientCertificateId is not supported by Gatehouse: the integrations of WebSocket APIs show no certificate")
	c.has(c.call("POST", socket, document{"stageName": "a", "defaultRouteSettings": document{"loggingLevel": "INFO", "dataTraceEnabled": true}}, http.StatusCreated),
		document{"defaultRouteSettings": document{"loggingLevel": "INFO", "dataTraceEnabled": true, "detailedMetricsEnabled": false}})
	c.call("DELETE", stage, nil, http.StatusNoContent)
	c.notFound("GET", stage, nil, "Invalid stage identifier specified")

	// Settings of a route go with it.
	c.call("POST", path, document{"stageName": "next", "routeSettings": document{"GET /pets": document{"throttlingRateLimit": 1}}}, http.StatusCreated)
	c.call("DELETE", "/apis/"+api+"/routes/"+c.only("/apis/" + api + "/routes")["routeId"].(string), nil, http.StatusNoContent)
	c.has(c.call("GET", path+"/next", nil, http.StatusOK), document{"routeSettings": document{}})
}

// TestImportDeploys: an import is a change as any other.
func TestImportDeploys(t *testing.T) {
	c := newClient(t)
	api := c.create("/apis", "apiId", document{"name": "pets", "protocolType": "HTTP", "target": "http://pets.example.com"})
	path := "/apis/" + api
	before := c.call("GET", path+"/stages/$default", nil, http.StatusOK)["deploymentId"]
	c.call("PUT", path, document{"body": notes}, http.StatusCreated)
	after := c.call("GET", path+"/stages/$default", nil, http.StatusOK)["deploymentId"].(string)
	if before == after || !strings.Contains(c.content(api, after), "/notes/{id}") {
		t.Errorf("the import was not deployed: %v, then %v", before, after)
	}
}

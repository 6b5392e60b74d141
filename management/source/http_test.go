package source_test

import (
	"strings"
	"testing"

	"gatehouse/management/httpapi"
	"gatehouse/management/source"
	"gatehouse/management/store"
)

func notesContent(path string) httpapi.Content {
	return httpapi.Content{
		API: httpapi.API{APIID: "n1o2t3e4s5", Name: "notes", ProtocolType: "HTTP"},
		Routes: []httpapi.RouteContent{{Route: httpapi.Route{
			RouteID: "r1", RouteKey: "GET " + path, Target: "integrations/i1", AuthorizationType: "NONE",
		}}},
		Integrations: []httpapi.IntegrationContent{{Integration: httpapi.Integration{
			IntegrationID: "i1", IntegrationType: "HTTP_PROXY", IntegrationMethod: "GET", IntegrationURI: "http://127.0.0.1:9101", PayloadFormatVersion: "1.0",
		}}},
	}
}

func TestHTTPAPIs(t *testing.T) {
	s := store.NewMemory()
	const key = "eu-west-1/apis/n1o2t3e4s5"
	rate := 5.0
	api := notesContent("").API
	put(t, s, map[string]any{
		key: api, key + "/contents/d1": notesContent("/a"), key + "/contents/d2": notesContent("/b"),
		key + "/stages/$default": httpapi.Stage{StageName: "$default", DeploymentID: "d1", AutoDeploy: true,
			DefaultRouteSettings: &httpapi.RouteSettings{ThrottlingRateLimit: &rate}},
		key + "/stages/new": httpapi.Stage{StageName: "new", DeploymentID: "d2", RouteSettings: map[string]httpapi.RouteSettings{
			"GET /a": {ThrottlingRateLimit: &rate}, "GET /b": {ThrottlingRateLimit: &rate}}},
		key + "/stages/waits": httpapi.Stage{StageName: "waits"},
	})
	r := source.NewRenderer()
	got := load(t, render(t, r, s, nil)).API("n1o2t3e4s5")
	if got == nil || len(got.Stages) != 2 || got.Stages[0].Deployment.Routes[0].Path != "/a" || got.Stages[1].Deployment.Routes[0].Path != "/b" {
		t.Fatalf("%+v", got)
	}
	if a, b := got.Stages[0].RouteThrottle("GET /a"), got.Stages[1].RouteThrottle("GET /b"); a == nil || a.Rate != 5 || b == nil || b.Rate != 5 {
		t.Errorf("%+v %+v", a, b)
	}
	api.DisableExecuteAPIEndpoint = true
	put(t, s, map[string]any{key: api})
	files := render(t, r, s, []string{key})
	if text := string(files.Content["management:"+key+"/api.json"]); len(files.Paths) != 1 || text == "" {
		t.Fatalf("%+v", files)
	}
}

// chatContent is a WebSocket API with a route of such a key.
func chatContent(route string) httpapi.Content {
	return httpapi.Content{
		API: httpapi.API{APIID: "c1h2a3t4s5", Name: "chat", ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.action", APIKeySelectionExpression: "$request.header.x-api-key"},
		Routes: []httpapi.RouteContent{
			{Route: httpapi.Route{RouteID: "r1", RouteKey: "$connect", AuthorizationType: "CUSTOM", AuthorizerID: "a1"}},
			{Route: httpapi.Route{RouteID: "r2", RouteKey: route, Target: "integrations/i1", AuthorizationType: "NONE", RouteResponseSelectionExpression: "$default"},
				Responses: []httpapi.RouteResponse{{RouteResponseID: "x", RouteResponseKey: "$default"}}},
			{Route: httpapi.Route{RouteID: "r3", RouteKey: "proxied", Target: "integrations/i2", AuthorizationType: "NONE", RouteResponseSelectionExpression: "$default"}},
		},
		Integrations: []httpapi.IntegrationContent{
			{Integration: httpapi.Integration{
				IntegrationID: "i1", IntegrationType: "HTTP", IntegrationMethod: "PUT", IntegrationURI: "http://127.0.0.1:9101/", TimeoutInMillis: 5000,
				PassthroughBehavior: "NEVER", TemplateSelectionExpression: "$request.body.kind", RequestTemplates: map[string]string{"text": "{}"},
			}, Responses: []httpapi.IntegrationResponse{{IntegrationResponseID: "x", IntegrationResponseKey: "$default", ResponseTemplates: map[string]string{"$default": "ok"}}}},
			{Integration: httpapi.Integration{
				IntegrationID: "i2", IntegrationType: "AWS_PROXY", IntegrationMethod: "POST", PassthroughBehavior: "WHEN_NO_MATCH", TimeoutInMillis: 29000,
				IntegrationURI: "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:chat/invocations",
			}},
		},
		Authorizers: []httpapi.Authorizer{{AuthorizerID: "a1", Name: "tokens", AuthorizerType: "REQUEST", IdentitySource: []string{"route.request.querystring.token"},
			AuthorizerURI: "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:tokens/invocations"}},
	}
}

func TestWebSocketAPIs(t *testing.T) {
	s := store.NewMemory()
	const key = "eu-west-1/apis/c1h2a3t4s5"
	put(t, s, map[string]any{
		key: chatContent("").API, key + "/contents/d1": chatContent("say"), key + "/contents/d2": chatContent("shout"),
		key + "/stages/v1": httpapi.Stage{StageName: "v1", DeploymentID: "d1"}, key + "/stages/v2": httpapi.Stage{StageName: "v2", DeploymentID: "d2"},
	})
	got := load(t, render(t, source.NewRenderer(), s, nil)).API("c1h2a3t4s5")
	if got == nil || len(got.Stages) != 2 {
		t.Fatalf("%+v", got)
	}
	for i, route := range []string{"say", "shout"} {
		d := got.Stages[i].Deployment
		found := 0
		for _, r := range d.Routes {
			switch r.Path {
			case "$connect":
				if r.Authorization == nil || r.Authorization.Authorizer != "tokens" {
					t.Errorf("%+v", r)
				}
				found++
			case "proxied":
				if r.ResponseSelectionExpression != "" {
					t.Error("the answer of a route without a response is sent back")
				}
			case route:
				in := r.Integration
				if r.ResponseSelectionExpression != "$default" || in.HTTPMethod != "PUT" || in.TimeoutMillis != 5000 || in.RequestTemplates["text"] != "{}" || in.Responses[0].ResponseTemplates["$default"] != "ok" {
					t.Errorf("%+v", in)
				}
				found++
			}
		}
		if found != 2 || len(d.Routes) != 3 {
			t.Errorf("%+v", d.Routes)
		}
	}
	held := chatContent("say")
	held.Models = []httpapi.Model{{ModelID: "m1", Name: "Text", Schema: `{"type": "object"}`}, {ModelID: "m2", Name: "Unused", Schema: "nonsense"}}
	held.Routes[1].Route.RequestModels, held.Routes[1].Route.ModelSelectionExpression = map[string]string{"text": "Text"}, "$request.body.type"
	put(t, s, map[string]any{key + "/contents/d1": held})
	text := string(render(t, source.NewRenderer(), s, nil).Content["management:"+key+"/deployments/d1.json"])
	for _, part := range []string{`"models":{"Text":{"type":"object"}}`, `"requestModels":{"text":"Text"}`, `"modelSelectionExpression":"$request.body.type"`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
	linked := chatContent("say")
	linked.Integrations[0].Integration.ConnectionType, linked.Integrations[0].Integration.ConnectionID = "VPC_LINK", "v1"
	linked.Integrations[1].Integration.CredentialsARN = "arn:aws:iam::111122223333:role/r"
	put(t, s, map[string]any{key + "/contents/d1": linked})
	text = string(render(t, source.NewRenderer(), s, nil).Content["management:"+key+"/deployments/d1.json"])
	for _, part := range []string{`"connectionType":"VPC_LINK","connectionId":"v1"`, `"credentials":"arn:aws:iam::111122223333:role/r"`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s is not in %s", part, text)
		}
	}
	for what, breaks := range map[string]func(*httpapi.IntegrationContent){
		"content handling": func(in *httpapi.IntegrationContent) { in.Integration.ContentHandlingStrategy = "CONVERT_TO_TEXT" },
		"that of answers":  func(in *httpapi.IntegrationContent) { in.Responses[0].ContentHandlingStrategy = "CONVERT_TO_TEXT" },
	} {
		broken := chatContent("say")
		breaks(&broken.Integrations[0])
		put(t, s, map[string]any{key + "/contents/d1": broken})
		if files := render(t, source.NewRenderer(), s, nil); files.Problems[key] == nil {
			t.Errorf("%s is not reported", what)
		}
	}
}

package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/management/httpapi"
	"gatehouse/management/restjson"
)

// FuzzCalls sends bodies to all that takes one. Whatever they are, callers are told what is
// wrong with them, and what is kept can be read.
func FuzzCalls(f *testing.F) {
	for _, body := range []string{
		`{"name": "a", "protocolType": "HTTP", "corsConfiguration": {"allowOrigins": ["https://a"], "maxAge": -1}, "tags": {"a": "b"}, "target": "http://a/{b}"}`,
		`{"routeKey": "GET /a/{b+}", "target": "integrations/x", "authorizationType": "JWT", "authorizerId": "a", "requestParameters": {"route.request.header.a": {"required": true}}}`,
		`{"integrationType": "HTTP_PROXY", "integrationUri": "http://a", "integrationMethod": "ANY", "requestParameters": {"append:header.a": "$request.path.b"}, "responseParameters": {"200": {"overwrite:statuscode": "201"}}}`,
		`{"name": "a", "authorizerType": "REQUEST", "authorizerUri": "arn:x", "identitySource": ["$request.header.a"], "jwtConfiguration": {"issuer": "https://a", "audience": ["b"]}}`,
		`{"stageName": "$default", "autoDeploy": true, "stageVariables": {"a": "b"}, "routeSettings": {"GET /a": {"throttlingRateLimit": 1e300}}, "accessLogSettings": {"format": "$context.requestId"}}`,
		`{"name": "A", "schema": "{}", "routeResponseKey": "$default", "integrationResponseKey": "/(/", "responseModels": {"a": "A"}}`,
		`{"domainName": "a.example.com", "domainNameConfigurations": [{"certificateArn": "arn:aws:acm:a:000000000000:certificate/a"}], "apiId": "a", "stage": "b", "apiMappingKey": "c/d"}`,
		`{"authorization": {"none": {}}, "endpointConfiguration": {"acmManaged": {"domainName": "a.b", "certificateArn": "arn:aws:acm:a:000000000000:certificate/a"}}, "portalContent": {"displayName": "abc", "theme": {"customColors": {"accentColor": "#fff", "backgroundColor": "#fff", "errorValidationColor": "#fff", "headerColor": "#fff", "navigationColor": "#fff", "textColor": "#fff"}}}, "logoUri": "a", "includedPortalProductArns": []}`,
		`{"displayName": "a", "displayOrder": {"overviewPageArn": "a", "contents": [{"sectionName": "a", "productRestEndpointPageArns": ["a"]}]}, "displayContent": {"title": "a", "body": "b", "overrides": {"endpoint": "a"}}, "tryItState": "DISABLED", "policyDocument": "{\"Statement\": []}"}`,
		`{"restEndpointIdentifier": {"identifierParts": {"restApiId": "a1b2c3d4e5", "stage": "v1", "method": "GET", "path": "/pets"}}}`,
		`{"routeKey": null, "tags": {"": ""}, "description": 5}`, `[]`, `{"a":`, `null`, ``,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c := newClientOf(t, func(o *httpapi.Options) {
			o.Portals = func() httpapi.PortalSite { return httpapi.PortalSite{URL: "https://portals.example.com"} }
		})
		c.newRESTStage()
		product := "/portalproducts/" + c.create("/portalproducts", "portalProductId", document{"displayName": "a"})
		page := product + "/productpages/" + c.create(product+"/productpages", "productPageId", document{"displayContent": document{"title": "a", "body": "a"}})
		endpoint := product + "/productrestendpointpages/" + c.create(product+"/productrestendpointpages", "productRestEndpointPageId", document{"restEndpointIdentifier": endpointAt("a1b2c3d4e5", "v1", "GET", "/pets")})
		portal := "/portals/" + c.create("/portals", "portalId", portalBody(document{"includedPortalProductArns": []string{portalAccount + product[1:]}}))
		http1, socket := "/apis/"+c.newHTTPAPI(), "/apis/"+c.newWebSocketAPI()
		c.call("POST", http1+"/stages", document{"stageName": "auto", "autoDeploy": true}, http.StatusCreated)
		route := c.create(http1+"/routes", "routeId", document{"routeKey": "GET /"})
		message := c.create(socket+"/routes", "routeId", document{"routeKey": "a"})
		integration := c.create(socket+"/integrations", "integrationId", document{"integrationType": "MOCK"})
		var calls [][2]string
		for _, api := range []string{http1, socket} {
			calls = append(calls, [2]string{"PATCH", api})
			for _, folder := range []string{"/routes", "/integrations", "/authorizers", "/stages", "/models", "/deployments"} {
				calls = append(calls, [2]string{"POST", api + folder})
			}
		}
		calls = append(calls, [][2]string{
			{"POST", "/apis"}, {"PUT", "/apis"}, {"PUT", http1}, {"PATCH", http1 + "/routes/" + route}, {"PATCH", http1 + "/stages/auto"}, {"PATCH", socket + "/routes/" + message},
			{"POST", socket + "/routes/" + message + "/routeresponses"}, {"PATCH", socket + "/integrations/" + integration}, {"POST", socket + "/integrations/" + integration + "/integrationresponses"},
			{"POST", "/portalproducts"}, {"PATCH", product}, {"PUT", product + "/sharingpolicy"}, {"POST", product + "/productpages"}, {"PATCH", page},
			{"POST", product + "/productrestendpointpages"}, {"PATCH", endpoint}, {"POST", "/portals"}, {"PATCH", portal}, {"POST", portal + "/publish"}, {"POST", portal + "/preview"},
			{"POST", "/domainnames"}, {"POST", "/domainnames/a.example.com/apimappings"}, {"POST", "/vpclinks"}, {"POST", "/tags/arn:aws:apigateway:eu-west-1::" + http1},
		}...)
		for _, call := range calls {
			r := httptest.NewRequestWithContext(restjson.WithCaller(t.Context(), restjson.Caller{Region: "eu-west-1", AccountID: "000000000000"}), call[0], "/v2"+call[1], strings.NewReader(body))
			w := httptest.NewRecorder()
			c.handler.ServeHTTP(w, r)
			if w.Code >= http.StatusInternalServerError {
				t.Errorf("%s %s: %d %s", call[0], call[1], w.Code, w.Body)
			}
		}
		for _, path := range []string{"/apis", http1 + "/routes", http1 + "/stages", http1 + "/deployments", socket + "/routes", socket + "/integrations", "/domainnames", "/portals", "/portalproducts", product + "/productpages", product + "/productrestendpointpages", endpoint} {
			c.call("GET", path, nil, http.StatusOK)
		}
	})
}

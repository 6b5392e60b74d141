package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/management/address"
	"gatehouse/management/httpapi"
	"gatehouse/management/openapi"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// client calls a service as a caller of eu-west-1 does.
type client struct {
	t       *testing.T
	store   *store.Memory
	checker *checker
	caches  *caches
	handler http.Handler
}

// checker refuses what the test says.
type checker struct {
	checked []string
	refuse  error
}

func (c *checker) Check(_ context.Context, _ store.Reader, key string) error {
	c.checked = append(c.checked, key)
	return c.refuse
}

type caches struct{ reset []string }

func (c *caches) FlushAuthorizers(_ context.Context, apiID, stage string) error {
	c.reset = append(c.reset, apiID+" "+stage)
	return nil
}

func newClient(t *testing.T) *client { return newClientOf(t, func(*httpapi.Options) {}) }

// newClientOf has more to say of the service.
func newClientOf(t *testing.T, more func(*httpapi.Options)) *client {
	c := &client{t: t, store: store.NewMemory(), checker: &checker{}, caches: &caches{}}
	options := httpapi.Options{
		Store: c.store, Log: slog.New(slog.DiscardHandler), Documents: openapi.Documents{}, Address: func() address.Gateway { return address.Gateway{Suffix: "example.com"} }, Checker: c.checker, Caches: c.caches,
	}
	more(&options)
	c.handler = httpapi.NewService(options)
	return c
}

// document is a JSON object of a request or an answer.
type document = map[string]any

// send calls an operation.
func (c *client) send(method, path string, body any) (int, http.Header, document) {
	c.t.Helper()
	var text string
	switch b := body.(type) {
	case nil:
	case string:
		text = b
	default:
		data, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		text = string(data)
	}
	r := httptest.NewRequestWithContext(restjson.WithCaller(c.t.Context(), restjson.Caller{Region: "eu-west-1", AccountID: "000000000000"}), method, "/v2"+path, strings.NewReader(text))
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	var answer document
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			c.t.Fatalf("%s %s answered %q: %v", method, path, w.Body, err)
		}
	}
	return w.Code, w.Header(), answer
}

// call calls an operation that is to succeed.
func (c *client) call(method, path string, body any, want int) document {
	c.t.Helper()
	status, _, answer := c.send(method, path, body)
	if status != want {
		c.t.Fatalf("%s %s: %d, want %d: %v", method, path, status, want, answer)
	}
	return answer
}

// create calls an operation that creates something, and returns its id.
func (c *client) create(path, id string, body any) string {
	c.t.Helper()
	return c.call("POST", path, body, http.StatusCreated)[id].(string)
}

// refused calls an operation that is to be refused, and to change nothing.
func (c *client) refused(method, path string, body any, status int, kind, message string) {
	c.t.Helper()
	before := c.everything()
	got, header, answer := c.send(method, path, body)
	if got != status || header.Get("X-Amzn-Errortype") != kind || answer["message"] != message {
		c.t.Errorf("%s %s %v:\n got %d %s %q\nwant %d %s %q", method, path, body, got, header.Get("X-Amzn-Errortype"), answer["message"], status, kind, message)
	}
	if diff := cmp.Diff(before, c.everything()); diff != "" {
		c.t.Errorf("%s %s changed what is kept:\n%s", method, path, diff)
	}
}

// badRequest and the others are the common ways to refuse.
func (c *client) badRequest(method, path string, body any, message string) {
	c.t.Helper()
	c.refused(method, path, body, http.StatusBadRequest, "BadRequestException", message)
}

func (c *client) notFound(method, path string, body any, message string) {
	c.t.Helper()
	c.refused(method, path, body, http.StatusNotFound, "NotFoundException", message)
}

func (c *client) conflict(method, path string, body any, message string) {
	c.t.Helper()
	c.refused(method, path, body, http.StatusConflict, "ConflictException", message)
}

// everything is what the store has.
func (c *client) everything() map[string]string {
	c.t.Helper()
	kept := map[string]string{}
	err := c.store.View(c.t.Context(), func(r store.Reader) error {
		entries, err := r.List("")
		for _, e := range entries {
			kept[e.Key] = string(e.Value)
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return kept
}

// has checks members of an answer.
func (c *client) has(got document, want document) {
	c.t.Helper()
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" {
			c.t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func (c *client) newHTTPAPI() string {
	c.t.Helper()
	return c.create("/apis", "apiId", document{"name": "pets", "protocolType": "HTTP"})
}

func (c *client) newWebSocketAPI() string {
	c.t.Helper()
	return c.create("/apis", "apiId", document{"name": "chat", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action"})
}

func (c *client) newIntegration(api string) string {
	c.t.Helper()
	return c.create("/apis/"+api+"/integrations", "integrationId", document{
		"integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": "http://pets.example.com/",
	})
}

func TestAPIs(t *testing.T) {
	c := newClient(t)
	created := c.call("POST", "/apis", document{"name": "pets", "protocolType": "HTTP", "tags": document{"team": "a"}}, http.StatusCreated)
	id := created["apiId"].(string)
	if len(id) != 10 {
		t.Errorf("the id %q has not 10 characters", id)
	}
	want := document{
		"name": "pets", "protocolType": "HTTP", "routeSelectionExpression": "$request.method $request.path",
		"apiKeySelectionExpression": "$request.header.x-api-key", "disableExecuteApiEndpoint": false, "ipAddressType": "ipv4",
		"apiEndpoint": "https://" + id + ".execute-api.example.com", "tags": document{"team": "a"}, "description": nil,
	}
	c.has(created, want)
	c.has(c.call("GET", "/apis/"+id, nil, http.StatusOK), want)

	// An update changes what it names, CORS as a whole.
	c.call("PATCH", "/apis/"+id, document{"corsConfiguration": document{"allowOrigins": []string{"https://a.example.com"}, "maxAge": 60}}, http.StatusOK)
	// Beside credentials it is origins alone that must be named.
	c.call("PATCH", "/apis/"+id, document{"corsConfiguration": document{"allowOrigins": []string{"https://a.example.com"}, "allowCredentials": true,
		"allowMethods": []string{"*"}, "allowHeaders": []string{"*"}, "exposeHeaders": []string{"*"}}}, http.StatusOK)
	updated := c.call("PATCH", "/apis/"+id, document{"description": "all pets", "corsConfiguration": document{"allowOrigins": []string{"*"}}, "apiId": "other", "version": nil}, http.StatusOK)
	want["description"], want["corsConfiguration"] = "all pets", document{"allowOrigins": []any{"*"}}
	c.has(updated, want)
	c.call("DELETE", "/apis/"+id+"/cors", nil, http.StatusNoContent)
	want["corsConfiguration"] = nil
	c.has(c.call("GET", "/apis/"+id, nil, http.StatusOK), want)

	socket := c.call("GET", "/apis/"+c.newWebSocketAPI(), nil, http.StatusOK)
	if endpoint := socket["apiEndpoint"].(string); !strings.HasPrefix(endpoint, "wss://") {
		t.Errorf("a WebSocket API is at %s", endpoint)
	}
	c.call("DELETE", "/apis/"+id, nil, http.StatusNoContent)
	c.notFound("GET", "/apis/"+id, nil, "Invalid API identifier specified 000000000000:"+id)
}

func TestDeletedAPIsLeaveNothing(t *testing.T) {
	c := newClient(t)
	id := c.create("/apis", "apiId", document{"name": "pets", "protocolType": "HTTP", "target": "http://pets.example.com"})
	c.call("DELETE", "/apis/"+id, nil, http.StatusNoContent)
	if kept := c.everything(); len(kept) > 0 {
		t.Errorf("it left %v", kept)
	}
}

func TestInvalidAPIs(t *testing.T) {
	c := newClient(t)
	long := strings.Repeat("n", 200)
	for _, test := range []struct {
		body    any
		message string
	}{
		{document{}, "2 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; Value null at 'protocolType' failed to satisfy constraint: Member must not be null"},
		{document{"name": "a", "protocolType": "GRPC"}, "1 validation error detected: Value 'GRPC' at 'protocolType' failed to satisfy constraint: Member must satisfy enum value set: [WEBSOCKET, HTTP]"},
		{document{"name": long, "protocolType": "HTTP"}, "1 validation error detected: Value '" + long[:100] + "...' at 'name' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{document{"name": "a", "protocolType": "HTTP", "routeSelectionExpression": "$request.body.action"}, "Invalid routeSelectionExpression: an API with a protocol type of HTTP supports only ${request.method} ${request.path}"},
		{document{"name": "a", "protocolType": "WEBSOCKET"}, "routeSelectionExpression is required for APIs with a protocol type of WEBSOCKET"},
		{document{"name": "a", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.header.x"}, "Invalid routeSelectionExpression: messages have no more than $request.body to select a route by"},
		{document{"name": "a", "protocolType": "HTTP", "corsConfiguration": document{"allowCredentials": true, "allowOrigins": []string{"*"}}}, "allow-credentials is not supported if 'allow-origin' is *"},
		{document{"name": "a", "protocolType": "HTTP", "corsConfiguration": document{"allowMethods": []string{"fetch"}}}, "Invalid CORS method FETCH. Must be one of [*, DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT]"},
		{document{"name": "a", "protocolType": "HTTP", "corsConfiguration": document{"maxAge": 100000}}, "1 validation error detected: Value '100000' at 'corsConfiguration.maxAge' failed to satisfy constraint: Member must have value less than or equal to 86400"},
		{document{"name": "a", "protocolType": "HTTP", "tags": document{"aws:x": "y"}}, "Tag keys cannot begin with aws: 'aws:x'"},
		{document{"name": "a", "protocolType": "HTTP", "routeKey": "GET /"}, "routeKey and credentialsArn are supported only together with target"},
		{document{"name": "a", "protocolType": "HTTP", "target": "ftp://x"}, `Invalid HTTP endpoint specified for URI: the integration URI "ftp://x" must begin with http:// or https://`},
	} {
		c.badRequest("POST", "/apis", test.body, test.message)
	}
	c.refused("POST", "/apis", "{", http.StatusBadRequest, "SerializationException", "unexpected end of JSON input")
	c.refused("POST", "/apis", document{"name": 5, "protocolType": "HTTP"}, http.StatusBadRequest, "SerializationException", "name: number is not expected here")
}

func TestQuickCreate(t *testing.T) {
	c := newClient(t)
	id := c.create("/apis", "apiId", document{"name": "pets", "protocolType": "HTTP", "target": "arn:aws:lambda:eu-west-1:000000000000:function:pets", "routeKey": "GET /pets"})
	integration := c.only("/apis/" + id + "/integrations")
	c.has(integration, document{
		"integrationType": "AWS_PROXY", "payloadFormatVersion": "2.0", "apiGatewayManaged": true, "connectionType": "INTERNET",
		"integrationMethod": "POST", "timeoutInMillis": 30000.0, "integrationUri": "arn:aws:lambda:eu-west-1:000000000000:function:pets",
	})
	route := c.only("/apis/" + id + "/routes")
	c.has(route, document{"routeKey": "GET /pets", "target": "integrations/" + integration["integrationId"].(string), "apiGatewayManaged": true, "authorizationType": "NONE"})
	stage := c.only("/apis/" + id + "/stages")
	deployment := c.only("/apis/" + id + "/deployments")
	c.has(stage, document{
		"stageName": "$default", "autoDeploy": true, "apiGatewayManaged": true, "deploymentId": deployment["deploymentId"],
		"lastDeploymentStatusMessage": "Successfully deployed stage with deployment ID '" + deployment["deploymentId"].(string) + "'",
	})
	c.has(deployment, document{"autoDeployed": true, "deploymentStatus": "DEPLOYED"})

	// What quick create has made is changed through the API.
	c.call("PATCH", "/apis/"+id, document{"target": "https://pets.example.com/v1", "routeKey": "$default"}, http.StatusOK)
	c.has(c.only("/apis/"+id+"/integrations"), document{"integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "payloadFormatVersion": "1.0", "integrationUri": "https://pets.example.com/v1"})
	c.has(c.only("/apis/"+id+"/routes"), document{"routeKey": "$default"})
	c.badRequest("PATCH", "/apis/"+id+"/routes/"+route["routeId"].(string), document{"routeKey": "GET /"}, "The key of a route that API Gateway manages can be updated by UpdateApi only")
	c.badRequest("PATCH", "/apis/"+id+"/stages/$default", document{"autoDeploy": false}, "autoDeploy cannot be disabled for a stage that API Gateway manages")
	c.badRequest("PATCH", "/apis/"+c.newHTTPAPI(), document{"target": "https://pets.example.com/v1"}, "target, routeKey and credentialsArn are supported only for APIs that were created with a target")
}

// only gives the one item of a list.
func (c *client) only(path string) document {
	c.t.Helper()
	items := c.call("GET", path, nil, http.StatusOK)["items"].([]any)
	if len(items) != 1 {
		c.t.Fatalf("%s: %v", path, items)
	}
	return items[0].(document)
}

func TestPaging(t *testing.T) {
	c := newClient(t)
	want := map[string]bool{}
	for range 7 {
		want[c.newHTTPAPI()] = true
	}
	query, pages := "?maxResults=3", 0
	for {
		answer := c.call("GET", "/apis"+query, nil, http.StatusOK)
		for _, item := range answer["items"].([]any) {
			id := item.(document)["apiId"].(string)
			if !want[id] {
				t.Errorf("%s is listed, which was not to be, or twice", id)
			}
			delete(want, id)
		}
		pages++
		token, more := answer["nextToken"].(string)
		if !more {
			break
		}
		query = "?maxResults=3&nextToken=" + url.QueryEscape(token)
	}
	if len(want) > 0 || pages != 3 {
		t.Errorf("%d pages without %v", pages, want)
	}
	c.badRequest("GET", "/apis?maxResults=none", nil, `Invalid value for maxResults: "none" must be a number from 1 to 500`)
	c.badRequest("GET", "/apis?nextToken=%25", nil, "Invalid value for nextToken")
}

func TestRegionsAreApart(t *testing.T) {
	c := newClient(t)
	id := c.newHTTPAPI()
	r := httptest.NewRequestWithContext(restjson.WithCaller(t.Context(), restjson.Caller{Region: "us-east-1"}), "GET", "/v2/apis/"+id, nil)
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	if w.Code != http.StatusNotFound {
		t.Errorf("an API of eu-west-1 is found in us-east-1: %d", w.Code)
	}
}

// TestSlashesInIDs: an escaped slash must not lead from a document to those below it.
func TestSlashesInIDs(t *testing.T) {
	c := newClient(t)
	api := c.newHTTPAPI()
	integration := c.newIntegration(api)
	path := "/apis/" + url.PathEscape(api+"/integrations/"+integration)
	c.notFound("DELETE", path, nil, "Invalid API identifier specified 000000000000:"+api+"/integrations/"+integration)
	c.notFound("GET", "/apis/"+api+"/stages/a%2Fb", nil, "Invalid stage identifier specified")
}

var errRefused = errors.New("the gateway cannot serve it")

// failing is a store that does not work.
type failing struct {
	store.Store
	err error
}

func (f failing) View(context.Context, func(store.Reader) error) error { return f.err }
func (f failing) Update(context.Context, func(store.Tx) error) error   { return f.err }

func TestFailingStore(t *testing.T) {
	for _, test := range []struct {
		err        error
		status     int
		kind       string
		retryAfter string
	}{
		{store.ErrConflict, http.StatusConflict, "ConflictException", ""},
		{store.ErrTooLarge, http.StatusBadRequest, "BadRequestException", ""},
		{store.ErrUnavailable, http.StatusServiceUnavailable, "ServiceUnavailableException", "1"},
		{errors.New("a secret"), http.StatusInternalServerError, "InternalFailure", ""},
	} {
		c := newClient(t)
		c.handler = httpapi.NewService(httpapi.Options{Store: failing{err: fmt.Errorf("somewhere: %w", test.err)}, Log: slog.New(slog.DiscardHandler)})
		for _, call := range []struct {
			method, path string
			body         any
		}{{"GET", "/apis", nil}, {"POST", "/apis", document{"name": "a", "protocolType": "HTTP"}}, {"DELETE", "/apis/x", nil}} {
			status, header, answer := c.send(call.method, call.path, call.body)
			if status != test.status || header.Get("X-Amzn-Errortype") != test.kind || header.Get("Retry-After") != test.retryAfter || strings.Contains(answer["message"].(string), "secret") {
				t.Errorf("%v of %s %s: %d %v %v", test.err, call.method, call.path, status, header, answer)
			}
		}
	}
}

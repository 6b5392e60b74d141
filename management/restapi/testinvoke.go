package restapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"gatehouse/gateway"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) testOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "TestInvokeMethod", Method: http.MethodPost, Path: "/restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}", Status: http.StatusOK, Do: s.testInvokeMethod},
		{Name: "TestInvokeAuthorizer", Method: http.MethodPost, Path: "/restapis/{restapi_id}/authorizers/{authorizer_id}", Status: http.StatusOK, Do: s.testInvokeAuthorizer},
	}
}

// Tester tries APIs as they are edited, before they are deployed.
type Tester interface {
	// TestMethod sends a request to a method's integration, TestAuthorizer asks an
	// authorizer's function about one, or has its token verified. The error's text is for the caller.
	TestMethod(ctx context.Context, t *MethodTest) (*MethodAnswer, error)
	TestAuthorizer(ctx context.Context, t *AuthorizerTest) (*AuthorizerAnswer, error)
}

// TestRequest is the request that something is tried with.
type TestRequest struct {
	Region string
	// Path is the request's, with its query.
	Path           string
	Header         http.Header
	Body           string
	StageVariables map[string]string
}

// MethodTest is a try of a method.
type MethodTest struct {
	TestRequest
	// Content has the method, and what it refers to.
	Content *Content
	// Resource is its path, and Method its name, which may be ANY.
	Resource, Method string
	// RequestMethod is that of the request.
	RequestMethod       string
	ClientCertificateID string
}

// MethodAnswer is what became of one.
type MethodAnswer struct {
	Status  int
	Body    string
	Header  http.Header
	Log     string
	Latency time.Duration
}

// AuthorizerTest is a try of an authorizer.
type AuthorizerTest struct {
	TestRequest
	// Content has a method that asks the authorizer: GET of the root.
	Content    *Content
	Authorizer string
	// UserPool tells that it verifies tokens, and asks no function.
	UserPool bool
}

// AuthorizerAnswer is what became of one.
type AuthorizerAnswer struct {
	ClientStatus        int
	Log                 string
	Latency             time.Duration
	PrincipalID, Policy string
	Authorization       map[string][]string
	Claims              map[string]string
}

// testInput is what both operations take.
type testInput struct {
	PathWithQueryString string              `json:"pathWithQueryString"`
	Body                string              `json:"body"`
	Headers             map[string]string   `json:"headers"`
	MultiValueHeaders   map[string][]string `json:"multiValueHeaders"`
	StageVariables      map[string]string   `json:"stageVariables"`
	ClientCertificateID string              `json:"clientCertificateId"`
	// AdditionalContext is told to authorizers on Amazon; there is nothing of it that would
	// be looked at here.
	AdditionalContext map[string]string `json:"additionalContext"`
}

// request reads what is common.
func (in *testInput) request(c *restjson.Call, path string) (TestRequest, error) {
	r := TestRequest{Region: c.Region, Path: in.PathWithQueryString, Header: http.Header{}, Body: in.Body, StageVariables: in.StageVariables}
	if r.Path == "" {
		r.Path = path
	}
	if !strings.HasPrefix(r.Path, "/") {
		return r, restjson.BadRequest("Invalid path specified: '%s'. It has to begin with a slash", shortened(r.Path))
	}
	if strings.ContainsFunc(r.Path, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return r, restjson.BadRequest("Invalid path specified: '%s'. What is not a letter of a URL has to be percent-encoded", shortened(r.Path))
	}
	for name, value := range in.Headers {
		r.Header.Set(name, value)
	}
	// Where both name a header, that with all its values counts.
	for name, values := range in.MultiValueHeaders {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	for name, values := range r.Header {
		if !httpguts.ValidHeaderFieldName(name) || slices.ContainsFunc(values, func(v string) bool { return !httpguts.ValidHeaderFieldValue(v) }) {
			return r, restjson.BadRequest("Invalid header specified: '%s'", shortened(name))
		}
	}
	return r, nil
}

// errNoTests is told where nothing can be tried.
var errNoTests = restjson.BadRequest("This process tries no methods: it has no part of the gateway that could serve them")

func (s *Service) testInvokeMethod(ctx context.Context, c *restjson.Call) (any, error) {
	var in testInput
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	test := &MethodTest{Method: c.Params["http_method"], RequestMethod: c.Params["http_method"], ClientCertificateID: in.ClientCertificateID}
	err := s.store.View(ctx, func(r store.Reader) error {
		_, resource, err := resourceOf(r, c)
		if err != nil {
			return err
		}
		method, there := resource.ResourceMethods[test.Method]
		if !there {
			// One of those that ANY stands for can be tried by its own name.
			test.Method = "ANY"
			method, there = resource.ResourceMethods[test.Method]
		}
		switch {
		case !there || !slices.Contains(httpMethods, test.RequestMethod):
			return restjson.NotFound("Invalid Method identifier specified")
		case method.MethodIntegration == nil:
			return restjson.BadRequest("No integration defined for method")
		}
		test.Resource = resource.Path
		if test.Content, err = ReadContent(r, c.Region, c.Params["restapi_id"]); err != nil {
			return err
		}
		onlyMethod(test.Content, resource, test.Method, method)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if test.RequestMethod == "ANY" {
		if test.RequestMethod = http.MethodGet; in.Body != "" {
			test.RequestMethod = http.MethodPost
		}
	}
	if test.TestRequest, err = in.request(c, test.Resource); err != nil {
		return nil, err
	}
	if s.tester == nil {
		return nil, errNoTests
	}
	answer, err := s.tester.TestMethod(ctx, test)
	if err != nil {
		return nil, restjson.BadRequest("%s", err.Error())
	}
	headers := make(map[string]string, len(answer.Header))
	for name, values := range answer.Header {
		headers[name] = values[len(values)-1]
	}
	return struct {
		Status            int               `json:"status"`
		Body              string            `json:"body"`
		Headers           map[string]string `json:"headers"`
		MultiValueHeaders http.Header       `json:"multiValueHeaders"`
		Log               string            `json:"log"`
		Latency           int64             `json:"latency"`
	}{answer.Status, answer.Body, headers, answer.Header, answer.Log, answer.Latency.Milliseconds()}, nil
}

// onlyMethod leaves no other method in content than the one that is tried, without what
// nobody is asked for: who may call it.
func onlyMethod(c *Content, r *Resource, name string, m Method) {
	m.AuthorizationType, m.AuthorizerID, m.AuthorizationScopes = "NONE", "", nil
	for i := range c.Resources {
		c.Resources[i].ResourceMethods = nil
		if c.Resources[i].ID == r.ID {
			c.Resources[i].ResourceMethods = map[string]Method{name: m}
		}
	}
	c.Authorizers, c.API.Policy, c.DocumentationParts = nil, "", nil
}

func (s *Service) testInvokeAuthorizer(ctx context.Context, c *restjson.Call) (any, error) {
	var in testInput
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	test := &AuthorizerTest{}
	err := s.store.View(ctx, func(r store.Reader) error {
		folder, err := apiFolder(r, c)
		if err != nil {
			return err
		}
		authorizer, err := readRecord[Authorizer](r, folder+authorizersFolder+c.Params["authorizer_id"], restjson.NotFound("Invalid Authorizer identifier specified"))
		if err != nil {
			return err
		}
		if test.Content, err = ReadContent(r, c.Region, c.Params["restapi_id"]); err != nil {
			return err
		}
		test.Authorizer, test.UserPool = authorizer.Name, authorizer.Type == gateway.CognitoAuthorizer
		onlyAuthorizer(test.Content, authorizer)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if test.TestRequest, err = in.request(c, "/"); err != nil {
		return nil, err
	}
	if s.tester == nil {
		return nil, errNoTests
	}
	answer, err := s.tester.TestAuthorizer(ctx, test)
	if err != nil {
		return nil, restjson.BadRequest("%s", err.Error())
	}
	return struct {
		ClientStatus  int                 `json:"clientStatus"`
		Log           string              `json:"log"`
		Latency       int64               `json:"latency"`
		PrincipalID   string              `json:"principalId,omitempty"`
		Policy        string              `json:"policy,omitempty"`
		Authorization map[string][]string `json:"authorization,omitempty"`
		Claims        map[string]string   `json:"claims,omitempty"`
	}{answer.ClientStatus, answer.Log, answer.Latency.Milliseconds(), answer.PrincipalID, answer.Policy, answer.Authorization, answer.Claims}, nil
}

// onlyAuthorizer makes content one method that asks the authorizer.
func onlyAuthorizer(c *Content, a *Authorizer) {
	root := Resource{ID: c.API.RootResourceID, Path: "/", ResourceMethods: map[string]Method{http.MethodGet: {
		HTTPMethod: http.MethodGet, AuthorizationType: authorizationType(a), AuthorizerID: a.ID,
		MethodIntegration: &Integration{Type: "MOCK", RequestTemplates: map[string]string{"application/json": `{"statusCode": 200}`}},
	}}}
	c.Resources, c.Authorizers = []Resource{root}, []Authorizer{*a}
	c.API.Policy, c.DocumentationParts, c.RequestValidators, c.GatewayResponses = "", nil, nil, nil
}

func authorizationType(a *Authorizer) string {
	if a.Type == gateway.CognitoAuthorizer {
		return a.Type
	}
	return "CUSTOM"
}

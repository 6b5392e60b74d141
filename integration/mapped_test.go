package integration_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/integration"
	"gatehouse/internal/lambda"
)

// customRoute calls a function by templates.
func customRoute(method, path string, change ...func(*gateway.Integration)) gateway.Route {
	in := &gateway.Integration{
		Type: gateway.IntegrationAWS, HTTPMethod: "POST", PassthroughBehavior: "WHEN_NO_MATCH",
		URI:       "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/" + functionARN + "/invocations",
		Responses: []gateway.IntegrationResponse{{StatusCode: "200"}},
	}
	for _, c := range change {
		c(in)
	}
	return gateway.Route{Method: method, Path: path, Integration: in}
}

func requestTemplate(contentType, text string) func(*gateway.Integration) {
	return func(in *gateway.Integration) {
		if in.RequestTemplates == nil {
			in.RequestTemplates = map[string]string{}
		}
		in.RequestTemplates[contentType] = text
	}
}

func passthrough(behavior string) func(*gateway.Integration) {
	return func(in *gateway.Integration) { in.PassthroughBehavior = behavior }
}

// requestMaps and responseMaps take targets and sources in turn; responseMaps are those of
// the first response.
func requestMaps(pairs ...string) func(*gateway.Integration) {
	return func(in *gateway.Integration) { in.RequestParameters = append(in.RequestParameters, mappings(pairs)...) }
}

func responseMaps(pairs ...string) func(*gateway.Integration) {
	return func(in *gateway.Integration) { in.Responses[0].ResponseParameters = mappings(pairs) }
}

func mappings(pairs []string) (out []gateway.ParameterMapping) {
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, gateway.ParameterMapping{Target: pairs[i], Source: pairs[i+1], Pos: gateway.Position{File: "api.yaml", Line: 10 + i/2, Column: 1}})
	}
	return out
}

func responseTemplate(contentType, text string) func(*gateway.Integration) {
	return func(in *gateway.Integration) {
		if in.Responses[0].ResponseTemplates == nil {
			in.Responses[0].ResponseTemplates = map[string]string{}
		}
		in.Responses[0].ResponseTemplates[contentType] = text
	}
}

func responses(list ...gateway.IntegrationResponse) func(*gateway.Integration) {
	return func(in *gateway.Integration) { in.Responses = list }
}

// serveRoutes serves a REST API whose binary media type is image/png.
func serveRoutes(t *testing.T, routes ...gateway.Route) *service {
	t.Helper()
	return newService(t).serve(snapshot(gateway.REST, &gateway.Deployment{Routes: routes, BinaryMediaTypes: []string{"image/png"}}))
}

// TestRequestTemplates: which template makes the event, and what is done without one.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html
func TestRequestTemplates(t *testing.T) {
	const body = `{"name":"n"}`
	jsonTemplate := requestTemplate("application/json", `{"n": $input.json('$.name')}`)
	for name, c := range map[string]struct {
		change      []func(*gateway.Integration)
		contentType string
		status      int
		event       string
	}{
		"of the type":                       {[]func(*gateway.Integration){jsonTemplate}, "application/json; charset=utf-8", 200, `{"n": "n"}`},
		"of the type in another case":       {[]func(*gateway.Integration){jsonTemplate}, "Application/JSON", 200, `{"n": "n"}`},
		"JSON without a type":               {[]func(*gateway.Integration){jsonTemplate}, "", 200, `{"n": "n"}`},
		"another type, when no match":       {[]func(*gateway.Integration){jsonTemplate}, "text/plain", 200, body},
		"another type, when no templates":   {[]func(*gateway.Integration){jsonTemplate, passthrough("WHEN_NO_TEMPLATES")}, "text/plain", 415, ""},
		"no template, when no templates":    {[]func(*gateway.Integration){passthrough("WHEN_NO_TEMPLATES")}, "text/plain", 200, body},
		"no template, never":                {[]func(*gateway.Integration){passthrough("NEVER")}, "application/json", 415, ""},
		"another type, never":               {[]func(*gateway.Integration){jsonTemplate, passthrough("NEVER")}, "text/plain", 415, ""},
		"the type, never":                   {[]func(*gateway.Integration){jsonTemplate, passthrough("NEVER")}, "application/json", 200, `{"n": "n"}`},
		"any type":                          {[]func(*gateway.Integration){requestTemplate("$default", `{"any":true}`), passthrough("NEVER")}, "text/plain", 200, `{"any":true}`},
		"one that leaves the body as it is": {[]func(*gateway.Integration){requestTemplate("text/plain", ""), passthrough("NEVER")}, "text/plain", 200, body},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveRoutes(t, customRoute("POST", "/x", c.change...))
			var headers []string
			if c.contentType != "" {
				headers = []string{"Content-Type", c.contentType}
			}
			r := s.ask("POST /x", "POST", "/v1/x", body, headers...)
			if r.StatusCode != c.status {
				t.Fatalf("%d %s", r.StatusCode, r.body)
			}
			if c.status == 415 {
				if r.body != `{"message":"Unsupported Media Type"}` || r.Header.Get("X-Amzn-Errortype") != "BadRequestException" || len(s.lambdas.events) != 0 {
					t.Errorf("%s %v", r.body, r.Header)
				}
			} else if event := s.lambdas.last(t); event != c.event {
				t.Errorf("the event is %s", event)
			}
		})
	}
}

// What a template sees of a request.
func TestTemplateInput(t *testing.T) {
	route := customRoute("POST", "/orders/{id}", requestTemplate("application/json",
		`["$input.params('id')","$input.params('q')","$input.params('X-One')","$stageVariables.env","$context.resourcePath","$context.stage","$context.httpMethod","$context.identity.sourceIp","$context.requestId","$context.path","$context.requestTimeEpoch","$context.apiId","$context.authorizer.principalId","$context.authorizer.n"]`))
	route.Authorization = &gateway.Authorization{Type: gateway.AuthorizationLambda}
	s := serveRoutes(t, route)
	r := s.ask("POST /orders/{id}", "POST", "/v1/orders/a%20b?q=1&q=%C3%A9", "{}", "X-One", "1", "X-Gw-Authorizer", `{"principalId":"me","n":7,"integrationLatency":3}`)
	want := `["a b","é","1","p","/orders/{id}","v1","POST","203.0.113.9","id-1","/v1/orders/a%20b","1741806238390","a","me","7"]`
	if event := s.lambdas.last(t); r.StatusCode != 200 || event != want {
		t.Errorf("%d\n%s\n%s", r.StatusCode, event, want)
	}
}

// TestSelection: a function that returns gets the default response; the message of one that
// fails has to match all of a pattern.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/handle-errors-in-lambda-integration.html
func TestSelection(t *testing.T) {
	fallback := gateway.IntegrationResponse{StatusCode: "200"}
	notFound := gateway.IntegrationResponse{SelectionPattern: `Not found.*`, StatusCode: "404", ResponseTemplates: map[string]string{"application/json": `{"m": $input.json('$.errorMessage')}`}}
	several := gateway.IntegrationResponse{SelectionPattern: `(\n|.)*stack(\n|.)*`, StatusCode: "502"}
	for name, c := range map[string]struct {
		responses []gateway.IntegrationResponse
		message   string
		status    int
		body      string
	}{
		"returned":                     {[]gateway.IntegrationResponse{notFound, fallback}, "", 200, `{"statusCode":404}`},
		"returned, no default":         {[]gateway.IntegrationResponse{notFound}, "", 500, `{"message":"Internal server error"}`},
		"failed":                       {[]gateway.IntegrationResponse{fallback, notFound}, "Not found: 7", 404, `{"m": "Not found: 7"}`},
		"failed, not all of it":        {[]gateway.IntegrationResponse{notFound, fallback}, "It is Not found", 200, `{"errorMessage":"It is Not found"}`},
		"failed, a dot is no new line": {[]gateway.IntegrationResponse{notFound, fallback}, "Not found\n7", 200, `{"errorMessage":"Not found\n7"}`},
		"failed, several lines":        {[]gateway.IntegrationResponse{notFound, several, fallback}, "a\nstack\nb", 502, `{"errorMessage":"a\nstack\nb"}`},
		"failed, nothing matches":      {[]gateway.IntegrationResponse{notFound}, "other", 500, `{"message":"Internal server error"}`},
		"no response at all":           {nil, "", 500, `{"message":"Internal server error"}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveRoutes(t, customRoute("GET", "/x", responses(c.responses...)))
			s.lambdas.call = returning(`{"statusCode":404}`)
			if c.message != "" {
				s.lambdas.call = failing(&lambda.FunctionError{Message: c.message, Result: []byte(`{"errorMessage":` + quoted(c.message) + `}`)})
			}
			r := s.ask("GET /x", "GET", "/v1/x", "")
			if r.StatusCode != c.status || r.body != c.body {
				t.Errorf("%d %s", r.StatusCode, r.body)
			}
			if event := s.lambdas.last(t); event != "{}" {
				t.Errorf("the event of a request without a body is %s", event)
			}
		})
	}
}

func quoted(text string) string {
	return `"` + strings.ReplaceAll(text, "\n", `\n`) + `"`
}

// TestResponses: what an integration response makes of a result.
func TestResponses(t *testing.T) {
	s := serveRoutes(t,
		customRoute("GET", "/x",
			responseMaps("method.response.header.X-Name", "integration.response.body.pet.name", "method.response.header.X-Tags", "integration.response.body.pet.tags",
				"method.response.header.X-All", "integration.response.body", "method.response.header.X-None", "integration.response.body.nothing",
				"method.response.header.X-Stage", "context.stage", "method.response.header.X-Env", "stageVariables.env", "method.response.header.X-One", "'1'",
				"method.response.header.Date", "'d'"),
			responseTemplate("application/json", `{"name": "$input.path('$.pet.name')", "id": "$input.params('id')"}`),
			responseTemplate("application/xml", `<n>$input.path('$.pet.name')</n>`), responseTemplate("text/plain", "")))
	s.lambdas.call = returning(`{"pet": {"name": "Rex", "tags": ["a", 1]}}`)
	r := s.ask("GET /x", "GET", "/v1/x?id=7", "")
	if r.StatusCode != 200 || r.body != `{"name": "Rex", "id": "7"}` || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	for name, want := range map[string]string{
		"X-Name": "Rex", "X-Tags": `["a",1]`, "X-All": `{"pet": {"name": "Rex", "tags": ["a", 1]}}`, "X-None": "", "X-Stage": "v1", "X-Env": "p", "X-One": "1",
		"X-Amzn-Remapped-Date": "d", "X-Amzn-Trace-Id": "Root=1-67d1d9ce-000102030405060708090a0b;Parent=0c0d0e0f10111213;Sampled=0",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for accept, want := range map[string][2]string{
		"application/xml":            {"application/xml", "<n>Rex</n>"},
		"text/plain":                 {"text/plain", `{"pet": {"name": "Rex", "tags": ["a", 1]}}`},
		"application/xml, text/html": {"application/json", `{"name": "Rex", "id": ""}`},
	} {
		if r := s.ask("GET /x", "GET", "/v1/x", "", "Accept", accept); r.Header.Get("Content-Type") != want[0] || r.body != want[1] {
			t.Errorf("%s: %v %s", accept, r.Header, r.body)
		}
	}
}

// The JSON that a function's message is can be mapped from.
func TestErrorMessageMapping(t *testing.T) {
	s := serveRoutes(t, customRoute("GET", "/x", responseMaps("method.response.header.X-Code", "integration.response.body.errorMessage.code")))
	for message, want := range map[string]string{`{\"code\":\"E7\"}`: "E7", `plain`: "", `{\"other\":1}`: ""} {
		s.lambdas.call = failing(&lambda.FunctionError{Message: message, Result: []byte(`{"errorMessage":"` + message + `"}`)})
		if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 200 || r.Header.Get("X-Code") != want {
			t.Errorf("%s: %d %v", message, r.StatusCode, r.Header)
		}
	}
}

// TestStart: X-Amz-Invocation-Type has nobody wait for the function.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-integration-async.html
func TestStart(t *testing.T) {
	s := serveRoutes(t, customRoute("POST", "/x", requestMaps("integration.request.header.X-Amz-Invocation-Type", "method.request.header.InvocationType"),
		responseTemplate("application/json", `{"accepted": true}`)))
	if r := s.ask("POST /x", "POST", "/v1/x", `{"n":1}`, "InvocationType", "Event"); r.StatusCode != 200 || r.body != `{"accepted": true}` {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	if len(s.lambdas.started) != 1 || s.lambdas.started[0] != `{"n":1}` || len(s.lambdas.events) != 0 {
		t.Errorf("started %q, called %q", s.lambdas.started, s.lambdas.events)
	}
	s.ask("POST /x", "POST", "/v1/x", `{"n":2}`)
	if len(s.lambdas.started) != 1 || s.lambdas.last(t) != `{"n":2}` {
		t.Errorf("started %q, called %q", s.lambdas.started, s.lambdas.events)
	}
}

// TestOverrides: what templates set goes over what is mapped.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-override-request-response-parameters.html
func TestOverrides(t *testing.T) {
	s := serveRoutes(t, customRoute("GET", "/x",
		requestTemplate("application/json", `#set($context.requestOverride.header.X-Amz-Invocation-Type = "Event")#set($context.responseOverride.header.X-Early = "e"){}`),
		responseMaps("method.response.header.X-One", "'mapped'", "method.response.header.X-Two", "'mapped'"),
		responseTemplate("application/json", `#set($context.responseOverride.status = 418)#set($context.responseOverride.header.X-One = "set")#set($context.responseOverride.header.X-Many = ["a","b"])#set($context.responseOverride.header.X-Gw-Reply = "THROTTLED")#set($context.responseOverride.header.Content-Length = "3")tea`)))
	r := s.ask("GET /x", "GET", "/v1/x", "")
	if r.StatusCode != 418 || r.body != "tea" || len(s.lambdas.started) != 1 {
		t.Errorf("%d %s", r.StatusCode, r.body)
	}
	for name, want := range map[string]string{"X-One": "set", "X-Two": "mapped", "X-Many": "a|b", "X-Early": "e", "X-Gw-Reply": "", "X-Amzn-Remapped-Content-Length": "3", "Content-Length": "3"} {
		if got := strings.Join(r.Header.Values(name), "|"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestMappedFailures: what clients get when a template, a mapping or a function fails.
func TestMappedFailures(t *testing.T) {
	const internal = `{"message":"Internal server error"}`
	with := func(change ...func(*gateway.Integration)) []func(*gateway.Integration) { return change }
	for name, c := range map[string]struct {
		change []func(*gateway.Integration)
		body   string
		result string
		err    error
		status int
		want   string
	}{
		"a request that is not JSON":     {change: with(requestTemplate("application/json", `$input.json('$.a')`)), body: `{"a":`, status: 400, want: `{"message":"Could not parse request body into json"}`},
		"passed on, and not JSON":        {body: `secret`, status: 400, want: `{"message":"Could not parse request body into json"}`},
		"an event that is not JSON":      {change: with(requestTemplate("application/json", `{"a":`)), body: `{}`, status: 400, want: `{"message":"Could not parse request body into json"}`},
		"a mapping from what is no JSON": {change: with(requestMaps("integration.request.header.X-Amz-Invocation-Type", "method.request.body.a")), body: `{"a":`, status: 400, want: `{"message":"Invalid JSON in request body"}`},
		"a result that is not JSON":      {change: with(responseTemplate("application/json", `$input.json('$.a')`)), result: `secret`, status: 500, want: internal},
		"a mapping from such a result":   {change: with(responseMaps("method.response.header.X", "integration.response.body.a")), result: `{"a"`, status: 500, want: internal},
		"an override of no header":       {change: with(responseTemplate("application/json", `#set($context.responseOverride.header["X Y"] = 1)`)), status: 500, want: internal},
		"a template that runs away":      {change: with(requestTemplate("application/json", `#foreach($i in [1..100000])x#end`)), body: `{}`, status: 500, want: internal},
		"an override twice":              {change: with(requestTemplate("application/json", `#set($context.responseOverride.status = 201)#set($context.responseOverride.status = 202){}`)), body: `{}`, status: 500, want: internal},
		"no such function":               {err: &lambda.RefusedError{Status: 404}, status: 500, want: internal},
		"out of reach":                   {err: errors.New("no route"), status: 500, want: internal},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveRoutes(t, customRoute("POST", "/x", c.change...))
			s.lambdas.call = returning(c.result)
			if c.result == "" {
				s.lambdas.call = returning("{}")
			}
			if c.err != nil {
				s.lambdas.call = failing(c.err)
			}
			r := s.ask("POST /x", "POST", "/v1/x", c.body, "Content-Type", "application/json")
			if r.StatusCode != c.status || r.body != c.want || r.Header.Get("X-Smuggled") != "" || r.Header.Get("X-Amzn-Trace-Id") != "" {
				t.Errorf("%d %s %v", r.StatusCode, r.body, r.Header)
			}
			if strings.Contains(s.log.String(), "secret") {
				t.Error(s.log)
			}
		})
	}
}

// Values of headers cannot end them.
func TestHeaderInjection(t *testing.T) {
	s := serveRoutes(t, customRoute("GET", "/x", responseMaps("method.response.header.X-One", "integration.response.body.a"),
		responseTemplate("application/json", `#set($context.responseOverride.header.X-Two = $input.path('$.a'))`)))
	s.lambdas.call = returning(`{"a":"1\r\nX-Smuggled: 1"}`)
	r := s.ask("GET /x", "GET", "/v1/x", "")
	if r.StatusCode != 200 || r.Header.Get("X-One") != "1X-Smuggled: 1" || r.Header.Get("X-Two") != "1X-Smuggled: 1" || r.Header.Get("X-Smuggled") != "" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
}

// TestContentHandling has the tables of
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
func TestContentHandling(t *testing.T) {
	const bytes = "\x89PNG\x00"
	encoded := base64.StdEncoding.EncodeToString([]byte(bytes))
	handling := func(how string) func(*gateway.Integration) {
		return func(in *gateway.Integration) { in.ContentHandling = how }
	}
	quote := requestTemplate("image/png", `{"image": "$input.body"}`)
	t.Run("requests", func(t *testing.T) {
		for name, c := range map[string]struct {
			change      []func(*gateway.Integration)
			contentType string
			body        string
			status      int
			event       string
		}{
			"bytes to text":                 {[]func(*gateway.Integration){handling("CONVERT_TO_TEXT"), quote}, "image/png", bytes, 200, `{"image": "` + encoded + `"}`},
			"bytes and a template":          {[]func(*gateway.Integration){quote}, "image/png", bytes, 500, ""},
			"text to bytes":                 {[]func(*gateway.Integration){handling("CONVERT_TO_BINARY")}, "text/plain", base64.StdEncoding.EncodeToString([]byte(`{"n":1}`)), 200, `{"n":1}`},
			"text that is none":             {[]func(*gateway.Integration){handling("CONVERT_TO_BINARY")}, "text/plain", "***", 500, ""},
			"text to text":                  {[]func(*gateway.Integration){handling("CONVERT_TO_TEXT")}, "text/plain", `{"n":1}`, 200, `{"n":1}`},
			"text to bytes, and a template": {[]func(*gateway.Integration){handling("CONVERT_TO_BINARY"), requestTemplate("text/plain", "{}")}, "text/plain", encoded, 500, ""},
		} {
			s := serveRoutes(t, customRoute("POST", "/x", c.change...))
			r := s.ask("POST /x", "POST", "/v1/x", c.body, "Content-Type", c.contentType)
			if r.StatusCode != c.status || c.status == 200 && s.lambdas.last(t) != c.event {
				t.Errorf("%s: %d %s %q", name, r.StatusCode, r.body, s.lambdas.events)
			}
		}
	})
	t.Run("responses", func(t *testing.T) {
		how := func(handling string) func(*gateway.Integration) {
			return func(in *gateway.Integration) { in.Responses[0].ContentHandling = handling }
		}
		for i, c := range []struct {
			change []func(*gateway.Integration)
			accept string
			result string
			want   string
		}{
			{nil, "text/html", `"` + encoded + `"`, `"` + encoded + `"`},
			{nil, "image/png, */*", `"` + encoded + `"`, bytes},
			{[]func(*gateway.Integration){how("CONVERT_TO_TEXT")}, "image/png", `"` + encoded + `"`, `"` + encoded + `"`},
			{[]func(*gateway.Integration){how("CONVERT_TO_BINARY")}, "text/html", `"` + encoded + `"`, bytes},
			{[]func(*gateway.Integration){how("CONVERT_TO_BINARY"), responseTemplate("application/json", `$input.path('$.image')`)}, "", `{"image":"` + encoded + `"}`, bytes},
			{[]func(*gateway.Integration){how("CONVERT_TO_BINARY")}, "", `{"no":"base64"}`, `{"message":"Internal server error"}`},
		} {
			s := serveRoutes(t, customRoute("GET", "/x", c.change...))
			s.lambdas.call = returning(c.result)
			if r := s.ask("GET /x", "GET", "/v1/x", "", "Accept", c.accept); r.body != c.want {
				t.Errorf("%d: %d %q", i, r.StatusCode, r.body)
			}
		}
	})
}

// TestMock has what Envoy leaves to this service of MOCK integrations.
func TestMock(t *testing.T) {
	mockRoute := func(change ...func(*gateway.Integration)) gateway.Route {
		return customRoute("POST", "/m", append([]func(*gateway.Integration){func(in *gateway.Integration) { in.Type, in.URI, in.HTTPMethod = gateway.IntegrationMock, "", "" }}, change...)...)
	}
	chosen := responses(
		gateway.IntegrationResponse{StatusCode: "200", ResponseTemplates: map[string]string{"application/json": `#set($id = $input.params('id')){"id":"$id","body":"$input.path('$.a')","seen":"$context.requestOverride.path.kept"}`}},
		gateway.IntegrationResponse{SelectionPattern: `4\d\d`, StatusCode: "404", ResponseTemplates: map[string]string{"application/json": `#if(true){"gone":true}#end`}})
	for name, c := range map[string]struct {
		template string
		target   string
		status   int
		want     string
	}{
		"chosen by the request": {`{"statusCode": #if($input.params('id') == "7")404#{else}200#end}`, "/v1/m?id=7", 404, `{"gone":true}`},
		"the default":           {`{"statusCode": #if($input.params('id') == "7")404#{else}200#end}`, "/v1/m?id=8", 200, `{"id":"8","body":"","seen":""}`},
		"overridden":            {`#set($context.responseOverride.status = 202)#set($context.requestOverride.path.kept = "k"){"statusCode": 200}`, "/v1/m", 202, `{"id":"","body":"","seen":"k"}`},
		"of the body":           {`{"statusCode": $input.path('$.a')}`, "/v1/m", 404, `{"gone":true}`},
		"lenient":               {`#set($s = 404){statusCode: $s, }`, "/v1/m", 404, `{"gone":true}`},
		"without a status":      {`#set($s = 404){"status": $s}`, "/v1/m", 500, `{"message":"Internal server error"}`},
	} {
		s := serveRoutes(t, mockRoute(requestTemplate("application/json", c.template), chosen))
		if r := s.ask("POST /m", "POST", c.target, `{"a":404}`, "Content-Type", "application/json"); r.StatusCode != c.status || r.body != c.want || r.Header.Get("X-Amzn-Trace-Id") != "" {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
	// What Envoy can do is not for this service.
	s := serveRoutes(t, mockRoute(requestTemplate("application/json", `{"statusCode": 200}`)))
	if r := s.ask("POST /m", "POST", "/v1/m", ""); r.StatusCode != 500 {
		t.Errorf("a plain MOCK: %d", r.StatusCode)
	}
}

// Everything that is wrong with an integration is told at once, at its place.
func TestCompileReportsTemplates(t *testing.T) {
	at := func(line, column int) gateway.Position {
		return gateway.Position{File: "api.yaml", Line: line, Column: column}
	}
	route := customRoute("GET", "/x",
		requestTemplate("application/json", "{\n  \"a\": #if(\n}"), requestTemplate("text/plain", "$util.nope()\n$nothing"),
		requestMaps("integration.request.header.X-Amz-Invocation-Type", "nonsense", "integration.request.cookie.x", "'1'", "integration.request.querystring.q", "method.request.body.a[?", "integration.request.querystring.r", "integration.response.body.a"),
		responses(
			gateway.IntegrationResponse{StatusCode: "102", SelectionPattern: `a(?=b)`, Source: at(40, 5), ResponseTemplates: map[string]string{"application/json": "#end"}},
			gateway.IntegrationResponse{StatusCode: "200", Source: at(50, 5), ResponseParameters: []gateway.ParameterMapping{{Target: "method.response.header.X", Source: "method.request.header.X", Pos: at(51, 7)}}}))
	in := route.Integration
	in.Source, in.URISource = at(4, 3), at(5, 3)
	in.RequestTemplateSources = map[string]gateway.TextSource{"application/json": {Start: at(20, 24), Lines: at(21, 11)}, "text/plain": {Start: at(30, 20)}}
	in.URI, in.HTTPMethod = functionARN+":", "GET"
	compiled, found := integration.Compile(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{route}}))
	if compiled != nil {
		t.Error("it was compiled")
	}
	var lines []string
	for _, d := range found {
		lines = append(lines, fmt.Sprintf("%s %s", d.Pos, d.Code))
	}
	want := []string{
		"api.yaml:4:3 forbidden-mapping", "api.yaml:5:3 invalid-uri", "api.yaml:10:1 invalid-mapping",
		"api.yaml:11:1 invalid-mapping", "api.yaml:11:1 no-effect", "api.yaml:12:1 template-invalid-jsonpath", "api.yaml:12:1 no-effect",
		"api.yaml:13:1 unsupported-mapping", "api.yaml:13:1 no-effect",
		"api.yaml:22:18 template-syntax", "api.yaml:23:11 template-syntax", "api.yaml:30:20 template-unknown-function", "api.yaml:30:20 template-unset-variable",
		"api.yaml:40:5 invalid-pattern", "api.yaml:40:5 invalid-status", "api.yaml:40:5 template-syntax", "api.yaml:51:7 unsupported-mapping",
	}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("%s\n\n%v", got, found)
	}
}

// TestCredentials: functions at AWS are called as the role that the integration names.
func TestCredentials(t *testing.T) {
	with := func(route gateway.Route, credentials string) gateway.Route {
		route.Integration.Credentials = credentials
		route.Integration.Source = gateway.Position{File: "api.yaml", Line: 7, Column: 3}
		return route
	}
	const role = "arn:aws:iam::111122223333:role/caller"
	for _, route := range []gateway.Route{customRoute("GET", "/x"), lambdaRoute("GET", "/x")} {
		s := serveRoutes(t, with(route, strings.Replace(role, "caller", "call${stageVariables.env}", 1)))
		var asked string
		s.lambdas.call = func(_ context.Context, target lambda.Target, _ []byte) ([]byte, error) {
			asked = target.Role
			return []byte("{}"), nil
		}
		if r := s.ask("GET /x", "GET", "/v1/x", ""); r.StatusCode != 200 || asked != "arn:aws:iam::111122223333:role/callp" {
			t.Errorf("%d, called as %q", r.StatusCode, asked)
		}
		for credentials, want := range map[string]string{
			"arn:aws:iam::*:user/*":                    "api.yaml:7:3: error invalid-credentials: ",
			"arn:aws:iam::${stageVariables.no}:role/x": "api.yaml:7:3: error unset-stage-variable: ",
		} {
			compiled, found := integration.Compile(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{with(route, credentials)}}))
			if compiled != nil || len(found) != 1 || !strings.HasPrefix(found[0].String(), want) {
				t.Errorf("%s: %v", credentials, found)
			}
		}
		route.Integration.URI = "http://127.0.0.1:9/hook"
		_, found := integration.Compile(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{with(route, role)}}))
		if len(found) != 1 || !strings.HasPrefix(found[0].String(), "api.yaml:7:3: warning no-effect: ") {
			t.Errorf("a webhook: %v", found)
		}
	}
}

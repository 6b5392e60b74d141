package gateway

import "testing"

// TestNeedsService: Envoy serves what it can, and the integration service the rest.
func TestNeedsService(t *testing.T) {
	mock := func(request, response string) Integration {
		return Integration{Type: IntegrationMock, RequestTemplates: map[string]string{"application/json": request},
			Responses: []IntegrationResponse{{StatusCode: "200", ResponseTemplates: map[string]string{"application/json": response}}}}
	}
	mapped := func(in Integration, source string) Integration {
		in.Responses = append([]IntegrationResponse{{StatusCode: "200", ResponseParameters: []ParameterMapping{{Target: "method.response.header.X", Source: source}}}}, in.Responses...)
		return in
	}
	const ok = `{"statusCode": 200}`
	http := Integration{Type: IntegrationHTTP}
	with := func(change func(*Integration)) Integration { in := http; change(&in); return in }
	for name, c := range map[string]struct {
		in   Integration
		want bool
	}{
		"a function":                    {Integration{Type: IntegrationAWSProxy}, true},
		"a service":                     {Integration{Type: IntegrationAWS}, true},
		"a proxy":                       {Integration{Type: IntegrationHTTPProxy, RequestTemplates: map[string]string{"a/b": "x"}}, false},
		"a plain MOCK":                  {mock(ok, "text 5% $ # a#b"), false},
		"variables":                     {mock(ok, `$context.requestId ${context.stage}x $stageVariables.a $!context.path $input.params('q') $input.params("q").`), false},
		"a mapped constant":             {mapped(mock(ok, ""), "'x'"), false},
		"a directive":                   {mock(ok, `#set($a = 1)`), true},
		"a directive in braces":         {mock(ok, `a#{else}`), true},
		"a comment":                     {mock(ok, `a ## b`), true},
		"another variable":              {mock(ok, `$a`), true},
		"another function":              {mock(ok, `$input.path('$.a')`), true},
		"a method of a variable":        {mock(ok, `$context.stage.length()`), true},
		"a method of a parameter":       {mock(ok, `$input.params('q').length()`), true},
		"an index":                      {mock(ok, `$stageVariables['a']`), true},
		"a status that is computed":     {mock(`{"statusCode": $input.params('s')}`, ""), true},
		"a mapped header of no backend": {mapped(mock(ok, ""), "integration.response.header.X"), true},
		"bytes of a MOCK":               {Integration{Type: IntegrationMock, Responses: []IntegrationResponse{{ContentHandling: "CONVERT_TO_BINARY"}}}, true},
		"HTTP as it is":                 {http, false},
		"HTTP with a mapped header":     {with(func(in *Integration) { in.RequestParameters = []ParameterMapping{{Source: "method.request.header.X"}} }), false},
		"HTTP that passes answers": {with(func(in *Integration) {
			in.Responses = []IntegrationResponse{{ResponseTemplates: map[string]string{"text/html": ""}}}
		}), false},
		"HTTP with a request template": {with(func(in *Integration) { in.RequestTemplates = map[string]string{"a/b": ""} }), true},
		"HTTP with a response template": {with(func(in *Integration) {
			in.Responses = []IntegrationResponse{{ResponseTemplates: map[string]string{"a/b": "x"}}}
		}), true},
		"HTTP with a mapped body":          {with(func(in *Integration) { in.RequestParameters = []ParameterMapping{{Source: "method.request.body.a"}} }), true},
		"HTTP with a mapped answer's body": {mapped(http, "integration.response.body.a"), true},
		"HTTP with bytes":                  {with(func(in *Integration) { in.ContentHandling = "CONVERT_TO_TEXT" }), true},
	} {
		if got := c.in.NeedsService(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestDataTraceNeedsService holds that what is sent is seen by who can tell it, where a stage
// traces it, and that no other level changes who serves a route.
func TestDataTraceNeedsService(t *testing.T) {
	r := &Route{Method: "GET", Path: "/a", Integration: &Integration{Type: IntegrationHTTPProxy}}
	off, trace := ExecutionDetail{Level: ExecutionOff}, ExecutionDetail{Level: ExecutionSteps, DataTrace: true}
	for _, c := range []struct {
		name  string
		stage Stage
		want  bool
	}{
		{"nothing", Stage{}, false},
		{"steps", Stage{ExecutionLog: &ExecutionLog{ExecutionDetail: ExecutionDetail{Level: ExecutionSteps}}}, false},
		{"errors and data", Stage{ExecutionLog: &ExecutionLog{ExecutionDetail: ExecutionDetail{Level: ExecutionErrors, DataTrace: true}}}, false},
		{"data", Stage{ExecutionLog: &ExecutionLog{ExecutionDetail: trace}}, true},
		{"data, not of the route", Stage{ExecutionLog: &ExecutionLog{ExecutionDetail: trace}, Settings: []RouteSettings{{RouteKey: "GET /a", Execution: &off}}}, false},
		{"data of the route", Stage{Settings: []RouteSettings{{RouteKey: "GET /a", Execution: &trace}, {RouteKey: "*", Execution: &off}}}, true},
		{"data of all routes", Stage{Settings: []RouteSettings{{RouteKey: "*", Execution: &trace}}}, true},
		{"data of another", Stage{Settings: []RouteSettings{{RouteKey: "GET /b", Execution: &trace}}}, false},
	} {
		if got := c.stage.NeedsService(r); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

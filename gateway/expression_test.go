package gateway_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

func TestParseRESTValue(t *testing.T) {
	for text, want := range map[string]gateway.Expression{
		"'eu-1'":                                       {Kind: gateway.Literal, Name: "eu-1"},
		"''":                                           {Kind: gateway.Literal, Name: ""},
		"'it's'":                                       {Kind: gateway.Literal, Name: "it's"},
		"'method.request.header.X'":                    {Kind: gateway.Literal, Name: "method.request.header.X"},
		"method.request.header.X-Id":                   {Kind: gateway.RequestHeader, Name: "X-Id"},
		"method.request.multivalueheader.X-Id":         {Kind: gateway.RequestMultiHeader, Name: "X-Id"},
		"method.request.querystring.q":                 {Kind: gateway.RequestQuery, Name: "q"},
		"method.request.multivaluequerystring.q":       {Kind: gateway.RequestMultiQuery, Name: "q"},
		"method.request.path.id":                       {Kind: gateway.RequestPath, Name: "id"},
		"method.request.body":                          {Kind: gateway.RequestBody},
		"method.request.body.$.pets[0]['a b']":         {Kind: gateway.RequestBody, Name: "$.pets[0]['a b']"},
		"integration.response.header.X-Id":             {Kind: gateway.ResponseHeader, Name: "X-Id"},
		"integration.response.multivalueheader.X-Id":   {Kind: gateway.ResponseMultiHeader, Name: "X-Id"},
		"integration.response.body":                    {Kind: gateway.ResponseBody},
		"integration.response.body.type.path":          {Kind: gateway.ResponseBody, Name: "type.path"},
		"context.identity.sourceIp":                    {Kind: gateway.ContextVariable, Name: "identity.sourceIp"},
		"context.authorizer.principalId":               {Kind: gateway.ContextVariable, Name: "authorizer.principalId"},
		"context.authorizer.claims.cognito:username":   {Kind: gateway.ContextVariable, Name: "authorizer.claims.cognito:username"},
		"context.authorizer.claims.https://e.com/role": {Kind: gateway.ContextVariable, Name: "authorizer.claims.https://e.com/role"},
		"stageVariables.backend":                       {Kind: gateway.StageVariable, Name: "backend"},
		"method.request.querystring.filter.name$first": {Kind: gateway.RequestQuery, Name: "filter.name$first"},
	} {
		got, err := gateway.ParseRESTValue(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(gateway.Value{want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"":                             `"" is not a mapping expression; a literal stands in single quotes`,
		"'":                            `"'" is not a mapping expression; a literal stands in single quotes`,
		"eu-1":                         `"eu-1" is not a mapping expression; a literal stands in single quotes`,
		`"eu-1"`:                       `"\"eu-1\"" is not a mapping expression; a literal stands in single quotes`,
		"$context.requestId":           `"$context.requestId" is not a mapping expression; a literal stands in single quotes`,
		"method.request.cookie.x":      `"method.request.cookie.x" is not a mapping expression; a literal stands in single quotes`,
		"method.request.bodyguard":     `"method.request.bodyguard" is not a mapping expression; a literal stands in single quotes`,
		"method.request.header.":       `"" is not a valid name in the mapping expression "method.request.header."`,
		"method.request.header.X Id":   `"X Id" is not a valid name in the mapping expression "method.request.header.X Id"`,
		"context.":                     `"" is not a valid name in the mapping expression "context."`,
		"stageVariables.a:b":           `"a:b" is not a valid name in the mapping expression "stageVariables.a:b"`,
		"stageVariables.a b":           `"a b" is not a valid name in the mapping expression "stageVariables.a b"`,
		"method.request.path.id\n":     `"id\n" is not a valid name in the mapping expression "method.request.path.id\n"`,
		"method.request.querystring.)": `")" is not a valid name in the mapping expression "method.request.querystring.)"`,
	} {
		if got, err := gateway.ParseRESTValue(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestParseHTTPValue(t *testing.T) {
	lit := func(s string) gateway.Expression { return gateway.Expression{Kind: gateway.Literal, Name: s} }
	for text, want := range map[string]gateway.Value{
		"":                              {lit("")},
		"plain":                         {lit("plain")},
		"a$b":                           {lit("a$b")},
		"5$":                            {lit("5$")},
		"{request.path}":                {lit("{request.path}")},
		"${request.path":                {lit("${request.path")},
		"$request.header.X-Id":          {{Kind: gateway.RequestHeader, Name: "X-Id"}},
		"$request.querystring.q":        {{Kind: gateway.RequestQuery, Name: "q"}},
		"$request.path":                 {{Kind: gateway.RequestPath}},
		"$request.path.id":              {{Kind: gateway.RequestPath, Name: "id"}},
		"$request.body":                 {{Kind: gateway.RequestBody}},
		"$request.body.name":            {{Kind: gateway.RequestBody, Name: "name"}},
		"$response.header.X-Id":         {{Kind: gateway.ResponseHeader, Name: "X-Id"}},
		"$response.body":                {{Kind: gateway.ResponseBody}},
		"$response.body.name":           {{Kind: gateway.ResponseBody, Name: "name"}},
		"$context.requestId":            {{Kind: gateway.ContextVariable, Name: "requestId"}},
		"$stageVariables.name":          {{Kind: gateway.StageVariable, Name: "name"}},
		"${request.path}":               {{Kind: gateway.RequestPath}},
		"/v2${request.path}":            {lit("/v2"), {Kind: gateway.RequestPath}},
		"${context.stage}${context.x}!": {{Kind: gateway.ContextVariable, Name: "stage"}, {Kind: gateway.ContextVariable, Name: "x"}, lit("!")},
		"a $${stageVariables.b} c":      {lit("a $"), {Kind: gateway.StageVariable, Name: "b"}, lit(" c")},
	} {
		got, err := gateway.ParseHTTPValue(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for text, want := range map[string]string{
		"$":                     `"$" is not something a mapping can refer to`,
		"$nonsense":             `"$nonsense" is not something a mapping can refer to`,
		"$request.header.":      `"$request.header." is not something a mapping can refer to`,
		"$request":              `"$request" is not something a mapping can refer to`,
		"$method.request.path.": `"$method.request.path." is not something a mapping can refer to`,
		"${}":                   `"$" is not something a mapping can refer to`,
		"x ${nonsense} y":       `"$nonsense" is not something a mapping can refer to`,
	} {
		if got, err := gateway.ParseHTTPValue(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestValueLiteral(t *testing.T) {
	lit := gateway.Expression{Kind: gateway.Literal, Name: "a"}
	if text, constant := (gateway.Value{lit, lit}).Literal(); text != "aa" || !constant {
		t.Errorf("%q, %v", text, constant)
	}
	if text, constant := (gateway.Value{lit, {Kind: gateway.StageVariable, Name: "a"}}).Literal(); text != "" || constant {
		t.Errorf("%q, %v", text, constant)
	}
}

func TestResolveStageVariables(t *testing.T) {
	variables := map[string]string{"host": "10.0.0.1:80", "empty": "", "ref": "${stageVariables.host}", "A_1": "x"}
	for _, c := range []struct {
		text, want string
		missing    []string
	}{
		{"plain", "plain", nil},
		{"", "", nil},
		{"http://${stageVariables.host}/a", "http://10.0.0.1:80/a", nil},
		{"${stageVariables.host}${stageVariables.A_1}", "10.0.0.1:80x", nil},
		{"[${stageVariables.empty}]", "[]", nil},
		// A value is text, not another reference.
		{"${stageVariables.ref}", "${stageVariables.host}", nil},
		{"a${stageVariables.b}c${stageVariables.a}", "ac", []string{"b", "a"}},
		{"${stageVariables.b}${stageVariables.b}", "", []string{"b"}},
		{"${stageVariables.}", "${stageVariables.}", nil},
		{"${stageVariables.a-b}", "${stageVariables.a-b}", nil},
		{"{stageVariables.host}", "{stageVariables.host}", nil},
		{"$stageVariables.host", "$stageVariables.host", nil},
		{"${stagevariables.host}", "${stagevariables.host}", nil},
	} {
		got, missing := gateway.ResolveStageVariables(c.text, variables)
		if got != c.want || !cmp.Equal(missing, c.missing) {
			t.Errorf("%s: %q, missing %q, want %q, missing %q", c.text, got, missing, c.want, c.missing)
		}
	}
	if got, missing := gateway.ResolveStageVariables("${stageVariables.a}", nil); got != "" || !cmp.Equal(missing, []string{"a"}) {
		t.Errorf("without variables: %q, missing %q", got, missing)
	}
}

func TestCanaryVariables(t *testing.T) {
	own := map[string]string{"a": "1", "b": "2"}
	for _, c := range []struct {
		name  string
		stage gateway.Stage
		want  map[string]string
	}{
		{"no canary", gateway.Stage{Variables: own}, own},
		{"none of its own", gateway.Stage{Variables: own, Canary: &gateway.Canary{}}, own},
		{"laid over", gateway.Stage{Variables: own, Canary: &gateway.Canary{Variables: map[string]string{"b": "3", "c": "4"}}}, map[string]string{"a": "1", "b": "3", "c": "4"}},
		{"only the canary's", gateway.Stage{Canary: &gateway.Canary{Variables: map[string]string{"b": "3"}}}, map[string]string{"b": "3"}},
	} {
		if diff := cmp.Diff(c.want, c.stage.CanaryVariables()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	if !cmp.Equal(own, map[string]string{"a": "1", "b": "2"}) {
		t.Errorf("the stage's variables were changed: %v", own)
	}
}

package websocket_test

import (
	"strings"
	"testing"

	"gatehouse/integration/websocket"
)

// TestRefusedDefinitions holds what is told of definitions that could not be served, and
// at which line.
func TestRefusedDefinitions(t *testing.T) {
	const lambda = "integration: {type: AWS_PROXY, uri: hear}"
	for _, c := range []struct {
		route string
		stage []string
		want  string
	}{
		{"a: {integration: {type: AWS_PROXY, uri: nobody}}", nil, `7:47: error unknown-function: the integration of a calls the function nobody, which is not defined`},
		{"a: {integration: {type: AWS_PROXY, uri: 'a b'}}", nil, `error invalid-uri: the integration of a: "a b" does not name a function`},
		{"a: {integration: {type: AWS, uri: 'arn:aws:apigateway:us-east-1:sqs:queue/1/q'}}", nil, `7:41: error invalid-uri: a cannot call a service`},
		{"a: {integration: {type: AWS, uri: 'arn:aws:apigateway:us-east-1:s3:action/GetObject'}}", nil, `error invalid-uri: S3 has no actions that are called by a name`},
		{"a: {integration: {type: AWS, uri: 'arn:aws:apigateway:us-east-1:sqsq:path/1/q'}}", nil, `warning unknown-service: sqsq is no service that is known`},
		{"a: {integration: {type: AWS, uri: 'arn:aws:apigateway:us-east-1:sqs:path/1/{q}'}}", nil, `error unmapped-uri-parameter: nothing fills {q}`},
		{"a: {integration: {type: AWS, uri: 'arn:aws:apigateway:us-east-1:sqs:path/1/q', credentials: 'arn:aws:iam::*:user/*'}}", nil, `error invalid-credentials: the credentials of a`},
		{"a: {integration: {type: AWS_PROXY, uri: hear, credentials: 'arn:aws:iam::111122223333:role/r'}}", nil, `warning no-effect: the credentials of a have no effect`},
		{"a: {integration: {type: AWS, httpMethod: GET, uri: hear}}", nil, `error forbidden-mapping: functions are called with POST, not GET`},
		{"a: {integration: {type: AWS, uri: nobody}}", nil, `error unknown-function: the integration of a calls the function nobody`},
		{"a: {integration: {type: AWS, uri: hear, requestTemplates: {$default: '#if(true)'}}}", nil, `error template-syntax`},
		{"a: {integration: {type: AWS, uri: hear, requestParameters: {integration.request.header.X: context.stage}}}", nil, `warning no-effect: integration.request.header.X has no effect`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'ftp://a/'}}", nil, `error invalid-uri: "ftp://a/" is not a URI of the form`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'http://{host}/'}}", nil, `error invalid-uri: the host of http://… cannot be a parameter`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'http://a/{b'}}", nil, `error invalid-uri: "http://a/{b" has a brace`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'http://a/{b}'}}", nil, `error unmapped-uri-parameter: nothing fills {b}`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'http://a/', requestParameters: {integration.request.header.X: route.request.header.X}}}", nil, `error invalid-mapping: "route.request.header.X" is only there when a client connects`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'http://a/', requestParameters: {integration.request.header.X: method.request.header.X}}}", nil, `error invalid-mapping: "method.request.header.X" is not a mapping expression`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'http://a/', requestParameters: {integration.request.header.X: context.nothing}}}", nil, `error invalid-mapping: WebSocket APIs have no variable $context.nothing`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'http://a/', requestParameters: {integration.request.header.Host: context.stage}}}", nil, `error invalid-mapping: "integration.request.header.Host" is nothing that`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'http://a/', requestParameters: {integration.request.header.x-gw-route: context.stage}}}", nil, `error invalid-mapping: "integration.request.header.x-gw-route" is nothing`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'http://a/', requestParameters: {integration.request.header.X: stageVariables.x}}}", nil, `error invalid-mapping: the stage has no variable x`},
		{"a: {integration: {type: HTTP, uri: 'http://a/', requestTemplates: {$default: '#if(true)'}}}", nil, `error template-syntax: the template "$default", at 1:1: #if has no #end`},
		{"a: {integration: {type: MOCK}}", nil, `error mock-without-status: the MOCK integration of a has no request template`},
		{"a: {" + lambda + "}", []string{"throttle: {rate: 1, scope: shared}"}, `error unsupported-limit: messages are counted where their connection is`},
		{"a: {" + lambda + "}", []string{"routes: {a: {throttle: {rate: 1, scope: shared}}}"}, `error unsupported-limit`},
		{"a: {" + lambda + "}", []string{"routes: {a: {maxRequestBytes: 1}}"}, `error unsupported-setting`},
		{"a: {" + lambda + "}", []string{"routes: {a: {timeout: 0s}}"}, `error unsupported-setting`},
	} {
		ds := websocket.Compile(snapshot(t, chat(c.route, c.stage...)))
		if len(ds) != 1 || !strings.Contains(ds[0].String(), c.want) {
			t.Errorf("%s %v: %v", c.route, c.stage, ds)
		}
	}
	for models, want := range map[string]string{
		"M: {type: whatever}": "error invalid-model: the model M at #/type",
		"M: {$ref: 'https://apigateway.amazonaws.com/restapis/x/models/Other'}": "error invalid-model: the model M at #",
		"Other: {type: object}": `error unknown-model: a holds messages to the model "M", which is not defined`,
	} {
		ds := websocket.Compile(snapshot(t, strings.Replace(chat("a: {requestModels: {$default: M}, "+lambda+"}"), "    routes:", "    models: {"+models+"}\n    routes:", 1)))
		if len(ds) != 1 || !strings.Contains(ds[0].String(), want) {
			t.Errorf("%s: %v", models, ds)
		}
	}
	unselected := "a: {requestModels: {b: Empty}, " + lambda + "}"
	if ds := websocket.Compile(snapshot(t, chat(unselected))); len(ds) != 1 || !strings.Contains(ds[0].String(), `error no-effect: nothing selects the model "b" of a`) {
		t.Errorf("%s: %v", unselected, ds)
	}
	// What no single file can know is found as it is read.
	for _, c := range []struct {
		route string
		stage []string
		want  string
	}{
		{"$other: {" + lambda + "}", nil, `error invalid-route-key: "$other" is not a route of a WebSocket API`},
		{"a b: {" + lambda + "}", nil, `error invalid-route-key: "a b" is not a valid route key`},
		{strings.Repeat("x", 129) + ": {" + lambda + "}", nil, `error invalid-route-key`},
		{"a: {authorizationType: AWS_IAM, " + lambda + "}", nil, `error connect-only: callers of a WebSocket API are authorized when they connect`},
		{"a: {apiKeyRequired: true, " + lambda + "}", nil, `error connect-only: API keys are shown when a client connects`},
		{"$disconnect: {routeResponseSelectionExpression: $default, " + lambda + "}", nil, `error no-effect: nobody is there any more`},
		{"$connect: {requestModels: {$default: Empty}, " + lambda + "}", nil, `error no-effect: $connect has no message that could be held to a model`},
		{"a: {modelSelectionExpression: $request.body.b, " + lambda + "}", nil, `error no-effect: there is no model to be selected for a`},
		{"a: {modelSelectionExpression: $request.header.b, requestModels: {b: Empty}, " + lambda + "}", nil, `error invalid-selection-expression`},
		{"a: {" + lambda + "}", []string{"routes: {b: {timeout: 1s}}"}, `error unknown-route: the stage chat/v1 has no route "b" (write a route key`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'http://a/', connectionType: VPC_LINK, connectionId: lost}}", nil, `error unknown-backend`},
		{"a: {integration: {type: HTTP_PROXY, uri: 'http://${stageVariables.host}/'}}", nil, `error unset-stage-variable: the stage chat/v1 has no variable host`},
	} {
		result := load(t, chat(c.route, c.stage...))
		if result.Snapshot != nil || len(result.Diagnostics) != 1 || !strings.Contains(result.Diagnostics[0].String(), c.want) {
			t.Errorf("%s %v: %v", c.route, c.stage, result.Diagnostics)
		}
	}
}

package httpapi_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestRoutes(t *testing.T) {
	c := newClient(t)
	api := c.newHTTPAPI()
	integration := c.newIntegration(api)
	path := "/apis/" + api + "/routes"
	created := c.call("POST", path, document{"routeKey": "GET /pets/{id}", "target": "integrations/" + integration, "operationName": "getPet"}, http.StatusCreated)
	want := document{"routeKey": "GET /pets/{id}", "target": "integrations/" + integration, "authorizationType": "NONE", "apiKeyRequired": false, "operationName": "getPet"}
	c.has(created, want)
	route := path + "/" + created["routeId"].(string)
	c.call("PATCH", route, document{"routeKey": "ANY /pets/{proxy+}"}, http.StatusOK)
	want["routeKey"] = "ANY /pets/{proxy+}"
	c.has(c.call("GET", route, nil, http.StatusOK), want)
	c.call("PATCH", route, document{"operationName": ""}, http.StatusOK)
	want["operationName"] = nil
	c.has(c.only(path), want)

	const unformatted = `The provided route key is not formatted properly for HTTP protocol. Format should be "<HTTP METHOD> /<RESOURCE PATH>" or "$default"`
	for _, key := range []string{"/pets", "GET", "GET pets", "get /pets", "CONNECT /", "$connect"} {
		c.badRequest("POST", path, document{"routeKey": key}, unformatted)
	}
	for _, test := range []struct {
		body    any
		message string
	}{
		{document{}, "1 validation error detected: Value null at 'routeKey' failed to satisfy constraint: Member must not be null"},
		{document{"routeKey": "GET /{a+}/b"}, "The provided route key is not formatted properly for HTTP protocol: the greedy variable {a+} must be the last segment"},
		{document{"routeKey": "GET /a", "target": "integrations/none"}, "Invalid Integration identifier specified: none"},
		{document{"routeKey": "GET /a", "target": "http://a"}, "Invalid target specified: http://a. Target must be of the form integrations/{integration-id}"},
		{document{"routeKey": "GET /a", "apiKeyRequired": true}, "apiKeyRequired is supported only for APIs with a protocol type of WEBSOCKET"},
		{document{"routeKey": "GET /a", "authorizationType": "JWT"}, "Invalid authorizer ID specified. Setting the authorization type to JWT requires a valid JWT authorizer."},
		{document{"routeKey": "GET /a", "authorizationType": "CUSTOM", "authorizerId": "nobody"}, "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid authorizer."},
		{document{"routeKey": "GET /a", "authorizationScopes": []string{"a"}}, "authorizationScopes are supported only for an authorization type of JWT"},
		{document{"routeKey": "GET /a", "authorizationType": "BASIC"}, "1 validation error detected: Value 'BASIC' at 'authorizationType' failed to satisfy constraint: Member must satisfy enum value set: [NONE, AWS_IAM, CUSTOM, JWT]"},
	} {
		c.badRequest("POST", path, test.body, test.message)
	}
	c.conflict("POST", path, document{"routeKey": "ANY /pets/{proxy+}"}, "Route with key ANY /pets/{proxy+} already exists for this API")
	other := c.create(path, "routeId", document{"routeKey": "$default"})
	c.conflict("PATCH", path+"/"+other, document{"routeKey": "ANY /pets/{proxy+}"}, "Route with key ANY /pets/{proxy+} already exists for this API")
	c.conflict("DELETE", "/apis/"+api+"/integrations/"+integration, nil,
		"Cannot delete Integration because it is referenced by the following Routes with Ids: ["+created["routeId"].(string)+"]")
	c.notFound("GET", path+"/nothing", nil, "Invalid Route identifier specified")
	c.call("DELETE", route, nil, http.StatusNoContent)
	c.call("DELETE", "/apis/"+api+"/integrations/"+integration, nil, http.StatusNoContent)
	c.notFound("DELETE", route, nil, "Invalid Route identifier specified")
}

func TestWebSocketRoutes(t *testing.T) {
	c := newClient(t)
	api := c.newWebSocketAPI()
	path := "/apis/" + api + "/routes"
	c.create("/apis/"+api+"/models", "modelId", document{"name": "Message", "schema": `{"type": "object"}`})
	route := path + "/" + c.create(path, "routeId", document{
		"routeKey": "send", "requestModels": document{"$default": "Message"}, "modelSelectionExpression": "$request.body.type",
		"routeResponseSelectionExpression": "$default",
	})
	connect := path + "/" + c.create(path, "routeId", document{
		"routeKey": "$connect", "apiKeyRequired": true, "authorizationType": "AWS_IAM",
		"requestParameters": document{"route.request.querystring.room": document{"required": true}, "route.request.header.Origin": document{"required": false}},
	})
	c.call("DELETE", connect+"/requestparameters/route.request.header.Origin", nil, http.StatusNoContent)
	c.has(c.call("GET", connect, nil, http.StatusOK), document{"requestParameters": document{"route.request.querystring.room": document{"required": true}}})
	c.notFound("DELETE", connect+"/requestparameters/route.request.header.Origin", nil, "Invalid parameter name specified")

	c.badRequest("POST", path, document{"routeKey": "$other"}, "Invalid route key $other: must be $connect, $disconnect, $default or a key that does not begin with $")
	c.badRequest("POST", path, document{"routeKey": "a", "authorizationType": "AWS_IAM"}, "Currently, authorization is restricted to the $connect route only")
	c.badRequest("POST", path, document{"routeKey": "a", "requestModels": document{"$default": "None"}}, "Invalid model identifier specified for '$default': None")
	c.badRequest("POST", path, document{"routeKey": "a", "requestParameters": document{"method.request.header.a": document{}}},
		"Invalid request parameter method.request.header.a: must be route.request.querystring.NAME or route.request.header.NAME")
	c.badRequest("POST", path, document{"routeKey": "a", "modelSelectionExpression": "$nothing"}, `Invalid modelSelectionExpression: "$nothing" is not something that a selection expression can refer to`)

	// Responses.
	response := c.call("POST", route+"/routeresponses", document{"routeResponseKey": "$default", "responseModels": document{"$default": "Message"}}, http.StatusCreated)
	c.has(response, document{"routeResponseKey": "$default", "responseModels": document{"$default": "Message"}})
	one := route + "/routeresponses/" + response["routeResponseId"].(string)
	c.has(c.call("PATCH", one, document{"modelSelectionExpression": "$default"}, http.StatusOK), document{"modelSelectionExpression": "$default"})
	c.has(c.only(route+"/routeresponses"), document{"routeResponseKey": "$default"})
	c.conflict("POST", route+"/routeresponses", document{"routeResponseKey": "$default"}, "Route response with key $default already exists for this route")
	c.badRequest("POST", route+"/routeresponses", document{"routeResponseKey": "200"}, "Invalid routeResponseKey 200: only $default is supported")
	c.conflict("DELETE", "/apis/"+api+"/models/"+c.only("/apis/" + api + "/models")["modelId"].(string), nil, "Cannot delete model 'Message', is referenced in route request: send")
	c.call("DELETE", one, nil, http.StatusNoContent)
	c.notFound("GET", one, nil, "Invalid RouteResponse identifier specified")
	http := c.newHTTPAPI()
	c.badRequest("POST", "/apis/"+http+"/routes/"+c.create("/apis/"+http+"/routes", "routeId", document{"routeKey": "$default"})+"/routeresponses", document{"routeResponseKey": "$default"},
		"Route responses are supported only for APIs with a protocol type of WEBSOCKET")
}

func TestIntegrations(t *testing.T) {
	c := newClient(t)
	api := c.newHTTPAPI()
	path := "/apis/" + api + "/integrations"
	created := c.call("POST", path, document{
		"integrationType": "HTTP_PROXY", "integrationMethod": "GET", "integrationUri": "https://pets.example.com/{id}",
		"requestParameters":  document{"append:header.a": "$request.header.b", "overwrite:path": "/x"},
		"responseParameters": document{"404": document{"overwrite:statuscode": "200"}, "200": document{"remove:header.x": "''"}},
	}, http.StatusCreated)
	c.has(created, document{"connectionType": "INTERNET", "payloadFormatVersion": "1.0", "timeoutInMillis": 30000.0, "passthroughBehavior": nil})
	one := path + "/" + created["integrationId"].(string)
	// An empty mapping takes one away.
	updated := c.call("PATCH", one, document{
		"timeoutInMillis": 100, "requestParameters": document{"overwrite:path": "", "remove:querystring.q": "''"}, "responseParameters": document{"404": document{"overwrite:statuscode": ""}},
	}, http.StatusOK)
	c.has(updated, document{
		"timeoutInMillis": 100.0, "requestParameters": document{"append:header.a": "$request.header.b", "remove:querystring.q": "''"},
		"responseParameters": document{"200": document{"remove:header.x": "''"}},
	})
	c.has(c.only(path), document{"timeoutInMillis": 100.0})
	c.has(c.call("POST", path, document{"integrationType": "AWS_PROXY", "payloadFormatVersion": "2.0", "integrationUri": "arn:aws:lambda:eu-west-1:000000000000:function:pets"}, http.StatusCreated), document{"integrationMethod": "POST"})
	c.has(c.call("POST", path, document{
		"integrationType": "AWS_PROXY", "integrationSubtype": "SQS-SendMessage", "credentialsArn": "arn:aws:iam::000000000000:role/r",
		"requestParameters": document{"QueueUrl": "https://sqs/q", "MessageBody": "$request.body"},
	}, http.StatusCreated), document{"integrationSubtype": "SQS-SendMessage", "integrationMethod": nil})

	proxy := func(members document) document {
		body := document{"integrationType": "HTTP_PROXY", "integrationMethod": "GET", "integrationUri": "http://a"}
		for name, value := range members {
			body[name] = value
		}
		return body
	}
	for _, test := range []struct {
		body    document
		message string
	}{
		{document{"integrationType": "AWS", "integrationUri": "arn:aws:lambda:x"}, "Currently, an API with a protocol type of HTTP may only be associated with proxy integrations (AWS_PROXY, HTTP_PROXY)"},
		{proxy(document{"timeoutInMillis": 30001}), "1 validation error detected: Value '30001' at 'timeoutInMillis' failed to satisfy constraint: Member must have value less than or equal to 30000"},
		{proxy(document{"integrationMethod": ""}), "integrationMethod is required for this integration type"},
		{proxy(document{"payloadFormatVersion": "2.0"}), "Invalid payloadFormatVersion 2.0. Supported values for this integration: [1.0]"},
		{proxy(document{"integrationUri": ""}), "integrationUri is required for this integration type"},
		{proxy(document{"passthroughBehavior": "SOMETIMES"}), "1 validation error detected: Value 'SOMETIMES' at 'passthroughBehavior' failed to satisfy constraint: Member must satisfy enum value set: [WHEN_NO_MATCH, NEVER, WHEN_NO_TEMPLATES]; passthroughBehavior is supported only for APIs with a protocol type of WEBSOCKET"},
		{proxy(document{"requestTemplates": document{"a/b": "c"}}), "requestTemplates is supported only for APIs with a protocol type of WEBSOCKET"},
		{proxy(document{"connectionType": "VPC_LINK"}), "connectionId is required for a connection type of VPC_LINK"},
		{proxy(document{"connectionType": "VPC_LINK", "connectionId": "nolink"}), "Invalid Vpc Link identifier specified: nolink"},
		{proxy(document{"requestParameters": document{"set:header.a": "b"}}), "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression parameter specified: set:header.a]"},
		{proxy(document{"requestParameters": document{"append:header.a": "$nothing"}}), "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: $nothing]"},
		{proxy(document{"responseParameters": document{"99": document{}}}), "Invalid response parameters key 99: must be a HTTP status code from 200 to 599"},
		{document{"integrationType": "AWS_PROXY", "integrationUri": "http://a"}, "Invalid ARN specified in the request: the integrationUri of an AWS_PROXY integration must be that of a Lambda function"},
		{document{"integrationType": "AWS_PROXY", "integrationSubtype": "SQS-SendMessage", "requestParameters": document{"QueueUrl": "q"}}, "Parameter MessageBody is required for the integration subtype SQS-SendMessage; credentialsArn is required for an integration with a subtype"},
	} {
		c.badRequest("POST", path, test.body, test.message)
	}
	c.notFound("PATCH", path+"/nothing", document{}, "Invalid Integration identifier specified")
}

func TestWebSocketIntegrations(t *testing.T) {
	c := newClient(t)
	api := c.newWebSocketAPI()
	path := "/apis/" + api + "/integrations"
	created := c.call("POST", path, document{
		"integrationType": "AWS", "integrationMethod": "POST", "integrationUri": "arn:aws:lambda:eu-west-1:000000000000:function:chat",
		"requestTemplates": document{"200": "{}"}, "templateSelectionExpression": `\$default`,
	}, http.StatusCreated)
	c.has(created, document{
		"timeoutInMillis": 29000.0, "passthroughBehavior": "WHEN_NO_MATCH", "payloadFormatVersion": "1.0",
		"integrationResponseSelectionExpression": "${integration.response.body.errorMessage}",
	})
	responses := path + "/" + created["integrationId"].(string) + "/integrationresponses"
	response := c.call("POST", responses, document{"integrationResponseKey": "/2\\d\\d/", "responseTemplates": document{"$default": "ok", "other": "x"}}, http.StatusCreated)
	one := responses + "/" + response["integrationResponseId"].(string)
	c.has(c.call("PATCH", one, document{"responseTemplates": document{"other": ""}}, http.StatusOK), document{"integrationResponseKey": "/2\\d\\d/", "responseTemplates": document{"other": ""}})
	c.has(c.only(responses), document{"integrationResponseKey": "/2\\d\\d/"})
	c.conflict("POST", responses, document{"integrationResponseKey": "/2\\d\\d/"}, `Integration response with key /2\d\d/ already exists for this integration`)
	c.badRequest("POST", responses, document{"integrationResponseKey": "/(/"}, "Invalid integrationResponseKey /(/: error parsing regexp: missing closing ): `(`")
	c.badRequest("POST", responses, document{}, "1 validation error detected: Value null at 'integrationResponseKey' failed to satisfy constraint: Member must not be null")
	c.call("DELETE", one, nil, http.StatusNoContent)
	c.notFound("GET", one, nil, "Invalid IntegrationResponse identifier specified")
	c.badRequest("POST", path, document{"integrationType": "HTTP_PROXY", "integrationMethod": "GET", "integrationUri": "http://a", "timeoutInMillis": 29001, "payloadFormatVersion": "2.0"},
		"1 validation error detected: Value '29001' at 'timeoutInMillis' failed to satisfy constraint: Member must have value less than or equal to 29000; Invalid payloadFormatVersion 2.0. Supported values for this integration: [1.0]")
	c.has(c.call("POST", path, document{"integrationType": "MOCK"}, http.StatusCreated), document{"integrationUri": nil})
	c.badRequest("POST", "/apis/"+c.newHTTPAPI()+"/models", document{"name": "A", "schema": "{}"}, "Models are supported only for APIs with a protocol type of WEBSOCKET")
}

func TestAuthorizers(t *testing.T) {
	c := newClient(t)
	api := c.newHTTPAPI()
	path := "/apis/" + api + "/authorizers"
	jwt := document{
		"name": "users", "authorizerType": "JWT", "identitySource": []string{"$request.header.Authorization"},
		"jwtConfiguration": document{"issuer": "https://id.example.com/", "audience": []string{"pets"}},
	}
	created := c.call("POST", path, jwt, http.StatusCreated)
	c.has(created, document{"name": "users", "authorizerType": "JWT", "jwtConfiguration": document{"issuer": "https://id.example.com/", "audience": []any{"pets"}}})
	id := created["authorizerId"].(string)
	c.conflict("POST", path, jwt, "Authorizer name must be unique. Authorizer users already exists in this Api.")
	c.badRequest("PATCH", path+"/"+id, document{"jwtConfiguration": document{"audience": []string{"a", "b"}}}, "Invalid issuer: . Issuer must have a valid discovery endpoint ended with '/.well-known/openid-configuration'")
	c.has(c.call("PATCH", path+"/"+id, document{"jwtConfiguration": document{"issuer": "https://id.example.com/", "audience": []string{"a", "b"}}}, http.StatusOK),
		document{"jwtConfiguration": document{"issuer": "https://id.example.com/", "audience": []any{"a", "b"}}})
	request := c.create(path, "authorizerId", document{
		"name": "function", "authorizerType": "REQUEST", "authorizerUri": "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:000000000000:function:a/invocations",
		"authorizerPayloadFormatVersion": "2.0", "enableSimpleResponses": true, "authorizerResultTtlInSeconds": 0,
	})
	c.has(c.call("GET", path+"/"+request, nil, http.StatusOK), document{"authorizerResultTtlInSeconds": 0.0, "enableSimpleResponses": true})

	route := c.create("/apis/"+api+"/routes", "routeId", document{"routeKey": "GET /", "authorizationType": "JWT", "authorizerId": id, "authorizationScopes": []string{"read"}})
	c.conflict("DELETE", path+"/"+id, nil, "Cannot delete authorizer '"+id+"', is referenced in route: GET /")
	c.badRequest("PATCH", "/apis/"+api+"/routes/"+route, document{"authorizerId": request}, "Invalid authorizer ID specified. Setting the authorization type to JWT requires a valid JWT authorizer.")
	c.has(c.call("PATCH", "/apis/"+api+"/routes/"+route, document{"authorizationType": "NONE"}, http.StatusOK), document{"authorizerId": nil, "authorizationScopes": nil})
	c.call("DELETE", path+"/"+id, nil, http.StatusNoContent)
	c.notFound("GET", path+"/"+id, nil, "Invalid Authorizer identifier specified")

	with := func(from document, members document) document {
		body := document{}
		for _, part := range []document{from, members} {
			for name, value := range part {
				body[name] = value
			}
		}
		return body
	}
	function := document{"name": "f", "authorizerType": "REQUEST", "authorizerUri": "arn:aws:lambda:x", "authorizerPayloadFormatVersion": "1.0", "identitySource": []string{"$request.header.a"}}
	for _, test := range []struct {
		body    document
		message string
	}{
		{document{"name": "a"}, "1 validation error detected: Value null at 'authorizerType' failed to satisfy constraint: Member must not be null"},
		{with(jwt, document{"jwtConfiguration": nil}), "jwtConfiguration is required for JWT authorizers"},
		{with(jwt, document{"jwtConfiguration": document{"issuer": "id.example.com", "audience": []string{"a"}}}), "Invalid issuer: id.example.com. Issuer must have a valid discovery endpoint ended with '/.well-known/openid-configuration'"},
		{with(jwt, document{"jwtConfiguration": document{"issuer": "https://id.example.com"}}), "jwtConfiguration.audience must have at least one value"},
		{with(jwt, document{"identitySource": []string{"$request.header.a", "$request.header.b"}}), "Invalid identitySource: a JWT authorizer has exactly one, of the form $request.header.NAME or $request.querystring.NAME"},
		{with(jwt, document{"authorizerUri": "arn:aws:lambda:x"}), "authorizerUri is supported only for REQUEST authorizers"},
		{with(function, document{"authorizerUri": ""}), "authorizerUri is required for REQUEST authorizers"},
		{with(function, document{"authorizerPayloadFormatVersion": nil}), "authorizerPayloadFormatVersion is a required parameter for REQUEST authorizer"},
		{with(function, document{"enableSimpleResponses": true}), "enableSimpleResponses is supported only for an authorizerPayloadFormatVersion of 2.0"},
		{with(function, document{"identitySource": []string{"method.request.header.a"}}), "Invalid identitySource method.request.header.a: it must be an expression such as $request.header.NAME"},
		{with(function, document{"identitySource": nil, "authorizerResultTtlInSeconds": 60}), "identitySource is required when authorizerResultTtlInSeconds is greater than 0"},
		{with(function, document{"authorizerResultTtlInSeconds": 3601}), "1 validation error detected: Value '3601' at 'authorizerResultTtlInSeconds' failed to satisfy constraint: Member must have value less than or equal to 3600"},
	} {
		c.badRequest("POST", path, test.body, test.message)
	}
	socket := "/apis/" + c.newWebSocketAPI() + "/authorizers"
	c.badRequest("POST", socket, jwt, "JWT authorizers are supported only for APIs with a protocol type of HTTP")
	c.create(socket, "authorizerId", document{"name": "f", "authorizerType": "REQUEST", "authorizerUri": "arn:aws:lambda:x", "identitySource": []string{"route.request.querystring.token"}})
}

func TestModels(t *testing.T) {
	c := newClient(t)
	path := "/apis/" + c.newWebSocketAPI() + "/models"
	id := c.create(path, "modelId", document{"name": "Pet", "schema": `{"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}`})
	c.has(c.call("GET", path+"/"+id, nil, http.StatusOK), document{"name": "Pet", "contentType": "application/json"})
	c.has(c.call("GET", path+"/"+id+"/template", nil, http.StatusOK),
		document{"value": "#set($inputRoot = $input.path('$'))\n{\n  \"age\" : $inputRoot.age,\n  \"name\" : \"$util.escapeJavaScript($inputRoot.name)\"\n}"})
	c.conflict("POST", path, document{"name": "Pet", "schema": "{}"}, "Model name already exists for this Api")
	c.badRequest("POST", path, document{"name": "A", "schema": "nonsense"}, "Invalid model specified: Validation Result: warnings : [], errors : [Invalid model schema specified. invalid character 'o' in literal null (expecting 'u')]")
	c.badRequest("POST", path, document{"name": "a b", "schema": "{}"}, "1 validation error detected: Value 'a b' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[A-Za-z0-9]+$")
	c.has(c.call("PATCH", path+"/"+id, document{"description": "a pet"}, http.StatusOK), document{"name": "Pet", "description": "a pet"})
	c.call("DELETE", path+"/"+id, nil, http.StatusNoContent)
	c.notFound("GET", path+"/"+id, nil, "Invalid Model identifier specified")
}

func TestVPCLinks(t *testing.T) {
	c := newClient(t)
	id := c.create("/vpclinks", "vpcLinkId", document{"name": "pets", "subnetIds": []string{"subnet-1"}})
	c.has(c.only("/vpclinks"), document{"name": "pets", "vpcLinkStatus": "AVAILABLE", "vpcLinkVersion": "V2", "subnetIds": []any{"subnet-1"}})
	c.badRequest("POST", "/vpclinks", document{"name": "pets"}, "1 validation error detected: Value null at 'subnetIds' failed to satisfy constraint: Member must not be null")
	c.has(c.call("PATCH", "/vpclinks/"+id, document{"name": "dogs", "subnetIds": []string{}}, http.StatusOK), document{"name": "dogs", "subnetIds": []any{"subnet-1"}})
	api := c.newHTTPAPI()
	integration := c.create("/apis/"+api+"/integrations", "integrationId", document{
		"integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": "arn:aws:elasticloadbalancing:eu-west-1:000000000000:listener/app/pets/1/2", "connectionType": "VPC_LINK", "connectionId": id,
	})
	c.badRequest("DELETE", "/vpclinks/"+id, nil, "Cannot delete vpc link. Vpc link '"+id+"', is referenced in ["+api+":"+integration+"]")
	c.call("DELETE", "/apis/"+api, nil, http.StatusNoContent)
	c.call("DELETE", "/vpclinks/"+id, nil, http.StatusAccepted)
	c.notFound("GET", "/vpclinks/"+id, nil, "Invalid VpcLink identifier specified")
}

func TestTags(t *testing.T) {
	c := newClient(t)
	api := c.newHTTPAPI()
	c.create("/apis/"+api+"/stages", "stageName", document{"stageName": "prod", "tags": document{"a": "1"}})
	for _, resource := range []string{"/apis/" + api, "/apis/" + api + "/stages/prod"} {
		path := "/tags/" + url.PathEscape("arn:aws:apigateway:eu-west-1::"+resource)
		c.call("POST", path, document{"tags": document{"a": "2", "b": "3"}}, http.StatusCreated)
		c.call("DELETE", path+"?tagKeys=a&tagKeys=none", nil, http.StatusNoContent)
		c.has(c.call("GET", path, nil, http.StatusOK), document{"tags": document{"b": "3"}})
		c.badRequest("DELETE", path, nil, "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null")
		c.badRequest("POST", path, document{"tags": document{"AWS:c": ""}}, "Tag keys cannot begin with aws: 'AWS:c'")
	}
	c.has(c.call("GET", "/apis/"+api, nil, http.StatusOK), document{"tags": document{"b": "3"}, "name": "pets"})
	for _, arn := range []string{"arn:aws:apigateway:us-east-1::/apis/" + api, "arn:aws:apigateway:eu-west-1::/apis/" + api + "/routes/x", "arn:aws:s3:::x", "x"} {
		c.badRequest("GET", "/tags/"+url.PathEscape(arn), nil, "Invalid ARN specified in the request: "+arn)
	}
	c.notFound("GET", "/tags/"+url.PathEscape("arn:aws:apigateway:eu-west-1::/apis/none"), nil, "Invalid resource specified: arn:aws:apigateway:eu-west-1::/apis/none")
}

func TestDomains(t *testing.T) {
	c := newClient(t)
	api := c.newHTTPAPI()
	c.create("/apis/"+api+"/stages", "stageName", document{"stageName": "prod"})
	certificate := document{"certificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/1", "endpointType": "REGIONAL"}
	created := c.call("POST", "/domainnames", document{"domainName": "API.example.com", "domainNameConfigurations": []any{certificate}}, http.StatusCreated)
	c.has(created, document{"domainName": "api.example.com", "routingMode": "API_MAPPING_ONLY", "apiMappingSelectionExpression": "$request.basepath", "domainNameArn": "arn:aws:apigateway:eu-west-1::/domainnames/api.example.com"})
	configuration := created["domainNameConfigurations"].([]any)[0].(document)
	c.has(configuration, document{"domainNameStatus": "AVAILABLE", "securityPolicy": "TLS_1_2", "ipAddressType": "ipv4", "endpointType": "REGIONAL"})
	target := configuration["apiGatewayDomainName"]
	updated := c.call("PATCH", "/domainnames/api.example.com", document{"domainNameConfigurations": []any{document{"certificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/2"}}, "mutualTlsAuthentication": document{"truststoreUri": "s3://trust/b"}}, http.StatusOK)
	c.has(updated["domainNameConfigurations"].([]any)[0].(document), document{"certificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/2", "apiGatewayDomainName": target})
	c.has(updated, document{"mutualTlsAuthentication": document{"truststoreUri": "s3://trust/b"}})
	c.conflict("POST", "/domainnames", document{"domainName": "api.example.com", "domainNameConfigurations": []any{certificate}}, "The domain name you provided already exists.")
	c.badRequest("POST", "/domainnames", document{"domainName": "nodots", "domainNameConfigurations": []any{certificate}, "routingMode": "BASE_PATH_MAPPING_ONLY"},
		"1 validation error detected: Value 'BASE_PATH_MAPPING_ONLY' at 'routingMode' failed to satisfy constraint: Member must satisfy enum value set: [API_MAPPING_ONLY, ROUTING_RULE_ONLY, ROUTING_RULE_THEN_API_MAPPING]; Invalid domain name specified: nodots")
	c.badRequest("PATCH", "/domainnames/api.example.com", document{"mutualTlsAuthentication": document{"truststoreUri": "http://a"}}, "Invalid truststore URI specified: 'http://a'. It must be as s3://bucket/key")
	c.badRequest("PATCH", "/domainnames/api.example.com", document{"domainNameConfigurations": []any{document{"certificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/1", "endpointType": "EDGE"}}}, "Mutual TLS is supported for regional domain names only")
	c.badRequest("PATCH", "/domainnames/api.example.com", document{"domainNameConfigurations": []any{document{"certificateArn": "arn:x"}}}, "Invalid ARN. ARN is not well formed arn:x")
	c.has(c.only("/domainnames"), document{"domainName": "api.example.com"})
	c.checker.refuse = errRefused
	c.badRequest("PATCH", "/domainnames/api.example.com", document{"domainNameConfigurations": []any{certificate}}, errRefused.Error())
	c.badRequest("POST", "/domainnames/api.example.com/apimappings", document{"apiId": api, "stage": "prod"}, errRefused.Error())
	c.checker.refuse = nil

	path := "/domainnames/api.example.com/apimappings"
	id := c.create(path, "apiMappingId", document{"apiId": api, "stage": "prod", "apiMappingKey": "v1/pets"})
	c.has(c.only(path), document{"apiMappingId": id, "apiMappingKey": "v1/pets", "stage": "prod", "apiId": api})
	c.conflict("POST", path, document{"apiId": api, "stage": "prod", "apiMappingKey": "v1/pets"}, "ApiMapping key v1/pets already exists for this domain name")
	c.badRequest("POST", path, document{"apiId": api, "stage": "none"}, "Invalid stage identifier specified")
	c.badRequest("POST", path, document{"apiId": "none", "stage": "prod"}, "Invalid API identifier specified")
	c.badRequest("POST", path, document{"apiId": api, "stage": "prod", "apiMappingKey": "/v1"}, "API mapping key should not start with a '/' or have consecutive '/'s.")
	c.has(c.call("PATCH", path+"/"+id, document{"apiId": api, "apiMappingKey": ""}, http.StatusOK), document{"apiMappingKey": nil, "apiMappingId": id})
	c.badRequest("DELETE", "/apis/"+api, nil, "Deleting the API failed. Please remove all API mappings related to the API in your domains: api.example.com")
	c.badRequest("DELETE", "/apis/"+api+"/stages/prod", nil, "Deleting the stage failed. Please remove all API mappings related to the stage in your domains: api.example.com")
	c.call("DELETE", path+"/"+id, nil, http.StatusNoContent)
	c.notFound("GET", path+"/"+id, nil, "The api mapping resource specified in the request was not found.")
	c.call("DELETE", "/domainnames/api.example.com", nil, http.StatusNoContent)
	c.notFound("GET", path, nil, "Invalid domain name identifier specified")
}

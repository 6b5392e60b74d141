package integration_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// squeezed is JSON without the blanks that make it readable here.
func squeezed(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line))
	}
	return b.String()
}

// The events have Amazon's members, in Amazon's order.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
func TestRESTEvent(t *testing.T) {
	s := newService(t)
	snap := snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("POST", "/orders/{id}")}})
	s.serve(snap)
	s.ask("POST /orders/{id}", "POST", "/v1/orders/7%20a?a=1&a=2;b=%C3%A9", `{"x":"ü\"`+"\t\x01\xff"+`"}`,
		"Content-Type", "application/json", "X-Two", "1", "X-Two", "2", "Te", "trailers", "Expect", "something", "X-Envoy-Internal", "true", "X-Gw-Asked-Host", "h")
	deployment := snap.APIs[0].Stages[0].Deployment.Hash()
	want := squeezed(`{"resource":"/orders/{id}","path":"/orders/7%20a","httpMethod":"POST",
		"headers":{"Content-Type":"application/json","Host":"a.execute-api.localhost:8080","User-Agent":"curl/8",
			"X-Amzn-Trace-Id":"Root=1-67d1d9ce-000102030405060708090a0b;Parent=0c0d0e0f10111213;Sampled=0",
			"X-Forwarded-For":"203.0.113.9","X-Forwarded-Port":"8080","X-Forwarded-Proto":"https","x-two":"2"},
		"multiValueHeaders":{"Content-Type":["application/json"],"Host":["a.execute-api.localhost:8080"],"User-Agent":["curl/8"],
			"X-Amzn-Trace-Id":["Root=1-67d1d9ce-000102030405060708090a0b;Parent=0c0d0e0f10111213;Sampled=0"],
			"X-Forwarded-For":["203.0.113.9"],"X-Forwarded-Port":["8080"],"X-Forwarded-Proto":["https"],"x-two":["1","2"]},
		"queryStringParameters":{"a":"2","b":"é"},"multiValueQueryStringParameters":{"a":["1","2"],"b":["é"]},
		"pathParameters":{"id":"7%20a"},"stageVariables":{"env":"p"},
		"requestContext":{"resourceId":"RESOURCE","resourcePath":"/orders/{id}","httpMethod":"POST","extendedRequestId":"id-1",
			"requestTime":"12/Mar/2025:19:03:58 +0000","path":"/v1/orders/7%20a","accountId":"000000000000","protocol":"HTTP/1.1","stage":"v1","domainPrefix":"a",
			"requestTimeEpoch":1741806238390,"requestId":"id-1",
			"identity":{"cognitoIdentityPoolId":null,"accountId":null,"cognitoIdentityId":null,"caller":null,"sourceIp":"203.0.113.9","principalOrgId":null,
				"accessKey":null,"cognitoAuthenticationType":null,"cognitoAuthenticationProvider":null,"userArn":null,"userAgent":"curl/8","user":null},
			"domainName":"a.execute-api.localhost","apiId":"a","deploymentId":"` + deployment + `"},
		"body":"{\"x\":\"ü\\\"\t\u0001` + "\uFFFD" + `\"}","isBase64Encoded":false}`)
	got := s.lambdas.last(t)
	at := strings.Index(got, `"resourceId":"`) + len(`"resourceId":"`)
	want = strings.Replace(want, "RESOURCE", got[at:at+6], 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !json.Valid([]byte(got)) {
		t.Error("this is no JSON")
	}
}

// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
func TestHTTPEvent1(t *testing.T) {
	s := newService(t)
	s.serve(snapshot(gateway.HTTP, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("ANY", "/orders/{proxy+}")}}))
	s.ask("ANY /orders/{proxy+}", "GET", "/v1/orders/a%2Fb/c", "")
	want := squeezed(`{"version":"1.0","resource":"/orders/{proxy+}","path":"/v1/orders/a%2Fb/c","httpMethod":"GET",
		"headers":{"content-length":"0","host":"a.execute-api.localhost:8080","user-agent":"curl/8",
			"x-amzn-trace-id":"Root=1-67d1d9ce-000102030405060708090a0b;Parent=0c0d0e0f10111213;Sampled=0",
			"x-forwarded-for":"203.0.113.9","x-forwarded-port":"8080","x-forwarded-proto":"https"},
		"multiValueHeaders":{"content-length":["0"],"host":["a.execute-api.localhost:8080"],"user-agent":["curl/8"],
			"x-amzn-trace-id":["Root=1-67d1d9ce-000102030405060708090a0b;Parent=0c0d0e0f10111213;Sampled=0"],
			"x-forwarded-for":["203.0.113.9"],"x-forwarded-port":["8080"],"x-forwarded-proto":["https"]},
		"queryStringParameters":null,"multiValueQueryStringParameters":null,
		"requestContext":{"accountId":"000000000000","apiId":"a","authorizer":{"claims":null,"scopes":null},"domainName":"a.execute-api.localhost","domainPrefix":"a",
			"extendedRequestId":"id-1","httpMethod":"GET",
			"identity":{"accessKey":null,"accountId":null,"caller":null,"cognitoAuthenticationProvider":null,"cognitoAuthenticationType":null,"cognitoIdentityId":null,
				"cognitoIdentityPoolId":null,"principalOrgId":null,"sourceIp":"203.0.113.9","user":null,"userAgent":"curl/8","userArn":null},
			"path":"/v1/orders/a%2Fb/c","protocol":"HTTP/1.1","requestId":"id-1","requestTime":"12/Mar/2025:19:03:58 +0000","requestTimeEpoch":1741806238390,
			"resourceId":null,"resourcePath":"/orders/{proxy+}","stage":"v1"},
		"pathParameters":{"proxy":"a/b/c"},"stageVariables":{"env":"p"},"body":null,"isBase64Encoded":false}`)
	if diff := cmp.Diff(want, s.lambdas.last(t)); diff != "" {
		t.Error(diff)
	}
}

func TestHTTPEvent2(t *testing.T) {
	s := newService(t)
	s.serve(snapshot(gateway.HTTP, &gateway.Deployment{Routes: []gateway.Route{
		lambdaRoute("POST", "/orders/{id}", version2), lambdaRoute("ANY", gateway.DefaultRoute, version2),
	}}))
	s.ask("POST /orders/{id}", "POST", "/v1/orders/7%20a?a=1&a=2&b=%C3%A9;c", "text", "Content-Type", "text/plain", "Cookie", "s=1; t=2", "X-List", "1", "X-List", "2")
	want := squeezed(`{"version":"2.0","routeKey":"POST /orders/{id}","rawPath":"/v1/orders/7%20a","rawQueryString":"a=1&a=2&b=%C3%A9;c","cookies":["s=1","t=2"],
		"headers":{"content-length":"4","content-type":"text/plain","host":"a.execute-api.localhost:8080","user-agent":"curl/8",
			"x-amzn-trace-id":"Root=1-67d1d9ce-000102030405060708090a0b;Parent=0c0d0e0f10111213;Sampled=0",
			"x-forwarded-for":"203.0.113.9","x-forwarded-port":"8080","x-forwarded-proto":"https","x-list":"1,2"},
		"queryStringParameters":{"a":"1,2","b":"é;c"},
		"requestContext":{"accountId":"000000000000","apiId":"a","domainName":"a.execute-api.localhost","domainPrefix":"a",
			"http":{"method":"POST","path":"/v1/orders/7%20a","protocol":"HTTP/1.1","sourceIp":"203.0.113.9","userAgent":"curl/8"},
			"requestId":"id-1","routeKey":"POST /orders/{id}","stage":"v1","time":"12/Mar/2025:19:03:58 +0000","timeEpoch":1741806238390},
		"body":"text","pathParameters":{"id":"7 a"},"isBase64Encoded":false,"stageVariables":{"env":"p"}}`)
	if diff := cmp.Diff(want, s.lambdas.last(t)); diff != "" {
		t.Error(diff)
	}
	s.ask("$default", "GET", "/", "", wire.PathHeader, "/v1")
	event := s.lambdas.last(t)
	for _, absent := range []string{`"cookies"`, `"queryStringParameters"`, `"pathParameters"`, `"body"`, `"authorizer"`, `"authentication"`} {
		if strings.Contains(event, absent) {
			t.Errorf("%s is in %s", absent, event)
		}
	}
	if !strings.Contains(event, `"routeKey":"$default","rawPath":"/v1","rawQueryString":""`) {
		t.Error(event)
	}
}

// What checks have found out about the caller is told by kind.
func TestCallers(t *testing.T) {
	authorized := func(kind string, scopes ...string) func(*gateway.Route) {
		return func(r *gateway.Route) { r.Authorization = &gateway.Authorization{Type: kind, Scopes: scopes} }
	}
	key := func(r *gateway.Route) { r.APIKeyRequired = true }
	authorizer := []string{wire.AuthorizerHeader, `{"principalId":"u7","integrationLatency":"12","tenant":"t1","level":"3"}`}
	claims := []string{wire.ClaimsHeader, `{"sub":"7","exp":1741806238,"admin":true,"ratio":0.5,"groups":["a","b"],"scope":"orders/read x","scp":["orders/write"],"address":{"c":"d"}}`}
	const allClaims = `{"address":"{\"c\":\"d\"}","admin":"true","exp":"1741806238","groups":"[a b]","ratio":"0.5","scope":"orders/read x","scp":"[orders/write]","sub":"7"}`
	identity := []string{wire.IdentityHeader, `{"accountId":"000000000000","caller":"AIDA1","user":"AIDA1","userArn":"arn:aws:iam::000000000000:user/u","accessKey":"AKIA1"}`}
	for name, c := range map[string]struct {
		protocol gateway.Protocol
		change   []func(*gateway.Route)
		headers  []string
		want     string
	}{
		"REST, open, though headers are there":    {gateway.REST, nil, authorizer, `"deploymentId":"DEPLOYMENT"}`},
		"REST, Lambda authorizer":                 {gateway.REST, []func(*gateway.Route){authorized(gateway.AuthorizationLambda)}, authorizer, `"authorizer":{"integrationLatency":12,"level":"3","principalId":"u7","tenant":"t1"}}`},
		"REST, user pool":                         {gateway.REST, []func(*gateway.Route){authorized(gateway.AuthorizationUserPool)}, claims, `"authorizer":{"claims":` + allClaims + `}}`},
		"REST, signature":                         {gateway.REST, []func(*gateway.Route){authorized(gateway.AuthorizationIAM)}, identity, `"accountId":"000000000000","cognitoIdentityId":null,"caller":"AIDA1","sourceIp":"203.0.113.9","principalOrgId":null,"accessKey":"AKIA1","cognitoAuthenticationType":null,"cognitoAuthenticationProvider":null,"userArn":"arn:aws:iam::000000000000:user/u","userAgent":"curl/8","user":"AIDA1"}`},
		"REST, key":                               {gateway.REST, []func(*gateway.Route){key}, []string{wire.KeyHeader, "|p1|:acme", "X-Api-Key", "secret"}, `"userArn":null,"apiKey":"secret","apiKeyId":"acme","userAgent"`},
		"REST, the key of two that was looked up": {gateway.REST, []func(*gateway.Route){key}, []string{wire.KeyHeader, "|p1|:acme", "X-Api-Key", "secret", "X-Api-Key", "said"}, `"apiKey":"secret","apiKeyId":"acme"`},
		"1.0, Lambda authorizer":                  {gateway.HTTP, []func(*gateway.Route){authorized(gateway.AuthorizationLambda)}, authorizer, `"authorizer":{"integrationLatency":12,"level":"3","principalId":"u7","tenant":"t1"},`},
		"1.0, JWT":                                {gateway.HTTP, []func(*gateway.Route){authorized(gateway.AuthorizationJWT)}, claims, `"authorizer":{"claims":` + allClaims + `,"scopes":null}`},
		"2.0, Lambda authorizer":                  {gateway.HTTP, []func(*gateway.Route){version2, authorized(gateway.AuthorizationLambda)}, authorizer, `"authorizer":{"lambda":{"level":"3","principalId":"u7","tenant":"t1"}},`},
		"2.0, Lambda authorizer, types":           {gateway.HTTP, []func(*gateway.Route){version2, authorized(gateway.AuthorizationLambda)}, []string{wire.AuthorizerHeader, `{"n":"3","broken":"{","list":"[1,\"a\"]","text":"3"}`, wire.TypedHeader, `["broken","list","n"]`}, `"authorizer":{"lambda":{"broken":"{","list":[1,"a"],"n":3,"text":"3"}},`},
		"2.0, JWT":                                {gateway.HTTP, []func(*gateway.Route){version2, authorized(gateway.AuthorizationJWT, "orders/write", "orders/read")}, claims, `"authorizer":{"jwt":{"claims":` + allClaims + `,"scopes":["orders/read","orders/write"]}},`},
		"2.0, JWT that Envoy says nothing of":     {gateway.HTTP, []func(*gateway.Route){version2, authorized(gateway.AuthorizationJWT)}, []string{wire.ClaimsHeader, "-"}, `"authorizer":{"jwt":{"claims":{},"scopes":null}},`},
		"2.0, signature":                          {gateway.HTTP, []func(*gateway.Route){version2, authorized(gateway.AuthorizationIAM)}, identity, `"authorizer":{"iam":{"accessKey":"AKIA1","accountId":"000000000000","callerId":"AIDA1","cognitoIdentity":null,"principalOrgId":null,"userArn":"arn:aws:iam::000000000000:user/u","userId":"AIDA1"}},`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			snap := snapshot(c.protocol, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x", c.change...)}})
			s.serve(snap)
			s.ask("GET /x", "GET", "/v1/x", "", c.headers...)
			want := strings.Replace(c.want, "DEPLOYMENT", snap.APIs[0].Stages[0].Deployment.Hash(), 1)
			event := s.lambdas.last(t)
			if !strings.Contains(event, want) {
				t.Errorf("%s\nis not in\n%s", want, event)
			}
			if !json.Valid([]byte(event)) {
				t.Error("this is no JSON")
			}
		})
	}
}

// Which bodies are sent as base64.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/lambda-proxy-binary-media.html
func TestBodies(t *testing.T) {
	for _, c := range []struct {
		protocol              gateway.Protocol
		types                 string
		contentType, encoding string
		base64                bool
	}{
		{gateway.REST, "", "image/png", "", false},
		{gateway.REST, "image/png", "image/png", "", true},
		{gateway.REST, "image/png", "IMAGE/PNG; q=1", "", true},
		{gateway.REST, "image/png", "image/gif", "", false},
		{gateway.REST, "image/*", "image/gif", "", true},
		{gateway.REST, "image~1*", "image/gif", "", true},
		{gateway.REST, "image/*", "application/json", "gzip", false},
		{gateway.REST, "*/*", "application/json", "", true},
		{gateway.REST, "*/*", "", "", true},
		{gateway.HTTP, "", "application/json; charset=utf-8", "", false},
		{gateway.HTTP, "", "text/html", "", false},
		{gateway.HTTP, "", "application/xml", "", false},
		{gateway.HTTP, "", "application/json", "gzip", true},
		{gateway.HTTP, "", "application/x-www-form-urlencoded", "", true},
		{gateway.HTTP, "", "image/png", "", true},
	} {
		s := newService(t)
		d := &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("PUT", "/x")}}
		if c.types != "" {
			d.BinaryMediaTypes = strings.Split(c.types, ",")
		}
		s.serve(snapshot(c.protocol, d))
		headers := []string{"Content-Type", c.contentType}
		if c.encoding != "" {
			headers = append(headers, "Content-Encoding", c.encoding)
		}
		s.ask("PUT /x", "PUT", "/v1/x", "a?>", headers...)
		want := `"body":"a?>","isBase64Encoded":false}`
		if c.base64 {
			want = `"body":"YT8+","isBase64Encoded":true}`
		}
		if event := s.lambdas.last(t); !strings.HasSuffix(event, want) {
			t.Errorf("%+v: %s", c, event)
		}
	}
}

// The trace header is completed, or made.
func TestTrace(t *testing.T) {
	s := newService(t)
	s.serve(snapshot(gateway.REST, &gateway.Deployment{Routes: []gateway.Route{lambdaRoute("GET", "/x")}}))
	seen := map[string]bool{}
	for _, given := range []string{"", "", "Root=1-2-3", "Root=1-2-3;Parent=4", "Root=1-2-3;Parent=4;Sampled=1;Lineage=5", "nonsense"} {
		r := s.ask("GET /x", "GET", "/v1/x", "", "X-Amzn-Trace-Id", given)
		trace := r.Header.Get("X-Amzn-Trace-Id")
		if seen[trace] || !strings.Contains(s.lambdas.last(t), `"X-Amzn-Trace-Id":"`+trace+`"`) {
			t.Errorf("%q: %s in %s", given, trace, s.lambdas.last(t))
		}
		seen[trace] = true
		if strings.HasPrefix(given, "Root=") && !strings.HasPrefix(trace, given) || !strings.HasPrefix(trace, "Root=1-") || !strings.Contains(trace, ";Parent=") || !strings.Contains(trace, ";Sampled=") {
			t.Errorf("%q: %s", given, trace)
		}
	}
}

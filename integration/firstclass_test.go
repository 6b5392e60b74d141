package integration_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/integration"
)

// actionRoute calls an action of a service from an HTTP API; parameters and values in turn.
func actionRoute(route, subtype string, parameters ...string) gateway.Route {
	method, path, _ := strings.Cut(route, " ")
	return gateway.Route{Method: method, Path: path, Integration: &gateway.Integration{
		Type: gateway.IntegrationAWSProxy, Subtype: subtype, PayloadFormatVersion: "1.0", RequestParameters: mappings(parameters),
		Source: gateway.Position{File: "api.yaml", Line: 3, Column: 5},
	}}
}

func serveActions(t *testing.T, routes ...gateway.Route) *service {
	t.Helper()
	return newService(t).serve(snapshot(gateway.HTTP, &gateway.Deployment{Routes: routes}))
}

// TestFirstClass: what each action is called with.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-aws-services-reference.html
func TestFirstClass(t *testing.T) {
	const queue = "https://sqs.us-west-2.amazonaws.com/111122223333/orders"
	const machine = "arn:aws:states:eu-north-1:111122223333:stateMachine:m"
	for name, c := range map[string]struct {
		route  gateway.Route
		body   string
		want   string // method, target and body of the service's request
		header string // X-Amz-Target and Content-Type
		signed string
	}{
		"an event": {
			actionRoute("POST /x", "EventBridge-PutEvents", "Detail", "$request.body", "DetailType", "order.${request.querystring.kind}", "Source", "$stageVariables.env",
				"Time", "$context.requestTimeEpoch", "EventBusName", "bus", "Resources", `["arn:a","arn:b"]`, "TraceHeader", "$request.header.x-amzn-trace-id"),
			`{"id":"7"}`, `POST / {"Entries":[{"Detail":"{\"id\":\"7\"}","DetailType":"order.new,old","EventBusName":"bus","Resources":["arn:a","arn:b"],"Source":"p","Time":1741806238.39,"TraceHeader":"Root=1-67d1d9ce-000102030405060708090a0b;Parent=0c0d0e0f10111213;Sampled=0"}]}`,
			"AWSEvents.PutEvents application/x-amz-json-1.1", "eu-central-1 events",
		},
		"a message": {
			actionRoute("POST /x", "SQS-SendMessage", "QueueUrl", queue, "MessageBody", "$request.body.text", "DelaySeconds", "5", "MessageGroupId", "$request.path",
				"MessageAttributes", `{"b":{"DataType":"Binary","BinaryValue":"aGk="},"a":{"DataType":"String","StringValue":"${request.header.X-One}"}}`,
				"MessageSystemAttributes", `{"AWSTraceHeader":{"DataType":"String","StringValue":"t"}}`, "MessageDeduplicationId", "$context.requestId"),
			`{"text":"ü & more"}`, "POST /111122223333/orders Action=SendMessage&DelaySeconds=5&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=1%2C2&MessageAttribute.2.Name=b&MessageAttribute.2.Value.BinaryValue=aGk%3D&MessageAttribute.2.Value.DataType=Binary&MessageBody=%C3%BC+%26+more&MessageDeduplicationId=id-1&MessageGroupId=%2Fx&MessageSystemAttribute.1.Name=AWSTraceHeader&MessageSystemAttribute.1.Value.DataType=String&MessageSystemAttribute.1.Value.StringValue=t&QueueUrl=https%3A%2F%2Fsqs.us-west-2.amazonaws.com%2F111122223333%2Forders&Version=2012-11-05",
			" application/x-www-form-urlencoded", "us-west-2 sqs",
		},
		"messages": {
			actionRoute("GET /x", "SQS-ReceiveMessage", "QueueUrl", queue, "MaxNumberOfMessages", "10", "AttributeNames", "SentTimestamp, SenderId", "MessageAttributeNames", `["All"]`, "Region", "eu-west-3"),
			"", "POST /111122223333/orders Action=ReceiveMessage&AttributeName.1=SentTimestamp&AttributeName.2=SenderId&MaxNumberOfMessages=10&MessageAttributeName.1=All&QueueUrl=https%3A%2F%2Fsqs.us-west-2.amazonaws.com%2F111122223333%2Forders&Version=2012-11-05",
			" application/x-www-form-urlencoded", "eu-west-3 sqs",
		},
		"a queue that the client names": {
			actionRoute("POST /x", "SQS-DeleteMessage", "QueueUrl", "$request.body.queue", "ReceiptHandle", "$request.body.list[1]"),
			`{"queue":"https://evil.example/1/q r","list":["a","b"]}`, "POST /1/q%20r Action=DeleteMessage&QueueUrl=https%3A%2F%2Fevil.example%2F1%2Fq+r&ReceiptHandle=b&Version=2012-11-05",
			" application/x-www-form-urlencoded", "eu-central-1 sqs",
		},
		"a queue that is emptied": {
			actionRoute("POST /x", "SQS-PurgeQueue", "QueueUrl", queue, "Region", "${stageVariables.region}"),
			"", "POST /111122223333/orders Action=PurgeQueue&QueueUrl=https%3A%2F%2Fsqs.us-west-2.amazonaws.com%2F111122223333%2Forders&Version=2012-11-05",
			" application/x-www-form-urlencoded", "ap-south-1 sqs",
		},
		"a configuration": {
			actionRoute("GET /x", "AppConfig-GetConfiguration", "Application", "a b", "Environment", "$request.querystring.q", "Configuration", "c/d", "ClientId", "$context.identity.sourceIp", "ClientConfigurationVersion", "1"),
			"", "GET /applications/a%20b/environments/%C3%A9/configurations/c%2Fd?client_configuration_version=1&client_id=203.0.113.9 ", " ", "eu-central-1 appconfig",
		},
		// Data has to come in base64, which was seen on Amazon.
		"a record": {
			actionRoute("POST /x", "Kinesis-PutRecord", "StreamName", "s", "Data", "$request.body.data", "PartitionKey", "$request.body.key", "ExplicitHashKey", "1", "SequenceNumberForOrdering", "2"),
			`{"data":"J0hlbGxvLCBXb3JsZCEnCg==","key":{"n":1}}`, `POST / {"Data":"J0hlbGxvLCBXb3JsZCEnCg==","ExplicitHashKey":"1","PartitionKey":"{\"n\":1}","SequenceNumberForOrdering":"2","StreamName":"s"}`,
			"Kinesis_20131202.PutRecord application/x-amz-json-1.1", "eu-central-1 kinesis",
		},
		"an execution": {
			actionRoute("POST /x", "StepFunctions-StartExecution", "StateMachineArn", machine, "Name", "n", "Input", "$request.body"),
			`{"a":1}`, `POST / {"input":"{\"a\":1}","name":"n","stateMachineArn":"` + machine + `"}`, "AWSStepFunctions.StartExecution application/x-amz-json-1.0", "eu-north-1 states",
		},
		"an execution that is waited for": {
			actionRoute("POST /x", "StepFunctions-StartSyncExecution", "StateMachineArn", machine, "Input", "$request.body", "TraceHeader", "t"),
			`{"a":1}`, `POST / {"input":"{\"a\":1}","stateMachineArn":"` + machine + `","traceHeader":"t"}`, "AWSStepFunctions.StartSyncExecution application/x-amz-json-1.0", "eu-north-1 states",
		},
		"an execution that is ended": {
			actionRoute("POST /x", "StepFunctions-StopExecution", "ExecutionArn", "arn:aws:states:eu-north-1:1:execution:m:n", "Cause", "c", "Error", "e"),
			"", `POST / {"cause":"c","error":"e","executionArn":"arn:aws:states:eu-north-1:1:execution:m:n"}`, "AWSStepFunctions.StopExecution application/x-amz-json-1.0", "eu-north-1 states",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAmazon(t)
			a.answers(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/xml")
				w.Header().Set("X-Amzn-Requestid", "r-1")
				w.WriteHeader(201)
				fmt.Fprint(w, "<done/>")
			})
			snapshot := snapshot(gateway.HTTP, &gateway.Deployment{Routes: []gateway.Route{c.route}})
			snapshot.APIs[0].Stages[0].Variables["region"] = "ap-south-1"
			s := newService(t).serve(snapshot)
			r := s.ask(c.route.Key(), c.route.Method, "/v1/x?kind=new&q=%C3%A9&kind=old", c.body, "X-One", "1", "X-One", "2")
			if r.StatusCode != 201 || r.body != "<done/>" || r.Header.Get("Content-Type") != "text/xml" || r.Header.Get("X-Amzn-Requestid") != "r-1" {
				t.Fatalf("%d %s %v\n%s", r.StatusCode, r.body, r.Header, s.log)
			}
			asked, body, signed := a.last(t)
			if got := asked.Method + " " + asked.RequestURI + " " + body; got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if got := asked.Header.Get("X-Amz-Target") + " " + asked.Header.Get("Content-Type"); got != c.header {
				t.Errorf("headers: %s", got)
			}
			if signed != "AKIDOWN "+c.signed {
				t.Errorf("signed for %s", signed)
			}
		})
	}
}

// TestFirstClassAnswers: what a service does not do is the gateway's trouble, and what a
// request lacks is the client's.
// Seen on Amazon: 400 for a request without the value of a parameter, 500 for a stream that
// does not exist.
func TestFirstClassAnswers(t *testing.T) {
	a := newAmazon(t)
	route := actionRoute("POST /x", "EventBridge-PutEvents", "Detail", "$request.body.detail", "DetailType", "$request.header.kind", "Source", "s", "Time", "$request.querystring.time")
	route.Integration.ResponseParameters = []gateway.StatusMappings{{StatusCode: "200", Mappings: mappings([]string{
		"overwrite:statuscode", "202", "append:header.x-id", "$response.body.Entries[0].EventId", "overwrite:header.x-made", "${context.requestId}:$response.header.x", "remove:header.x-old", "''", "overwrite:header.x-none", "$response.body.none"})}}
	attributes := actionRoute("POST /attributes", "SQS-SendMessage", "QueueUrl", "$request.body.queue", "MessageBody", "m", "MessageAttributes", "$request.body.attributes")
	s := serveActions(t, route, attributes)
	a.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Old", "o")
		w.Header().Set("X-Id", "1")
		w.Header().Set("X-Gw-Reply", "forged")
		fmt.Fprint(w, `{"Entries":[{"EventId":"e\r\n-1"}]}`)
	})
	ask := func(body, time string, headers ...string) response {
		return s.ask("POST /x", "POST", "/v1/x?time="+time, body, headers...)
	}
	r := ask(`{"detail":{"a":1}}`, "2026-01-02T03:04:05.5Z", "Kind", "k")
	if r.StatusCode != 202 || strings.Join(r.Header.Values("X-Id"), "|") != "1|e-1" || r.Header.Get("X-Old") != "" || r.Header.Get("X-None") != "" || r.Header.Get("X-Gw-Reply") != "" {
		t.Errorf("%d %s %v", r.StatusCode, r.body, r.Header)
	}
	if _, body, _ := a.last(t); !strings.Contains(body, `"Time":1767323045.5`) || !strings.Contains(body, `"Detail":"{\"a\":1}"`) {
		t.Error(body)
	}
	count := a.calls()
	for name, r := range map[string]response{
		"no value in the body":           ask(`{}`, "1", "Kind", "k"),
		"an empty value":                 ask(`{"detail":""}`, "1", "Kind", "k"),
		"no JSON":                        ask(`{"detail":`, "1", "Kind", "k"),
		"no header":                      ask(`{"detail":1}`, "1"),
		"no value for what may be there": ask(`{"detail":1}`, "", "Kind", "k"),
		"no time":                        ask(`{"detail":1}`, "soon", "Kind", "k"),
		"a time that is none":            ask(`{"detail":1}`, "NaN", "Kind", "k"),
		"JSON behind 100 KB":             ask(`{"pad":"`+strings.Repeat("x", 110<<10)+`","detail":1}`, "1", "Kind", "k"),
		"attributes that are none":       s.ask("POST /attributes", "POST", "/v1/attributes", `{"queue":"https://q/1/q","attributes":["a"]}`),
		"bytes that are none":            s.ask("POST /attributes", "POST", "/v1/attributes", `{"queue":"https://q/1/q","attributes":{"a":{"DataType":"Binary","BinaryValue":"%"}}}`),
		"a queue that is none":           s.ask("POST /attributes", "POST", "/v1/attributes", `{"queue":"file:///1/q","attributes":{}}`),
		"a queue out of its account":     s.ask("POST /attributes", "POST", "/v1/attributes", `{"queue":"https://q/1/../2/q","attributes":{}}`),
	} {
		if r.StatusCode != 400 || r.body != `{"message":"Bad Request"}` {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
	}
	if a.calls() != count {
		t.Errorf("the service was called %d times", a.calls()-count)
	}
	for status, want := range map[int]int{400: 500, 403: 500, 500: 500, 429: 503, 503: 503, 302: 500} {
		a.answers(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
			w.WriteHeader(status)
			fmt.Fprint(w, `{"message":"the account is 111122223333"}`)
		})
		r := ask(`{"detail":1}`, "1", "Kind", "k")
		text := `{"message":"Internal Server Error"}`
		if want == 503 {
			text = `{"message":"Service Unavailable"}`
		}
		if r.StatusCode != want || r.body != text {
			t.Errorf("%d: %d %s", status, r.StatusCode, r.body)
		}
	}
	if log := s.log.String(); !strings.Contains(log, "events answers with status 400") || !strings.Contains(log, "ResourceNotFoundException") || strings.Contains(log, "111122223333") {
		t.Error(log)
	}
	a.Close()
	if r := ask(`{"detail":1}`, "1", "Kind", "k"); r.StatusCode != 500 || r.body != `{"message":"Internal Server Error"}` {
		t.Errorf("gone: %d %s", r.StatusCode, r.body)
	}
}

// TestFirstClassClaims: claims of tokens are variables of the context.
func TestFirstClassClaims(t *testing.T) {
	a := newAmazon(t)
	route := actionRoute("POST /x/{id}", "StepFunctions-StartExecution", "StateMachineArn", "m", "Name", "$context.authorizer.claims.sub", "Input", "$context.routeKey $request.path.id ${request.path.id}")
	route.Authorization = &gateway.Authorization{Type: gateway.AuthorizationJWT}
	route.Integration.RequestParameters[2].Source = "${context.routeKey} ${request.path.id}"
	s := serveActions(t, route)
	r := s.ask("POST /x/{id}", "POST", "/v1/x/a%20b", "", "X-Gw-Claims", `{"sub":"me"}`)
	if _, body, _ := a.last(t); r.StatusCode != 200 || body != `{"input":"POST /x/{id} a b","name":"me","stateMachineArn":"m"}` {
		t.Errorf("%d %s", r.StatusCode, body)
	}
}

// TestFirstClassProblems: what is wrong with an integration is told when it is loaded, all at
// once.
func TestFirstClassProblems(t *testing.T) {
	for _, c := range []struct {
		subtype    string
		parameters []string
		change     func(*gateway.Integration)
		want       []string
	}{
		{"SQS-SendMessage", []string{"QueueURL", "https://q/1/q", "MessageBody", "m"}, nil, []string{
			`api.yaml:3:5: error missing-key: SQS-SendMessage needs the request parameter QueueUrl (it needs QueueUrl, MessageBody, and may have DelaySeconds, MessageAttributes, MessageDeduplicationId, MessageGroupId, MessageSystemAttributes, Region)`,
			`api.yaml:10:1: error invalid-mapping: SQS-SendMessage has no parameter "QueueURL"`}},
		{"SNS-Publish", nil, nil, []string{`api.yaml:3:5: error unsupported-integration: POST /x has the integrationSubtype "SNS-Publish", which is not known (write one of AppConfig-GetConfiguration, `}},
		{"SQS-PurgeQueue", []string{"QueueUrl", ""}, nil, []string{"api.yaml:10:1: error empty-value: the parameter QueueUrl of SQS-PurgeQueue is empty"}},
		{"SQS-PurgeQueue", []string{"QueueUrl", "$request.queue"}, nil, []string{"api.yaml:10:1: error invalid-mapping: "}},
		{"SQS-PurgeQueue", []string{"QueueUrl", "$request.body..q"}, nil, []string{"neither .. nor filters"}},
		{"SQS-PurgeQueue", []string{"QueueUrl", "$request.body.q[?(@.a)]"}, nil, []string{"neither .. nor filters"}},
		{"SQS-PurgeQueue", []string{"QueueUrl", "$request.body.[["}, nil, []string{"api.yaml:10:1: error "}},
		{"SQS-PurgeQueue", []string{"QueueUrl", "$response.body.q"}, nil, []string{"a request mapping cannot use the response"}},
		{"SQS-PurgeQueue", []string{"QueueUrl", "$context.none"}, nil, []string{"warning unknown-variable: $context.none has no value here"}},
		{"SQS-PurgeQueue", []string{"QueueUrl", "https://q/1/q", "Region", "$request.header.region"}, nil, []string{"api.yaml:11:1: error invalid-mapping: the parameter Region has to be the constant name of a region"}},
		{"SQS-PurgeQueue", []string{"QueueUrl", "https://q/1/q", "Region", "evil.example"}, nil, []string{"the parameter Region has to be the constant name of a region"}},
		{"SQS-PurgeQueue", []string{"QueueUrl", "https://q/1/q"}, func(in *gateway.Integration) { in.Credentials = "arn:aws:iam::*:user/*" }, []string{"api.yaml:3:5: error invalid-credentials"}},
		{"SQS-PurgeQueue", []string{"QueueUrl", "https://q/1/q"}, func(in *gateway.Integration) {
			in.ResponseParameters = []gateway.StatusMappings{{StatusCode: "200", Mappings: mappings([]string{"overwrite:header.x-amz-id", "a", "set:header.x", "a", "overwrite:path", "/"})}}
		}, []string{"api.yaml:10:1: error reserved-header: ", "api.yaml:11:1: error invalid-mapping: ", "api.yaml:12:1: error invalid-mapping: "}},
	} {
		route := actionRoute("POST /x", c.subtype, c.parameters...)
		if c.change != nil {
			c.change(route.Integration)
		}
		_, found := integration.Compile(snapshot(gateway.HTTP, &gateway.Deployment{Routes: []gateway.Route{route}}))
		text := fmt.Sprint(found)
		if len(found) != len(c.want) {
			t.Errorf("%v: %s", c.parameters, text)
		}
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%v: %s\nlacks %s", c.parameters, text, want)
			}
		}
	}
}

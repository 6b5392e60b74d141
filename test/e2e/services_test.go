package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/mototest"
)

const servicesAPI = `
openapi: 3.0.1
info: {title: services, version: "1"}
x-amazon-apigateway-binary-media-types: [image/png]
paths:
  /messages:
    post:
      responses: {"202": {description: queued}, "400": {description: refused}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: "arn:aws:apigateway:eu-west-1:sqs:path/123456789012/${stageVariables.queue}"
        credentials: "arn:aws:iam::123456789012:role/api"
        passthroughBehavior: NEVER
        requestParameters: {integration.request.header.Content-Type: "'application/x-www-form-urlencoded'"}
        requestTemplates:
          application/json: "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"
          text/plain: "Action=GetQueueUrl&QueueName=none"
        responses:
          default: {statusCode: "202", responseParameters: {method.response.header.X-Kind: integration.response.header.Content-Type}}
          "4\\d\\d": {statusCode: "400", responseTemplates: {application/json: '{"error": "refused"}'}}
  /news:
    post:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: "arn:aws:apigateway:eu-west-1:sns:action/Publish"
        requestParameters: {integration.request.querystring.TopicArn: "'arn:aws:sns:eu-west-1:123456789012:news'", integration.request.querystring.Message: method.request.body.text}
        requestTemplates: {application/json: '#set($nothing = 1)'}
        responses: {default: {statusCode: "200"}}
  /events:
    post:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: "arn:aws:apigateway:eu-west-1:events:action/PutEvents"
        requestParameters: {integration.request.header.X-Amz-Target: "'AWSEvents.PutEvents'", integration.request.header.Content-Type: "'application/x-amz-json-1.1'"}
        requestTemplates:
          application/json: '{"Entries": [{"Source": "shop", "DetailType": "order", "EventBusName": "default", "Detail": "$util.escapeJavaScript($input.json(''$'')).replaceAll("\\''", "''")"}]}'
        responses: {default: {statusCode: "200", responseTemplates: {application/json: '{"failed": $input.json("$.FailedEntryCount")}'}}}
  /records/{key}:
    put:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: "arn:aws:apigateway:eu-west-1:kinesis:action/PutRecord"
        requestTemplates: {application/json: '{"StreamName": "records", "PartitionKey": "$input.params("key")", "Data": "$util.base64Encode($input.body)"}'}
        responses: {default: {statusCode: "200", responseTemplates: {application/json: '{"shard": $input.json("$.ShardId")}'}}}
  /orders/{id}:
    put:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: "arn:aws:apigateway:eu-west-1:dynamodb:action/PutItem"
        requestTemplates: {application/json: '{"TableName": "orders", "Item": {"id": {"S": "$input.params("id")"}, "item": {"S": $input.json("$.item")}}}'}
        responses: {default: {statusCode: "200"}}
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: "arn:aws:apigateway:eu-west-1:dynamodb:action/GetItem"
        requestTemplates: {application/json: '{"TableName": "orders", "Key": {"id": {"S": "$input.params("id")"}}}'}
        responses: {default: {statusCode: "200", responseTemplates: {application/json: '#if($input.path("$.Item") == "")#set($context.responseOverride.status = 404){}#else{"item": $input.json("$.Item.item.S")}#end'}}}
  /files/{key+}:
    put:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: PUT
        uri: "arn:aws:apigateway:eu-west-1:s3:path/files/{key}"
        requestParameters: {integration.request.path.key: method.request.path.key}
        responses: {default: {statusCode: "200"}}
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: GET
        uri: "arn:aws:apigateway:eu-west-1:s3:path/files/{key}"
        requestParameters: {integration.request.path.key: method.request.path.key}
        responses:
          default: {statusCode: "200", responseParameters: {method.response.header.Content-Type: integration.response.header.Content-Type}}
          "404": {statusCode: "404", responseTemplates: {application/json: '{"message": "no such file"}'}}
  /executions:
    post:
      responses: {"201": {description: started}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: "arn:aws:apigateway:eu-west-1:states:action/StartExecution"
        requestTemplates: {application/json: '{"stateMachineArn": "$stageVariables.machine", "name": "first", "input": "$util.escapeJavaScript($input.body)"}'}
        responses: {default: {statusCode: "201"}}
  /slow:
    post:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: GET
        timeoutInMillis: 300
        uri: "arn:aws:apigateway:eu-west-1:ssm:path/hang"
        responses: {default: {statusCode: "200"}}
`

const actionsAPI = `
openapi: 3.0.1
info: {title: actions, version: "1"}
paths:
  /messages:
    post:
      x-amazon-apigateway-integration:
        type: aws_proxy
        integrationSubtype: SQS-SendMessage
        payloadFormatVersion: "1.0"
        credentials: "arn:aws:iam::123456789012:role/api"
        requestParameters: {QueueUrl: "https://sqs.eu-west-1.amazonaws.com/123456789012/messages", MessageBody: $request.body, MessageAttributes: '{"from":{"DataType":"String","StringValue":"${request.header.x-from}"}}'}
        responseParameters: {"200": {"overwrite:statuscode": "202"}}
    get:
      x-amazon-apigateway-integration:
        type: aws_proxy
        integrationSubtype: SQS-ReceiveMessage
        requestParameters: {QueueUrl: "https://sqs.eu-west-1.amazonaws.com/123456789012/messages", MaxNumberOfMessages: 10, MessageAttributeNames: All}
    delete:
      x-amazon-apigateway-integration:
        type: aws_proxy
        integrationSubtype: SQS-DeleteMessage
        requestParameters: {QueueUrl: "https://sqs.eu-west-1.amazonaws.com/123456789012/messages", ReceiptHandle: $request.querystring.handle}
  /all:
    delete:
      x-amazon-apigateway-integration:
        type: aws_proxy
        integrationSubtype: SQS-PurgeQueue
        requestParameters: {QueueUrl: "https://sqs.eu-west-1.amazonaws.com/123456789012/messages"}
  /events:
    post:
      x-amazon-apigateway-integration:
        type: aws_proxy
        integrationSubtype: EventBridge-PutEvents
        requestParameters: {Detail: $request.body, DetailType: order, Source: shop, Time: $context.requestTimeEpoch}
  /records:
    post:
      x-amazon-apigateway-integration:
        type: aws_proxy
        integrationSubtype: Kinesis-PutRecord
        requestParameters: {StreamName: $request.body.stream, Data: $request.body.data, PartitionKey: $request.body.key}
  /executions:
    post:
      x-amazon-apigateway-integration:
        type: aws_proxy
        integrationSubtype: StepFunctions-StartExecution
        requestParameters: {StateMachineArn: "${stageVariables.machine}", Name: second, Input: $request.body}
    delete:
      x-amazon-apigateway-integration:
        type: aws_proxy
        integrationSubtype: StepFunctions-StopExecution
        requestParameters: {ExecutionArn: $request.body.executionArn, Cause: enough}
`

// services fills a moto with what the APIs use.
func services(t *testing.T) (moto *mototest.Server, machine string) {
	t.Helper()
	moto = mototest.Start(t)
	for name, value := range moto.Environment() {
		t.Setenv(name, value)
	}
	for _, queue := range []string{"messages", "news", "events"} {
		moto.Call("sqs", "AmazonSQS.CreateQueue", map[string]any{"QueueName": queue})
	}
	form := func(service string, values ...string) {
		f := url.Values{}
		for i := 0; i+1 < len(values); i += 2 {
			f.Set(values[i], values[i+1])
		}
		moto.Send(service, "POST", "/", f.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	form("sns", "Action", "CreateTopic", "Name", "news")
	form("sns", "Action", "Subscribe", "TopicArn", "arn:aws:sns:eu-west-1:123456789012:news", "Protocol", "sqs", "Endpoint", "arn:aws:sqs:eu-west-1:123456789012:news")
	moto.Call("events", "AWSEvents.PutRule", map[string]any{"Name": "orders", "EventPattern": `{"source":["shop"]}`})
	moto.Call("events", "AWSEvents.PutTargets", map[string]any{"Rule": "orders", "Targets": []any{map[string]any{"Id": "1", "Arn": "arn:aws:sqs:eu-west-1:123456789012:events"}}})
	moto.Call("kinesis", "Kinesis_20131202.CreateStream", map[string]any{"StreamName": "records", "ShardCount": 1})
	moto.Call("dynamodb", "DynamoDB_20120810.CreateTable", map[string]any{
		"TableName": "orders", "BillingMode": "PAY_PER_REQUEST", "KeySchema": []any{map[string]any{"AttributeName": "id", "KeyType": "HASH"}},
		"AttributeDefinitions": []any{map[string]any{"AttributeName": "id", "AttributeType": "S"}},
	})
	moto.Send("s3", "PUT", "/files", `<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>`)
	made := moto.Call("states", "AWSStepFunctions.CreateStateMachine", map[string]any{"name": "m", "roleArn": "arn:aws:iam::123456789012:role/r", "definition": `{"StartAt":"a","States":{"a":{"Type":"Pass","End":true}}}`})
	return moto, made["stateMachineArn"].(string)
}

// received are the bodies of the messages in a queue.
func received(moto *mototest.Server, queue string) (bodies []string) {
	answer := moto.Call("sqs", "AmazonSQS.ReceiveMessage", map[string]any{"QueueUrl": moto.URL + "/123456789012/" + queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0})
	messages, _ := answer["Messages"].([]any)
	for _, m := range messages {
		bodies = append(bodies, m.(map[string]any)["Body"].(string))
	}
	return bodies
}

// records are those of the stream.
func records(t *testing.T, moto *mototest.Server) (data []string) {
	t.Helper()
	iterator := moto.Call("kinesis", "Kinesis_20131202.GetShardIterator", map[string]any{"StreamName": "records", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"})
	answer := moto.Call("kinesis", "Kinesis_20131202.GetRecords", map[string]any{"ShardIterator": iterator["ShardIterator"]})
	for _, r := range answer["Records"].([]any) {
		text, err := base64.StdEncoding.DecodeString(r.(map[string]any)["Data"].(string))
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, r.(map[string]any)["PartitionKey"].(string)+"="+string(text))
	}
	return data
}

// TestServices has a REST API call services of AWS, and looks at what became of it there.
func TestServices(t *testing.T) {
	moto, machine := services(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	t.Setenv("AWS_ENDPOINT_URL_SSM", "http://"+silent.Addr().String())
	g := start(t, snapshotOf(gateway.API{ID: "services", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Variables: map[string]string{"queue": "messages", "machine": machine}, Deployment: deploy(t, gateway.REST, servicesAPI, ""),
	}}}))
	const image = "\x89PNG\r\n\xff\x00"
	for _, c := range []struct {
		method, target, body string
		headers              []string
		status               int
		want                 string // contained
	}{
		{"POST", "/v1/messages", `{"n": "ü & 1"}`, []string{"Content-Type", "application/json"}, 202, "MessageId"},
		{"POST", "/v1/messages", `x`, []string{"Content-Type", "text/plain"}, 400, `{"error": "refused"}`},
		{"POST", "/v1/messages", `x`, []string{"Content-Type", "text/html"}, 415, `{"message":"Unsupported Media Type"}`},
		{"POST", "/v1/news", `{"text": "it's new & hot"}`, []string{"Content-Type", "application/json"}, 200, "MessageId"},
		{"POST", "/v1/events", `{"order": "it's 7"}`, []string{"Content-Type", "application/json"}, 200, `{"failed": 0}`},
		{"PUT", "/v1/records/k1", `{"n":1}`, []string{"Content-Type", "application/json"}, 200, `{"shard": "shardId-000000000000"}`},
		{"GET", "/v1/orders/7", "", nil, 404, `{}`},
		{"PUT", "/v1/orders/7", `{"item":"tea"}`, []string{"Content-Type", "application/json"}, 200, ""},
		{"GET", "/v1/orders/7", "", nil, 200, `{"item": "tea"}`},
		{"GET", "/v1/files/a%20b/%C3%BC+1.png", "", nil, 404, `{"message": "no such file"}`},
		{"PUT", "/v1/files/a%20b/%C3%BC+1.png", image, []string{"Content-Type", "image/png"}, 200, ""},
		{"GET", "/v1/files/a%20b/%C3%BC+1.png", "", []string{"Accept", "image/png"}, 200, image},
		{"POST", "/v1/executions", `{"a": 1}`, []string{"Content-Type", "application/json"}, 201, "execution:m:first"},
		{"POST", "/v1/slow", "", nil, 504, `{"message":"Endpoint request timed out"}`},
	} {
		r := g.request(c.method, "services.execute-api.localhost", c.target, c.body, c.headers...)
		if r.StatusCode != c.status || !strings.Contains(r.body, c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.target, r.StatusCode, r.body)
		}
	}
	if got := received(moto, "messages"); fmt.Sprint(got) != `[{"n": "ü & 1"}]` {
		t.Errorf("in the queue: %q", got)
	}
	var news struct{ Message string }
	if got := received(moto, "news"); len(got) != 1 || json.Unmarshal([]byte(got[0]), &news) != nil || news.Message != "it's new & hot" {
		t.Errorf("of the topic: %q", got)
	}
	var event struct {
		Source string
		Detail struct{ Order string }
	}
	if got := received(moto, "events"); len(got) != 1 || json.Unmarshal([]byte(got[0]), &event) != nil || event.Source != "shop" || event.Detail.Order != "it's 7" {
		t.Errorf("of the bus: %q", got)
	}
	if got := records(t, moto); fmt.Sprint(got) != `[k1={"n":1}]` {
		t.Errorf("in the stream: %q", got)
	}
	if got := moto.Send("s3", "GET", "/files/a%20b/%C3%BC%2B1.png", ""); got != image {
		t.Errorf("in the bucket: %q", got)
	}
	if got := moto.Call("states", "AWSStepFunctions.DescribeExecution", map[string]any{"executionArn": strings.Replace(machine, ":stateMachine:", ":execution:", 1) + ":first"}); got["input"] != `{"a": 1}` {
		t.Errorf("executed: %v", got)
	}
}

// TestServiceActions does the same for the actions of an HTTP API.
func TestServiceActions(t *testing.T) {
	moto, machine := services(t)
	g := start(t, snapshotOf(gateway.API{ID: "actions", Protocol: gateway.HTTP, Stages: []gateway.Stage{{
		Name: "v1", Variables: map[string]string{"machine": machine}, Deployment: deploy(t, gateway.HTTP, actionsAPI, ""),
	}}}))
	expect := func(status int, want, method, target, body string, headers ...string) string {
		t.Helper()
		r := g.request(method, "actions.execute-api.localhost", target, body, headers...)
		if r.StatusCode != status || !strings.Contains(r.body, want) {
			t.Errorf("%s %s: %d %s", method, target, r.StatusCode, r.body)
		}
		return r.body
	}
	expect(202, "<MessageId>", "POST", "/v1/messages", `{"n":"ü & 1"}`, "X-From", "me")
	expect(400, `{"message":"Bad Request"}`, "POST", "/v1/messages", "", "X-From", "me")
	// What is left of it after a second may be seen again.
	text := expect(200, "<StringValue>me</StringValue>", "GET", "/v1/messages", "")
	_, handle, _ := strings.Cut(text, "<ReceiptHandle>")
	handle, _, _ = strings.Cut(handle, "</ReceiptHandle>")
	expect(200, "<DeleteMessageResponse", "DELETE", "/v1/messages?handle="+url.QueryEscape(handle), "")
	expect(202, "<MessageId>", "POST", "/v1/messages", `{"n":2}`, "X-From", "me")
	if got := received(moto, "messages"); fmt.Sprint(got) != `[{"n":2}]` {
		t.Errorf("in the queue: %q", got)
	}
	expect(200, "<PurgeQueueResponse", "DELETE", "/v1/all", "")
	if got := received(moto, "messages"); len(got) != 0 {
		t.Errorf("in the purged queue: %q", got)
	}
	expect(200, `"FailedEntryCount": 0`, "POST", "/v1/events", `{"order":"7"}`)
	var event struct {
		Time   time.Time
		Detail struct{ Order string }
	}
	if got := received(moto, "events"); len(got) != 1 || json.Unmarshal([]byte(got[0]), &event) != nil || event.Detail.Order != "7" || time.Since(event.Time) > time.Hour {
		t.Errorf("of the bus: %q", got)
	}
	expect(200, "SequenceNumber", "POST", "/v1/records", `{"stream":"records","data":"aGVsbG8=","key":"k"}`)
	if got := records(t, moto); fmt.Sprint(got) != "[k=hello]" {
		t.Errorf("in the stream: %q", got)
	}
	expect(500, `{"message":"Internal Server Error"}`, "POST", "/v1/records", `{"stream":"none","data":"aGVsbG8=","key":"k"}`)
	text = expect(200, "execution:m:second", "POST", "/v1/executions", `{"a":1}`)
	expect(200, "stopDate", "DELETE", "/v1/executions", text)
	if got := moto.Call("states", "AWSStepFunctions.DescribeExecution", map[string]any{"executionArn": strings.Replace(machine, ":stateMachine:", ":execution:", 1) + ":second"}); got["input"] != `{"a":1}` || got["status"] != "ABORTED" {
		t.Errorf("executed: %v", got)
	}
}

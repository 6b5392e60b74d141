package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/wire"
)

const callingDefinition = `
apis:
  - name: calling
    protocol: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes:
      $connect:
        integration:
          type: AWS
          uri: "arn:aws:apigateway:eu-west-1:dynamodb:action/PutItem"
          credentials: "arn:aws:iam::123456789012:role/api"
          requestTemplates: {$default: '{"TableName": "orders", "Item": {"id": {"S": "$context.connectionId"}, "item": {"S": "$input.params("name")"}}}'}
      $disconnect:
        integration:
          type: AWS
          uri: "arn:aws:apigateway:eu-west-1:sqs:path/123456789012/messages"
          requestParameters: {integration.request.header.Content-Type: "'application/x-www-form-urlencoded'"}
          requestTemplates: {$default: 'Action=SendMessage&MessageBody=gone-$context.disconnectStatusCode'}
      who:
        routeResponseSelectionExpression: $default
        integration:
          type: AWS
          uri: "arn:aws:apigateway:eu-west-1:dynamodb:action/GetItem"
          requestTemplates: {$default: '{"TableName": "${stageVariables.table}", "Key": {"id": {"S": "$context.connectionId"}}}'}
          responses: {$default: {responseTemplates: {$default: '{"you are": $input.json("$.Item.item.S")}'}}}
      wrong:
        routeResponseSelectionExpression: $default
        integration:
          type: AWS
          uri: "arn:aws:apigateway:eu-west-1:dynamodb:action/GetItem"
          requestTemplates: {$default: '{"TableName": "none", "Key": {"id": {"S": "x"}}}'}
          responseSelectionExpression: $integration.response.statuscode
          responses: {"/4\\d\\d/": {responseTemplates: {$default: '{"refused": $input.json("$.__type")}'}}}
      queue:
        routeResponseSelectionExpression: $default
        integration:
          type: AWS
          uri: "arn:aws:apigateway:eu-west-1:sqs:path/123456789012/{queue}"
          requestParameters: {integration.request.path.queue: route.request.body.to, integration.request.header.Content-Type: "'application/x-www-form-urlencoded'"}
          requestTemplates: {$default: 'Action=SendMessage&MessageBody=$util.urlEncode($input.path("$.text"))'}
          responses: {$default: {responseTemplates: {$default: 'queued'}}}
      tell:
        routeResponseSelectionExpression: $default
        integration:
          type: AWS
          uri: "arn:aws:apigateway:eu-west-1:sns:action/Publish"
          requestParameters: {integration.request.querystring.TopicArn: "'arn:aws:sns:eu-west-1:123456789012:news'", integration.request.querystring.Message: route.request.body.text}
          requestTemplates: {$default: '#set($nothing = 1)'}
          responses: {$default: {responseTemplates: {$default: 'told'}}}
      event:
        routeResponseSelectionExpression: $default
        integration:
          type: AWS
          uri: "arn:aws:apigateway:eu-west-1:events:action/PutEvents"
          requestTemplates: {$default: '{"Entries": [{"Source": "shop", "DetailType": "order", "Detail": "{\"order\":\"$input.path("$.order")\"}"}]}'}
          responses: {$default: {responseTemplates: {$default: '$input.json("$.FailedEntryCount")'}}}
      record:
        routeResponseSelectionExpression: $default
        integration:
          type: AWS
          uri: "arn:aws:apigateway:eu-west-1:kinesis:action/PutRecord"
          requestTemplates: {$default: '{"StreamName": "records", "PartitionKey": "k", "Data": "$util.base64Encode($input.body)"}'}
          responses: {$default: {responseTemplates: {$default: '$input.json("$.ShardId")'}}}
      run:
        routeResponseSelectionExpression: $default
        integration:
          type: AWS
          uri: "arn:aws:apigateway:eu-west-1:states:action/StartExecution"
          requestTemplates: {$default: '{"stateMachineArn": "$stageVariables.machine", "name": "of-$context.connectionId.replaceAll("[^A-Za-z0-9]", "x")", "input": "$util.escapeJavaScript($input.body)"}'}
          responses: {$default: {responseTemplates: {$default: '$input.json("$.executionArn")'}}}
      file:
        routeResponseSelectionExpression: $default
        integration:
          type: AWS
          httpMethod: PUT
          uri: "arn:aws:apigateway:eu-west-1:s3:path/files/{key}"
          requestParameters: {integration.request.path.key: route.request.body.key}
          requestTemplates: {$default: '$input.path("$.text")'}
          responses: {$default: {responseTemplates: {$default: 'kept'}}}
      private:
        routeResponseSelectionExpression: $default
        integration: {type: HTTP_PROXY, uri: "http://private.internal/here", connectionType: VPC_LINK, connectionId: "${stageVariables.link}"}
    stages: [{name: v1, variables: {table: orders, machine: MACHINE, link: balancer}}]
backends:
  - {name: balancer, endpoints: [BACKEND]}
`

// TestWebSocketServices has messages call services of AWS, and a backend behind a VPC link,
// and looks at what became of them there.
func TestWebSocketServices(t *testing.T) {
	moto, machine := services(t)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Host, r.RequestURI, body)
	}))
	t.Cleanup(backend.Close)
	g := start(t, loadText(t, strings.NewReplacer("MACHINE", machine, "BACKEND", strings.TrimPrefix(backend.URL, "http://")).Replace(callingDefinition)))
	c, in, r := g.handshake("calling.execute-api.localhost", "/v1?name=tea")
	if r.StatusCode != 101 {
		t.Fatalf("connecting: %d %s", r.StatusCode, r.body)
	}
	id := wire.ConnectionID(r.Header.Get("X-Amzn-Requestid"))
	run := "of-" + strings.NewReplacer("=", "x", "-", "x", "_", "x").Replace(id)
	for _, m := range []struct{ say, hear string }{
		{`{"action": "who"}`, `{"you are": "tea"}`},
		{`{"action": "wrong"}`, `ResourceNotFoundException`},
		{`{"action": "queue", "to": "messages", "text": "ü & 1"}`, `queued`},
		{`{"action": "queue", "to": "..", "text": "x"}`, `{"message":"Internal server error"`},
		{`{"action": "tell", "text": "it's new & hot"}`, `told`},
		{`{"action": "event", "order": "7"}`, `0`},
		{`{"action": "record", "n": 1}`, `"shardId-000000000000"`},
		{`{"action": "run", "n": 1}`, `execution:m:` + run},
		{`{"action": "file", "key": "a b/ü.txt", "text": "kept text"}`, `kept`},
		{`{"action": "private"}`, `private.internal /here {"action": "private"}`},
	} {
		if got, _ := say(t, c, in, m.say); !strings.Contains(got, m.hear) {
			t.Errorf("%s: heard %s", m.say, got)
		}
	}
	if got := received(moto, "messages"); fmt.Sprint(got) != `[ü & 1]` {
		t.Errorf("in the queue: %q", got)
	}
	if got := received(moto, "news"); len(got) != 1 || !strings.Contains(got[0], "it's new & hot") {
		t.Errorf("of the topic: %q", got)
	}
	if got := received(moto, "events"); len(got) != 1 || !strings.Contains(got[0], `"order": "7"`) && !strings.Contains(got[0], `"order":"7"`) {
		t.Errorf("of the bus: %q", got)
	}
	if got := records(t, moto); fmt.Sprint(got) != `[k={"action": "record", "n": 1}]` {
		t.Errorf("in the stream: %q", got)
	}
	if got := moto.Send("s3", "GET", "/files/a%20b%2F%C3%BC.txt", ""); got != "kept text" {
		t.Errorf("in the bucket: %q", got)
	}
	c.Close()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if got := received(moto, "messages"); len(got) == 2 {
			break
		} else if time.Now().After(end) {
			t.Fatalf("$disconnect put nothing into the queue: %q", got)
		}
	}
}

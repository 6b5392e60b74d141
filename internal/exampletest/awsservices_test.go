package exampletest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/mototest"
)

// TestAWSServicesExample sends the requests that the example tells of, to services that are
// moto's.
func TestAWSServicesExample(t *testing.T) {
	moto := mototest.Start(t)
	for name, value := range moto.Environment() {
		t.Setenv(name, value)
	}
	moto.Call("sqs", "AmazonSQS.CreateQueue", map[string]any{"QueueName": "orders"})
	moto.Send("s3", "PUT", "/files", `<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>`)
	moto.Call("dynamodb", "DynamoDB_20120810.CreateTable", map[string]any{
		"TableName": "stock", "BillingMode": "PAY_PER_REQUEST", "KeySchema": []any{map[string]any{"AttributeName": "sku", "KeyType": "HASH"}},
		"AttributeDefinitions": []any{map[string]any{"AttributeName": "sku", "AttributeType": "S"}},
	})
	ports := freePorts(t, 1)
	base := "http://127.0.0.1:" + ports[0]
	run := runGatehouse(t, copyExample(t, "examples/aws-services", "port: 8080", "port: "+ports[0]))
	client := &http.Client{Timeout: 20 * time.Second}
	moto.Send("s3", "PUT", "/files/ready", "yes")
	run.Await(client, base+"/files/ready")
	for _, c := range []struct {
		method, path, contentType, body string
		status                          int
		want                            string
	}{
		{"POST", "/orders", "application/json", `{"sku": "tea", "count": 2}`, 202, `{"order": "`},
		{"POST", "/orders", "text/plain", "tea", 415, `{"message":"Unsupported Media Type"}`},
		{"PUT", "/stock/tea", "application/json", `{"count": 7}`, 200, "{}"},
		{"GET", "/stock/tea", "", "", 200, `{"count": 7}`},
		{"GET", "/stock/coffee", "", "", 404, `{"message": "not kept"}`},
		{"PUT", "/files/docs/readme.md", "text/markdown", "# Read me", 200, ""},
		{"GET", "/files/docs/readme.md", "", "", 200, "# Read me"},
		{"GET", "/files/none", "", "", 404, `{"message": "no such file"}`},
		{"POST", "/events", "application/json", `{"order": "7"}`, 200, `"FailedEntryCount": 0`},
		{"POST", "/events", "application/json", "", 400, `{"message":"Bad Request"}`},
	} {
		got := send(t, client, request(t, c.method, base+c.path, c.body, "Content-Type", c.contentType))
		if got.StatusCode != c.status || !strings.Contains(got.body, c.want) {
			t.Errorf("%s %s: got %d %s, want %d %s", c.method, c.path, got.StatusCode, got.body, c.status, c.want)
		}
	}
	queued := moto.Call("sqs", "AmazonSQS.ReceiveMessage", map[string]any{"QueueUrl": moto.URL + "/123456789012/orders"})
	messages, _ := queued["Messages"].([]any)
	if len(messages) != 1 || messages[0].(map[string]any)["Body"] != `{"sku": "tea", "count": 2}` {
		t.Errorf("in the queue: %v", queued)
	}
}

package exampletest

import (
	"bufio"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/lambda"
	"gatehouse/internal/lambdatest"
	"gatehouse/internal/proctest"
)

// TestLambdaExample sends the requests that the example tells of to a function without
// AWS.
func TestLambdaExample(t *testing.T) {
	ports := freePorts(t, 2)
	definitions := copyExample(t, "examples/lambda", "port: 8080", "port: "+ports[0], ":9401", ":"+ports[1])
	proctest.Start(t, exec.Command(proctest.Program(t, "./examples/lambda/function"), "-addr", "127.0.0.1:"+ports[1]))
	client := &http.Client{Timeout: 20 * time.Second}
	base := "http://127.0.0.1:" + ports[0]
	run := runGatehouse(t, definitions)
	run.Await(client, base+"/orders/7")
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/orders/7", "", 200, `{"id":"7","item":"coffee","count":1,"currency":"EUR"}`},
		{"POST", "/orders", `{"item": "tea", "count": 2}`, 201, `{"id":"8","item":"tea","count":2,"currency":"EUR"}`},
		{"POST", "/orders", `tea`, 400, `{"message":"an order has an item and a count"}`},
		{"GET", "/http/orders/7", "", 200, `{"id":"7","item":"coffee","count":1}`},
		{"GET", "/countdown?from=1", "", 200, "data: 1\n\ndata: 0\n\n"},
	} {
		got := send(t, client, request(t, c.method, base+c.path, c.body, "Content-Type", "application/json"))
		if got.StatusCode != c.status || got.body != c.want {
			t.Errorf("%s %s: got %d %s, want %d %s", c.method, c.path, got.StatusCode, got.body, c.status, c.want)
		}
	}
	// The first line is there long before the last.
	response, err := client.Do(request(t, "GET", base+"/countdown?from=60", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if line, err := bufio.NewReader(response.Body).ReadString('\n'); err != nil || line != "data: 60\n" {
		t.Errorf("%q %v", line, err)
	}
}

// TestLambdaExampleAtLambda runs the same program as Lambda does.
func TestLambdaExampleAtLambda(t *testing.T) {
	functions := lambdatest.New(t)
	functions.Go("orders", "gatehouse/examples/lambda/function")
	client := lambda.New(lambda.Options{})
	target := lambda.Target{Name: "orders", Region: "us-east-1", Endpoint: functions.URL}
	result, err := client.Invoke(t.Context(), target, []byte(`{"version":"2.0","routeKey":"GET /orders/{id}","pathParameters":{"id":"7"}}`))
	if err != nil || !strings.Contains(string(result), `"statusCode":200`) {
		t.Errorf("%s %v", result, err)
	}
	if _, err := client.Invoke(t.Context(), target, []byte(`{"routeKey":"GET /"}`)); err == nil {
		t.Error("a route that is not there is answered")
	}
	stream, err := client.Stream(t.Context(), target, []byte(`{"httpMethod":"GET","resource":"/countdown","queryStringParameters":{"from":"1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	if err != nil || !strings.HasSuffix(string(text), "\x00data: 1\n\ndata: 0\n\n") {
		t.Errorf("%q %v", text, err)
	}
}

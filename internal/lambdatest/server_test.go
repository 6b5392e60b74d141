package lambdatest_test

import (
	"io"
	"strings"
	"testing"

	"gatehouse/internal/lambda"
	"gatehouse/internal/lambdatest"
)

// A function in Go answers at once or by and by.
func TestFunctionsInGo(t *testing.T) {
	s := lambdatest.New(t)
	s.Go("go", "gatehouse/internal/lambdatest/gofunction")
	client := lambda.New(lambda.Options{})
	target := lambda.Target{Name: "go", ARN: lambdatest.ARN("go"), Region: "us-east-1", Endpoint: s.URL}
	result, err := client.Invoke(t.Context(), target, []byte(`{"path":"/x"}`))
	if err != nil || !strings.Contains(string(result), `"statusCode":200`) || !strings.Contains(string(result), `\"path\":\"/x\"`) {
		t.Errorf("%s %v", result, err)
	}
	for do, want := range map[string]struct{ text, fails string }{
		"stream": {"part 1\npart 2\n", ""}, "die": {"part 1\npart 2\n", "errorString"}, "fail": {"", "Unhandled"},
	} {
		stream, err := client.Stream(t.Context(), target, []byte(`{"queryStringParameters":{"do":"`+do+`","parts":"2"}}`))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(stream)
		stream.Close()
		_, body, _ := strings.Cut(string(text), "\x00\x00\x00\x00\x00\x00\x00\x00")
		failed, _ := err.(*lambda.FunctionError)
		if body != want.text || (failed != nil) != (want.fails != "") {
			t.Errorf("%s: %q %v", do, text, err)
		}
	}
}

func TestFunctionsRun(t *testing.T) {
	s := lambdatest.New(t)
	s.Python("double", `
def handler(event, context):
    if "fail" in event:
        raise ValueError(event["fail"])
    return {"twice": event["n"] * 2, "name": context.function_name, "arn": context.invoked_function_arn}
`)
	client := lambda.New(lambda.Options{})
	target := lambda.Target{Name: "double", ARN: lambdatest.ARN("double"), Region: "us-east-1", Endpoint: s.URL}
	for n, want := range map[string]string{"1": `"twice": 2`, "21": `"twice": 42`} {
		result, err := client.Invoke(t.Context(), target, []byte(`{"n": `+n+`}`))
		if err != nil || !strings.Contains(string(result), want) || !strings.Contains(string(result), lambdatest.ARN("double")) {
			t.Errorf("%s: %s %v", n, result, err)
		}
	}
	_, err := client.Invoke(t.Context(), target, []byte(`{"fail": "so it is"}`))
	failed, ok := err.(*lambda.FunctionError)
	if !ok || failed.Message != "so it is" || failed.Type != "ValueError" {
		t.Errorf("%#v", err)
	}
	if s.Calls() != 3 {
		t.Errorf("%d calls", s.Calls())
	}
}

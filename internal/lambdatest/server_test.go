package lambdatest_test

import (
	"strings"
	"testing"

	"gatehouse/internal/lambda"
	"gatehouse/internal/lambdatest"
)

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

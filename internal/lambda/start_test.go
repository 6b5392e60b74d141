package lambda_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"gatehouse/internal/lambda"
)

// TestStart: Lambda, and webhooks, are told that nobody waits for the function.
func TestStart(t *testing.T) {
	without(t)
	status, told := 202, ""
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		told = r.Header.Get("X-Amz-Invocation-Type") + " " + string(event)
		w.WriteHeader(status)
	})
	client := lambda.New(lambda.Options{Attempts: 1})
	for name, target := range map[string]lambda.Target{
		"Lambda": {Name: "f", Endpoint: url, Region: "eu-west-1"}, "a webhook": {URL: url},
	} {
		status, told = 202, ""
		if err := client.Start(t.Context(), target, []byte(`{"n":1}`)); err != nil || told != `Event {"n":1}` {
			t.Errorf("%s: %v, was told %q", name, err, told)
		}
		status = 404
		var refused *lambda.RefusedError
		if err := client.Start(t.Context(), target, []byte(`{}`)); !errors.As(err, &refused) || refused.Status != 404 {
			t.Errorf("%s that does not take the event: %v", name, err)
		}
	}
}

// What a function that failed has returned is there for who maps it.
func TestFunctionErrorHasTheResult(t *testing.T) {
	const report = `{"errorMessage":"no","errorType":"E","more":[1]}`
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, report) })
	_, err := lambda.New(lambda.Options{}).Invoke(t.Context(), lambda.Target{URL: url}, nil)
	var failed *lambda.FunctionError
	if !errors.As(err, &failed) || string(failed.Result) != report || failed.Message != "no" {
		t.Errorf("%v", err)
	}
}

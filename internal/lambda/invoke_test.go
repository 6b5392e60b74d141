package lambda_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"gatehouse/internal/lambda"
)

// What Lambda answers instead of a result, and what is asked again.
// See https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
func TestRefusals(t *testing.T) {
	without(t)
	for name, c := range map[string]struct {
		status       int
		kind, answer string
		calls        int
		says         string
	}{
		"no such function":   {404, "ResourceNotFoundException", `{"Type":"User","Message":"Function not found: f"}`, 1, `404, ResourceNotFoundException: "Function not found: f"`},
		"no permission":      {403, "AccessDeniedException:http://internal.amazon.com/coral/", `{"Message":"no"}`, 1, `403, AccessDeniedException: "no"`},
		"too much to do":     {429, "TooManyRequestsException", `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded"}`, 2, "429, TooManyRequestsException"},
		"broken":             {500, "", `{"__type":"com.amazonaws#ServiceException","message":"oh"}`, 2, `500, ServiceException: "oh"`},
		"a proxy's":          {502, "", "<html>", 2, "502"},
		"not the Invoke API": {301, "", "", 1, "301"},
		"endless":            {400, "", strings.Repeat("x", 1<<20), 1, "400"},
	} {
		calls := 0
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			calls++
			if body, _ := io.ReadAll(r.Body); string(body) != `{"n":1}` {
				t.Errorf("%s: call %d has the body %q", name, calls, body)
			}
			w.Header().Set("X-Amzn-ErrorType", c.kind)
			w.WriteHeader(c.status)
			io.WriteString(w, c.answer)
		})
		target := lambda.Target{Name: "f", Region: "us-east-1", Endpoint: url}
		_, err := lambda.New(lambda.Options{}).Invoke(t.Context(), target, []byte(`{"n":1}`))
		var refused *lambda.RefusedError
		if !errors.As(err, &refused) || refused.Status != c.status || !strings.Contains(err.Error(), c.says) || calls != c.calls {
			t.Errorf("%s: %v after %d calls", name, err, calls)
		}
		if calls = 0; c.calls > 1 {
			lambda.New(lambda.Options{Attempts: 1}).Invoke(t.Context(), target, []byte(`{"n":1}`))
			if calls != 1 {
				t.Errorf("%s: %d calls, want one", name, calls)
			}
		}
	}
}

// A function that failed is told by a header.
func TestFailedFunctions(t *testing.T) {
	without(t)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		io.WriteString(w, `{"errorMessage":"it went wrong","errorType":"ValueError"}`)
	})
	_, err := lambda.New(lambda.Options{}).Invoke(t.Context(), lambda.Target{Name: "f", Region: "us-east-1", Endpoint: url}, nil)
	var failed *lambda.FunctionError
	if !errors.As(err, &failed) || failed.Message != "it went wrong" || failed.Type != "ValueError" {
		t.Error(err)
	}
}

// Who only starts a function is not told what becomes of it.
func TestStart(t *testing.T) {
	without(t)
	status := 202
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if how := r.Header.Get("X-Amz-Invocation-Type"); how != "Event" {
			t.Errorf("%s: %q", r.URL, how)
		}
		w.WriteHeader(status)
	})
	client := lambda.New(lambda.Options{Attempts: 1})
	for _, target := range []lambda.Target{{URL: url}, {Name: "f", Region: "us-east-1", Endpoint: url}} {
		status = 202
		if err := client.Start(t.Context(), target, []byte("{}")); err != nil {
			t.Error(err)
		}
		status = 429
		var refused *lambda.RefusedError
		if err := client.Start(t.Context(), target, []byte("{}")); !errors.As(err, &refused) || refused.Status != 429 {
			t.Errorf("%v: %v", target, err)
		}
	}
}

// BenchmarkInvoke is one call of an endpoint in this process, its own work included.
func BenchmarkInvoke(b *testing.B) {
	b.Setenv("AWS_ACCESS_KEY_ID", "AKID")
	b.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	url := serve(b, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, `{"statusCode":200,"body":"ok"}`)
	})
	client := lambda.New(lambda.Options{Attempts: 1})
	target := lambda.Target{Name: "f", Region: "us-east-1", Endpoint: url}
	event := bytes.Repeat([]byte("x"), 2<<10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Invoke(b.Context(), target, event); err != nil {
			b.Fatal(err)
		}
	}
}

package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/lambda"
)

// without takes what the machine knows of AWS away.
func without(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL_STS"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/config")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/credentials")
}

func serve(t testing.TB, handler http.HandlerFunc) string {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestWebhook(t *testing.T) {
	var got *http.Request
	var body string
	status, answer := 200, `{"ok": true}`
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		event, _ := io.ReadAll(r.Body)
		got, body = r, string(event)
		w.WriteHeader(status)
		io.WriteString(w, answer)
	})
	client := lambda.New(lambda.Options{MaxResponseBytes: 1000})
	call := func() (string, error) {
		result, err := client.Invoke(t.Context(), lambda.Target{URL: url + "/hook?a=b", Secret: "hidden"}, []byte(`{"type": "TOKEN"}`))
		return string(result), err
	}
	result, err := call()
	if err != nil || result != answer || body != `{"type": "TOKEN"}` {
		t.Errorf("%s %v, sent %s", result, err, body)
	}
	if got.Method != "POST" || got.URL.String() != "/hook?a=b" || got.Header.Get("Authorization") != "Bearer hidden" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s %v", got.Method, got.URL, got.Header)
	}

	for _, c := range []struct {
		status        int
		answer        string
		kind, message string
	}{
		{200, `{"errorMessage": "Unauthorized"}`, "", "Unauthorized"},
		{200, `{"errorMessage": "broken", "errorType": "KeyError"}`, "KeyError", "broken"},
		{200, `{"errorMessage": ""}`, "", ""},
		{500, `{"errorMessage": "Unauthorized", "errorType": "Error"}`, "Error", "Unauthorized"},
		{503, `busy`, "status 503", ""},
		{401, ``, "status 401", ""},
		{302, ``, "status 302", ""},
	} {
		status, answer = c.status, c.answer
		_, err := call()
		var failed *lambda.FunctionError
		if !errors.As(err, &failed) || failed.Message != c.message || failed.Type != c.kind {
			t.Errorf("%d %s: %#v", c.status, c.answer, err)
		}
		if c.message != "" && strings.Contains(err.Error(), c.message) {
			t.Errorf("the error repeats what the function said: %v", err)
		}
	}
	status, answer = 200, strings.Repeat("x", 1000)
	if result, err := call(); err != nil || result != answer {
		t.Errorf("as much as there may be: %v", err)
	}
	answer += "x"
	if _, err := call(); !errors.Is(err, lambda.ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
}

// A redirect would take event and secret elsewhere.
func TestNoRedirects(t *testing.T) {
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	})
	client := lambda.New(lambda.Options{})
	for _, target := range []lambda.Target{{URL: url, Secret: "hidden"}, {Name: "f", Region: "us-east-1", Endpoint: url}} {
		if result, err := client.Invoke(t.Context(), target, nil); err == nil {
			t.Errorf("%s", result)
		}
	}
}

func TestErrorsHideSecrets(t *testing.T) {
	client := lambda.New(lambda.Options{})
	for _, target := range []lambda.Target{
		{URL: "http://user:hidden@127.0.0.1:1/?key=hidden", Secret: "hidden"},
		{URL: "http://host:hidden/", Secret: "hidden"},
	} {
		if _, err := client.Invoke(t.Context(), target, nil); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Error(err)
		}
	}
}

// An answer that never ends is given up at the bound, whatever it says of its length.
func TestEndlessAnswers(t *testing.T) {
	without(t)
	for _, kind := range []string{"application/json", "application/vnd.amazon.eventstream"} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		})
		client := lambda.New(lambda.Options{MaxResponseBytes: 256 << 10})
		for _, target := range []lambda.Target{{URL: url}, {Name: "f", Region: "us-east-1", Endpoint: url}} {
			if _, err := client.Invoke(t.Context(), target, nil); !errors.Is(err, lambda.ErrTooLarge) {
				t.Errorf("%s: %v", target, err)
			}
		}
	}
}

func TestDeadline(t *testing.T) {
	without(t)
	release := make(chan struct{})
	url := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	client := lambda.New(lambda.Options{})
	for _, target := range []lambda.Target{{URL: url}, {Name: "f", Region: "us-east-1", Endpoint: url}} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := client.Invoke(ctx, target, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", target, err)
		}
		cancel()
	}
}

// What goes over the wire to an endpoint: of the definition, of the environment.
func TestEndpoints(t *testing.T) {
	var path, signature string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path, signature = r.URL.RequestURI(), r.Header.Get("Authorization")
		fmt.Fprint(w, `"done"`)
	})
	named := lambda.Target{Name: "auth", ARN: arn, Region: "eu-west-1", Qualifier: "live", Endpoint: url}
	anywhere := named
	anywhere.Endpoint = ""
	for name, c := range map[string]struct {
		env    map[string]string
		target lambda.Target
		signer string
	}{
		"an endpoint, no credentials": {nil, named, "Credential=gatehouse/"},
		"an endpoint, credentials":    {map[string]string{"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}, named, "Credential=AKID/"},
		"AWS_ENDPOINT_URL":            {map[string]string{"AWS_ENDPOINT_URL": url}, anywhere, "Credential=gatehouse/"},
		"AWS_ENDPOINT_URL_LAMBDA":     {map[string]string{"AWS_ENDPOINT_URL_LAMBDA": url, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, anywhere, "Credential=gatehouse/"},
	} {
		without(t)
		for key, value := range c.env {
			t.Setenv(key, value)
		}
		result, err := lambda.New(lambda.Options{}).Invoke(t.Context(), c.target, []byte(`{}`))
		if err != nil || string(result) != `"done"` {
			t.Errorf("%s: %s %v", name, result, err)
			continue
		}
		if path != "/2015-03-31/functions/auth/invocations?Qualifier=live" {
			t.Errorf("%s: %s", name, path)
		}
		if !strings.Contains(signature, c.signer) || !strings.Contains(signature, "/eu-west-1/lambda/aws4_request") {
			t.Errorf("%s: %s", name, signature)
		}
	}
}

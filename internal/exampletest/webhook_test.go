package exampletest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/proctest"
)

// TestWebhookAsLambda runs the function of the authorizers example as Lambda does: it
// asks for events, and gives the answers back.
// See https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
func TestWebhookAsLambda(t *testing.T) {
	const invocation = "/2018-06-01/runtime/invocation/"
	events, answers := make(chan string, 4), make(chan string, 4)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+invocation+"next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case event := <-events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "id-1")
			io.WriteString(w, event)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST "+invocation+"id-1/{outcome}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		answers <- r.PathValue("outcome") + " " + string(body)
	})
	lambda := httptest.NewServer(mux)
	t.Cleanup(lambda.Close)
	cmd := exec.Command(proctest.Program(t, "./examples/authorizers/webhook"))
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(lambda.URL, "http://"))
	proctest.Start(t, cmd)

	const arn = "arn:aws:execute-api:us-east-1:000000000000:token/v1/GET/pets"
	for _, c := range []struct{ event, want string }{
		{`{"type":"TOKEN","authorizationToken":"Bearer acme-reader","methodArn":"` + arn + `"}`,
			`response {"context":{"tenant":"acme"},"policyDocument":{"Statement":[{"Action":"execute-api:Invoke","Effect":"Allow","Resource":"arn:aws:execute-api:us-east-1:000000000000:token/v1/GET/*"}],"Version":"2012-10-17"},"principalId":"robin"}`},
		{`{"type":"TOKEN","authorizationToken":"x","methodArn":"` + arn + `"}`, `error {"errorMessage":"Unauthorized","errorType":"Error"}`},
		{`{"version":"2.0","type":"REQUEST","headers":{"authorization":"Bearer acme-reader"},"requestContext":{"http":{"method":"POST"}}}`,
			`response {"context":{"tenant":"acme"},"isAuthorized":false}`},
		{`[]`, `error {"errorMessage":"reading the event: `},
	} {
		events <- c.event
		select {
		case got := <-answers:
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("%s: got %s, want %s", c.event, got, c.want)
			}
		case <-time.After(proctest.Patience):
			t.Fatalf("%s: no answer", c.event)
		}
	}
}

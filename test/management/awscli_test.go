package management

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
	"gatehouse/internal/pytools"
)

// TestAWSCLI has the aws CLI create an API from nothing, at an address where calls have to
// be signed, by one who may do so in one region.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	const definition = `
gateways: [{name: edge, listeners: [{address: 127.0.0.1, port: %d}]}]
credentials:
  - accessKeyId: AKIDDEPLOYER
    secretAccessKey: deployer-secret-0123456789
    arn: arn:aws:iam::000000000000:user/deployer
    policies:
      - Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Action: "apigateway:*", Resource: "arn:aws:apigateway:eu-west-1::/*"}
          - {Effect: Deny, Action: "apigateway:DELETE", Resource: "arn:aws:apigateway:*::/restapis/*"}
`
	port, management := proctest.FreePort(t), proctest.FreePort(t)
	file := filepath.Join(t.TempDir(), "gatehouse.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, definition, port), 0o600); err != nil {
		t.Fatal(err)
	}
	// Other machines reach it, so that it has TLS.
	endpoint, folder := fmt.Sprintf("https://localhost:%d", management), t.TempDir()
	authority, certificate, key := signedPair(t, "localhost")
	for name, text := range map[string]string{"ca.pem": authority, "server.pem": certificate, "server.key": key} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := proctest.Start(t, exec.Command(proctest.Gatehouse(t), "run", "--envoy", envoytest.Binary(t), "--admin", "127.0.0.1:0",
		"--data-dir", t.TempDir(), "--http-address", fmt.Sprintf("0.0.0.0:%d", management),
		"--http-tls-cert", filepath.Join(folder, "server.pem"), "--http-tls-key", filepath.Join(folder, "server.key"), file))
	run.AwaitOutput("listening ")

	aws := func(secret string, args ...string) (string, error) {
		t.Helper()
		env := []string{"AWS_ACCESS_KEY_ID=AKIDDEPLOYER", "AWS_SECRET_ACCESS_KEY=" + secret, "AWS_DEFAULT_REGION=eu-west-1", "AWS_PAGER=", "AWS_CA_BUNDLE=" + filepath.Join(folder, "ca.pem")}
		out, err := pytools.Command(t, env, append([]string{"-m", "awscli", "--endpoint-url", endpoint, "--output", "json"}, args...)...).CombinedOutput()
		return string(out), err
	}
	must := func(into any, args ...string) {
		t.Helper()
		out, err := aws("deployer-secret-0123456789", args...)
		if err != nil {
			t.Fatalf("aws %v: %v\n%s", args, err, out)
		}
		if into != nil {
			if err := json.Unmarshal([]byte(out), into); err != nil {
				t.Fatalf("aws %v: %v\n%s", args, err, out)
			}
		}
	}
	var api struct{ ID string }
	must(&api, "apigateway", "create-rest-api", "--name", "pets")
	var resources struct{ Items []struct{ ID string } }
	must(&resources, "apigateway", "get-resources", "--rest-api-id", api.ID)
	at := []string{"--rest-api-id", api.ID, "--resource-id", resources.Items[0].ID, "--http-method", "GET"}
	step := func(operation string, more ...string) {
		t.Helper()
		must(nil, append(append([]string{"apigateway", operation}, at...), more...)...)
	}
	step("put-method", "--authorization-type", "NONE")
	step("put-integration", "--type", "MOCK", "--request-templates", `{"application/json":"{\"statusCode\":200}"}`)
	step("put-method-response", "--status-code", "200")
	step("put-integration-response", "--status-code", "200", "--response-templates", `{"application/json":"{\"hello\":\"world\"}"}`)
	must(nil, "apigateway", "create-deployment", "--rest-api-id", api.ID, "--stage-name", "prod")

	url := fmt.Sprintf("http://127.0.0.1:%d/restapis/%s/prod/_user_request_/", port, api.ID)
	client := &http.Client{Timeout: 5 * time.Second}
	run.Until("the API is served", func() bool {
		answer, err := client.Get(url)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode == http.StatusOK && string(text) == `{"hello":"world"}`
	}, run.Output)

	for name, c := range map[string]struct {
		secret string
		args   []string
		want   string
	}{
		"wrong secret":   {"another-secret", []string{"apigateway", "get-rest-apis"}, "(InvalidSignatureException)"},
		"denied":         {"deployer-secret-0123456789", []string{"apigateway", "delete-rest-api", "--rest-api-id", api.ID}, "(AccessDeniedException)"},
		"another region": {"deployer-secret-0123456789", []string{"--region", "us-east-1", "apigateway", "get-rest-apis"}, "is not authorized to perform: apigateway:GET on resource: arn:aws:apigateway:us-east-1::/restapis"},
		"HTTP APIs, too": {"deployer-secret-0123456789", []string{"--region", "us-east-1", "apigatewayv2", "get-apis"}, "(AccessDeniedException)"},
	} {
		if out, err := aws(c.secret, c.args...); err == nil || !strings.Contains(out, c.want) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authority))
	client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	if answer, err := client.Get(endpoint + "/restapis"); err != nil || answer.StatusCode != http.StatusForbidden || answer.Header.Get("X-Amzn-Errortype") != "MissingAuthenticationTokenException" {
		t.Errorf("not signed: %v %v", answer, err)
	}
	if answer, err := client.Get(endpoint + "/backup"); err != nil || answer.StatusCode != http.StatusNotFound {
		t.Errorf("a backup, not signed: %v %v", answer, err)
	}
}

package management

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/oidctest"
	"gatehouse/internal/proctest"
	"gatehouse/internal/pytools"
)

func TestMain(m *testing.M) { proctest.Main(m) }

// A site is a gatehouse with an Envoy of its own, which serve nothing yet.
type site struct {
	*proctest.Process
	// endpoint is the URL of the management API.
	endpoint string
	// port is where Envoy serves.
	port int
}

// startSite runs gatehouse as users do, with what else the text defines.
func startSite(t *testing.T, text string) *site {
	t.Helper()
	return startSiteOf(t, "", text)
}

// startSiteOf has more to say of its gateway, and of gatehouse itself.
func startSiteOf(t *testing.T, gateway, text string, flags ...string) *site {
	t.Helper()
	s := &site{port: proctest.FreePort(t)}
	api := fmt.Sprintf("127.0.0.1:%d", proctest.FreePort(t))
	s.endpoint = "http://" + api
	file := filepath.Join(t.TempDir(), "gatehouse.yaml")
	text = fmt.Sprintf("gateways: [{name: edge, %slisteners: [{port: %d}]}]\n", gateway, s.port) + text
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	arguments := append([]string{"run", "--envoy", envoytest.Binary(t), "--admin", "127.0.0.1:0", "--data-dir", t.TempDir(), "--http-address", api}, flags...)
	s.Process = proctest.Start(t, exec.Command(proctest.Gatehouse(t), append(arguments, file)...))
	s.AwaitOutput("listening ")
	return s
}

// run has Python create APIs and call them.
func (s *site) run(t *testing.T, script string, arguments ...string) {
	t.Helper()
	env := []string{"AWS_ACCESS_KEY_ID=anyone", "AWS_SECRET_ACCESS_KEY=anything"}
	arguments = append([]string{script, s.endpoint, fmt.Sprint(s.port)}, arguments...)
	if output, err := pytools.Command(t, env, arguments...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

// echo is a backend that tells what it was asked for. Below /authorize it is the function
// of an authorizer, which lets everybody in and counts.
func echo(t *testing.T) string {
	t.Helper()
	var asked atomic.Int64
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/authorize" {
			fmt.Fprintf(w, `{"isAuthorized": true, "context": {"count": "%d"}}`, asked.Add(1))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "path": r.URL.Path, "headers": r.Header, "body": string(body)})
	}))
	t.Cleanup(backend.Close)
	return backend.URL
}

// TestServedHTTPAPIs creates an HTTP API from nothing, and calls it through Envoy.
func TestServedHTTPAPIs(t *testing.T) {
	issuer := oidctest.Start(t)
	backend := echo(t)
	s := startSite(t, "functions: [{name: authorize, url: \""+backend+"/authorize\"}]\n")
	s.run(t, "served_httpapi.py", backend, issuer.URL,
		issuer.Token(map[string]any{"aud": "pets", "scope": "read"}), issuer.Token(map[string]any{"aud": "pets", "scope": "other"}))
}

// TestServedWebSocketAPIs creates a WebSocket API from nothing, talks to it through Envoy,
// and sends to its connections.
func TestServedWebSocketAPIs(t *testing.T) {
	s := startSite(t, `credentials:
  - accessKeyId: AKIDPUSHER
    secretAccessKey: secret-of-the-pusher
    arn: arn:aws:iam::000000000000:user/backend
    policies: [{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "execute-api:ManageConnections", Resource: "arn:aws:execute-api:*:*:*/v1/*/@connections/*"}]}]
`)
	s.run(t, "served_websocketapi.py", echo(t))
}

// TestServedPortals publishes a portal, and visits it.
func TestServedPortals(t *testing.T) {
	startSiteOf(t, "", "", "--portal-address", "127.0.0.1:0").run(t, "served_portals.py")
}

// TestAnswersTellWhere asks a gateway with a name of its own where it serves.
func TestAnswersTellWhere(t *testing.T) {
	startSiteOf(t, "suffix: api.example.com, ", "").run(t, "addresses.py", echo(t))
}

// TestRegionsAndAccounts has what is served of an API know the region that it was created
// in, and the account.
func TestRegionsAndAccounts(t *testing.T) {
	function := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			MethodARN      string `json:"methodArn"`
			RequestContext json.RawMessage
		}
		_ = json.NewDecoder(r.Body).Decode(&event)
		if event.MethodARN == "" {
			_ = json.NewEncoder(w).Encode(map[string]any{"statusCode": 200, "body": string(event.RequestContext)})
			return
		}
		// It allows no more than what it was asked about.
		_ = json.NewEncoder(w).Encode(map[string]any{"principalId": "me", "context": map[string]string{"arn": event.MethodARN}, "policyDocument": map[string]any{
			"Version": "2012-10-17", "Statement": []any{map[string]string{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event.MethodARN}}}})
	}))
	t.Cleanup(function.Close)
	functions := fmt.Sprintf("functions: [{name: %q, url: %q}]\n", "arn:aws:lambda:eu-west-1:111122223333:function:f", function.URL)
	startSiteOf(t, "", functions, "--account-id", "111122223333").run(t, "homes.py")
}

package management

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
	"gatehouse/internal/pytools"
)

// answering is a backend that says who it is, and which certificate it was shown.
func answering(t *testing.T, name string) *httptest.Server {
	t.Helper()
	return httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := ""
		if r.TLS != nil {
			for _, c := range r.TLS.PeerCertificates {
				shown += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"backend": name, "path": r.URL.Path, "certificate": shown})
	}))
}

// TestAccountIsServed has boto3 make keys, plans, domains and certificates on a running
// server, and asks its Envoy what has become of them.
func TestAccountIsServed(t *testing.T) {
	plain, private, secured := answering(t, "plain"), answering(t, "private"), answering(t, "secured")
	plain.Start()
	private.Start()
	// Any certificate will do: the script looks at which one it was.
	secured.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	secured.StartTLS()
	for _, b := range []*httptest.Server{plain, private, secured} {
		t.Cleanup(b.Close)
	}
	dir, ports := t.TempDir(), []int{proctest.FreePort(t), proctest.FreePort(t)}
	authority, certificate, key := signedPair(t, "mtls.example.com")
	const filed = `{"openapi": "3.0.1", "info": {"title": "filed", "version": "1"}, "paths": {"/": {"get": {"security": [{"api_key": []}]}}},
		"components": {"securitySchemes": {"api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}}}`
	for name, text := range map[string]string{"filed.json": filed, "ca.pem": authority, "site.pem": certificate, "site.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf(`gateways:
  - name: edge
    listeners: [{port: %d, address: 127.0.0.1}, {port: %d, address: 127.0.0.1, tls: {certificate: site.pem, key: site.key}}]
account: {throttle: {rate: 4000.5, burst: 7000}}
backends:
  - {name: orders, endpoints: [%q]}
certificates:
  - {arn: "arn:aws:acm:eu-west-1:000000000000:certificate/site", certificate: site.pem, key: site.key}
truststores:
  - {uri: "s3://trust/ca.pem", clientCA: ca.pem}
apis:
  - {name: filed, definition: filed.json, backend: orders, stages: [{name: v1}]}
`, ports[0], ports[1], strings.TrimPrefix(private.URL, "http://"))
	if err := os.WriteFile(filepath.Join(dir, "gatehouse.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	server := proctest.Start(t, exec.Command(proctest.Gatehouse(t), "run", "--envoy", envoytest.Binary(t), "--admin", "127.0.0.1:0", "--data-dir", t.TempDir(),
		"--http-address", "127.0.0.1:0", "--log-format", "json", dir))
	var entry struct{ Status string }
	if err := json.Unmarshal([]byte(server.AwaitOutput(`"msg":"serving"`)), &entry); err != nil {
		t.Fatal(err)
	}
	server.AwaitOutput("listening ")
	env := []string{
		"AWS_ACCESS_KEY_ID=anyone", "AWS_SECRET_ACCESS_KEY=anything",
		fmt.Sprintf("GATEWAY=http://127.0.0.1:%d", ports[0]), fmt.Sprintf("SECURE_PORT=%d", ports[1]), "DIRECTORY=" + dir,
		"PLAIN=" + plain.URL, "SECURED=" + secured.URL,
	}
	script := pytools.Command(t, env, "served_account.py", strings.TrimSuffix(entry.Status, "/status"))
	if output, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}

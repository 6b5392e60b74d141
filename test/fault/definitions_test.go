package fault

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"text/template"

	"gatehouse/internal/proctest"
)

// site is a set of definitions that a test changes and writes again.
type site struct {
	Port, SecurePort, ExtraPort int
	// Variable is the backend that a stage variable names, Endpoint the one behind
	// a named backend: host:port.
	Variable, Endpoint string
	// Routes are further routes; Domains further domains. Those named in
	// Certificates have a certificate of their own.
	Routes, Domains []string
	Certificates    map[string]bool

	dir string
}

var gatehouseTemplate = template.Must(template.New("").Parse(`gateways:
  - name: edge
    listeners:
      - {port: {{.Port}}, address: 127.0.0.1}
{{- if .SecurePort}}
      - {port: {{.SecurePort}}, address: 127.0.0.1, tls: {certificate: certs/default.pem, key: certs/default.key}}
{{- end}}
{{- if .ExtraPort}}
      - {port: {{.ExtraPort}}, address: 127.0.0.1}
{{- end}}
backends:
  - {name: pets, hosts: [pets.internal], endpoints: ["{{.Endpoint}}"]}
apis:
  - name: petstore
    definition: petstore.openapi.yaml
    stages:
      - name: v1
        variables: {backend: "{{.Variable}}"}
domains:
  - {name: api.example.com, gateway: edge, mappings: [{path: shop, stage: petstore/v1}]}
{{- range .Domains}}
  - name: {{.}}
    gateway: edge
    mappings: [{path: "", stage: petstore/v1}]
{{- if index $.Certificates .}}
    tls: {certificate: certs/default.pem, key: certs/default.key}
{{- end}}
{{- end}}
`))

var openAPITemplate = template.Must(template.New("").Parse(`openapi: 3.0.1
info: {title: petstore, version: "1"}
paths:
  /pets:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://${stageVariables.backend}/pets"}
  /named:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://pets.internal/named"}
  /slow:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://${stageVariables.backend}/slow"}
{{- range .Routes}}
  {{.}}:
    get:
      responses: {"200": {description: ok}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://${stageVariables.backend}/more"}
{{- end}}
`))

// newSite makes definitions in a folder of the test's own.
func newSite(t *testing.T, backend string) *site {
	t.Helper()
	return &site{Port: proctest.FreePort(t), Variable: backend, Endpoint: backend, Certificates: map[string]bool{}, dir: t.TempDir()}
}

// write writes all files in place, whether they changed or not.
func (s *site) write(t *testing.T) {
	t.Helper()
	for name, text := range s.files(t) {
		write(t, filepath.Join(s.dir, name), text)
	}
}

// replace writes all files as careful editors do: beside the old ones, and over them.
func (s *site) replace(t *testing.T) {
	t.Helper()
	for name, text := range s.files(t) {
		replace(t, filepath.Join(s.dir, name), text)
	}
}

func (s *site) files(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, tmpl := range map[string]*template.Template{"gatehouse.yaml": gatehouseTemplate, "petstore.openapi.yaml": openAPITemplate} {
		var text bytes.Buffer
		if err := tmpl.Execute(&text, s); err != nil {
			t.Fatal(err)
		}
		out[name] = text.String()
	}
	return out
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// url is where a route answers, by the path form.
func (s *site) url(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/petstore/v1%s", s.Port, path)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func replace(t *testing.T, file, text string) {
	t.Helper()
	write(t, file+"~", text)
	if err := os.Rename(file+"~", file); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

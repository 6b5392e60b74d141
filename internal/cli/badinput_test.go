package cli

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// openAPI is a document with one path item, at column 3 of line 3, on line 4.
func openAPI(path, item string) string {
	return fmt.Sprintf("openapi: 3.0.3\npaths:\n  %s:\n    %s\n", path, item)
}

const (
	getRoute = "get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: 'http://127.0.0.1:1/'}}"
	apis     = "apis:\n  - {name: pets, definition: pets.yaml, stages: [{name: v1}]}\n"
)

// TestBadInput takes each way in which definitions can be bad through validate: it
// ends with 1 and tells code and place.
func TestBadInput(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		// want are the beginnings of the lines that are told, in order.
		want []string
	}{
		"an unknown key": {
			map[string]string{"gatehouse.yaml": apis + "domain: []\n", "pets.yaml": openAPI("/a", getRoute)},
			[]string{"gatehouse.yaml:3:1: error unknown-key: "},
		},
		"a wrong type": {
			map[string]string{"gatehouse.yaml": "gateways:\n  - name: edge\n    listeners: 8080\n"},
			[]string{"gatehouse.yaml:3:16: error wrong-type: "},
		},
		"the bootstrap of an Envoy": {
			map[string]string{"gatehouse.yaml": command(t, "bootstrap", "--node-id", "one").out},
			[]string{"gatehouse.yaml:1:1: error envoy-bootstrap: "},
		},
		"a wrong type in OpenAPI": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a", "get: {parameters: {name: a}, x-amazon-apigateway-integration: {type: mock}}")},
			[]string{"pets.yaml:4:23: error wrong-type: "},
		},
		"a route twice": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a", getRoute) + "  /a:\n    " + getRoute + "\n"},
			[]string{"pets.yaml:5:3: error duplicate-key: "},
		},
		"a route twice, in two spellings": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a", getRoute) + "  /a/:\n    " + getRoute + "\n"},
			[]string{"pets.yaml:6:5: error duplicate-name: "},
		},
		"a route of an HTTP API twice": {
			map[string]string{
				"gatehouse.yaml": "apis:\n  - {name: pets, protocol: HTTP, definition: pets.yaml}\n",
				"pets.yaml":      openAPI("/a/{x}", getRoute) + "  /a/{y}:\n    " + getRoute + "\n",
			},
			[]string{"pets.yaml:6:5: error duplicate-name: "},
		},
		"conflicting templates": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a/{x}", getRoute) + "  /a/{y}/b:\n    " + getRoute + "\n"},
			[]string{"pets.yaml:6:5: error sibling-variable: "},
		},
		"a reference to nothing": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a", "$ref: '#/components/pathItems/a'")},
			[]string{"pets.yaml:4:11: error dangling-ref: "},
		},
		"a reference to a missing file": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a", "$ref: 'a.yaml#/a'")},
			[]string{"pets.yaml:4:11: error dangling-ref: "},
		},
		"references in a circle": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a", "$ref: 'a.yaml#/a'"), "a.yaml": "a: {$ref: 'b.yaml#/b'}\n", "b.yaml": "b: {$ref: 'a.yaml#/a'}\n"},
			[]string{"a.yaml:1:11: error cyclic-ref: "},
		},
		"50 MB": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": strings.Repeat("# a comment\n", 50<<20/12)},
			[]string{"gatehouse.yaml:2:30: error file-too-large: "},
		},
		"50 MB of our own": {
			map[string]string{"gatehouse.yaml": strings.Repeat("# a comment\n", 50<<20/12)},
			[]string{"gatehouse.yaml:1:1: error file-too-large: "},
		},
		"deep YAML": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": "openapi: 3.0.3\npaths: " + strings.Repeat("{a: ", 100_000) + "1" + strings.Repeat("}", 100_000)},
			[]string{"pets.yaml:2:40008: error too-deep: "},
		},
		"deep JSON": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": `{"openapi": "3.0.3", "paths": ` + strings.Repeat(`{"a": `, 100_000) + "1" + strings.Repeat("}", 100_000) + "}"},
			[]string{"pets.yaml:1:631: error too-deep: "},
		},
		"aliases that multiply": {
			map[string]string{"gatehouse.yaml": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"},
			[]string{"gatehouse.yaml:1:1: error alias-bomb: "},
		},
		"an alias in itself": {
			map[string]string{"gatehouse.yaml": "apis: &a\n  - *a\n"},
			[]string{"gatehouse.yaml:2:5: error alias-cycle: "},
		},
		"invalid UTF-8": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": "openapi: 3.0.3\ninfo: {title: \"\xe9\"}\n"},
			[]string{"pets.yaml:2:16: error invalid-utf8: "},
		},
		"a path that Envoy would refuse": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a/{x}{y}", getRoute) + "  /b/{p+}/c:\n    " + getRoute + "\n  /c d:\n    " + getRoute + "\n"},
			[]string{"pets.yaml:3:3: error invalid-path: ", "pets.yaml:5:3: error invalid-path: ", "pets.yaml:7:3: error invalid-path: "},
		},
		"a backend that Envoy would refuse": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a", "get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: 'http://127.0.0.1:99999/'}}")},
			[]string{"pets.yaml:4:85: error invalid-uri: "},
		},
		"a template that cannot be served": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a", "get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: 'http://a/{b}'}}")},
			[]string{"pets.yaml:4:85: error unmapped-uri-parameter: "},
		},
		"a stage variable that is not set": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a", "get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: 'http://${stageVariables.host}/'}}")},
			[]string{"pets.yaml:4:85: error unset-stage-variable: "},
		},
		"an environment variable that is not set": {
			map[string]string{"gatehouse.yaml": "apis:\n  - {name: \"${GATEHOUSE_TEST_UNSET}\", definition: pets.yaml, stages: [{name: v1}]}\n", "pets.yaml": openAPI("/a", getRoute)},
			[]string{"gatehouse.yaml:2:12: error unset-variable: "},
		},
		"a backend that does not exist": {
			map[string]string{"gatehouse.yaml": "apis:\n  - {name: pets, definition: pets.yaml, backend: pest, stages: [{name: v1}]}\n", "pets.yaml": openAPI("/a", "get: {}")},
			[]string{"gatehouse.yaml:2:50: error unknown-backend: "},
		},
		"a VPC link that does not exist": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": openAPI("/a", "get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: 'http://a/', connectionType: VPC_LINK, connectionId: pest}}")},
			[]string{"pets.yaml:4:44: error unknown-backend: "},
		},
		"two APIs for one host and path": {
			map[string]string{"gatehouse.yaml": apis + "  - {name: dogs, definition: pets.yaml, stages: [{name: v1}]}\ndomains:\n  - name: a.example\n    mappings:\n      - {path: pets, stage: pets/v1}\n      - {path: pets, stage: dogs/v1}\n", "pets.yaml": openAPI("/a", getRoute)},
			[]string{"gatehouse.yaml:8:9: error duplicate-name: "},
		},
		"two domains for one host": {
			map[string]string{"gatehouse.yaml": apis + "domains:\n  - {name: a.example, mappings: [{stage: pets/v1}]}\n  - {name: A.EXAMPLE, mappings: [{stage: pets/v1}]}\n", "pets.yaml": openAPI("/a", getRoute)},
			[]string{"gatehouse.yaml:5:5: error duplicate-name: "},
		},
		"a domain that is an API's own host": {
			map[string]string{"gatehouse.yaml": apis + "domains:\n  - {name: pets.execute-api.localhost, mappings: [{stage: pets/v1}]}\n", "pets.yaml": openAPI("/a", getRoute)},
			[]string{"gatehouse.yaml:4:5: error host-conflict: "},
		},
		"certificates that cannot be read": {
			map[string]string{"gatehouse.yaml": "gateways: [{name: edge, listeners: [{port: 8443, tls: {certificate: a.pem, key: a.key}}]}]\n", "a.key": "text"},
			[]string{"gatehouse.yaml:1:69: error unreadable-file: "},
		},
		"certificates that are none": {
			map[string]string{"gatehouse.yaml": "gateways: [{name: edge, listeners: [{port: 8443, tls: {certificate: a.pem, key: a.pem}}]}]\n", "a.pem": "text"},
			[]string{"gatehouse.yaml:1:55: error invalid-certificate: "},
		},
		"a definition that is missing": {
			map[string]string{"gatehouse.yaml": apis},
			[]string{"gatehouse.yaml:2:30: error unreadable-file: "},
		},
		"five mistakes in one file": {
			map[string]string{"gatehouse.yaml": `gateways:
  - {name: edge, listeners: [{port: 8080, colour: red}]}
apis:
  - {name: pets, definition: pets.yaml, backend: pest, gateways: [inner], stages: [{name: v1}, {name: "v 2"}]}
domains:
  - {name: a.example, mappings: [{stage: pets/v3}]}
`, "pets.yaml": openAPI("/a", getRoute)},
			[]string{
				"gatehouse.yaml:2:43: error unknown-key: ", "gatehouse.yaml:4:5: error unknown-gateway: ", "gatehouse.yaml:4:50: error unknown-backend: ",
				"gatehouse.yaml:4:96: error invalid-name: ", "gatehouse.yaml:6:34: error unknown-stage: ",
			},
		},
		"five mistakes in one OpenAPI document": {
			map[string]string{"gatehouse.yaml": apis, "pets.yaml": `openapi: 3.0.3
paths:
  /a/{x}:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: 'http://${stageVariables.host}/'}}
  /a/{y}:
    get: {parameters: [{$ref: '#/components/parameters/y'}], x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: 'http://a/'}}
  /b:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: 'http://a/{z}'}}
    put: {x-amazon-apigateway-integration: {type: smtp, httpMethod: GET, uri: 'http://a/'}}
    post: {}
`},
			[]string{
				"pets.yaml:4:85: error unset-stage-variable: ", "pets.yaml:6:5: error sibling-variable: ", "pets.yaml:6:31: error dangling-ref: ",
				"pets.yaml:8:85: error unmapped-uri-parameter: ", "pets.yaml:9:51: error unknown-value: ", "pets.yaml:10:5: error missing-integration: ",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := files(t, test.files)
			got := command(t, "validate", filepath.Join(dir, "gatehouse.yaml"))
			lines := strings.Split(strings.TrimSpace(got.out), "\n")
			if got.code != exitProblems || len(lines) != len(test.want) {
				t.Fatalf("exit code %d, %d lines, want %d: %.2000s%s", got.code, len(lines), len(test.want), got.out, got.err)
			}
			for i, line := range lines {
				line = strings.TrimPrefix(line, dir+string(filepath.Separator))
				if !strings.HasPrefix(line, test.want[i]) {
					t.Errorf("got  %.500s\nwant %s", line, test.want[i])
				}
				if message := strings.TrimPrefix(line, test.want[i]); len(message) < 20 {
					t.Errorf("the message says little: %s", line)
				}
			}
		})
	}
}

// TestValidateAsksForPorts holds that a port which another program has is told when
// asked for, and only then: the other program may be the gateway itself.
func TestValidateAsksForPorts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := files(t, map[string]string{"gatehouse.yaml": fmt.Sprintf("gateways:\n  - {name: a, listeners: [{port: %d, address: 127.0.0.1}]}\n  - {name: b, listeners: [{port: %d, address: 127.0.0.1}]}\n",
		freePort(t), taken.Addr().(*net.TCPAddr).Port)})
	path := filepath.Join(dir, "gatehouse.yaml")
	if got := command(t, "validate", "--ports", path); got.code != exitProblems || !strings.HasPrefix(got.out, path+":3:27: error port-in-use: ") || strings.Count(got.out, "\n") != 1 {
		t.Errorf("%+v", got)
	}
	if got := command(t, "validate", path); got.code != exitGood {
		t.Errorf("%+v", got)
	}
}

package definition_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/definition"
	"gatehouse/gateway"
)

// folder makes a folder with files, and goes there: names in results are short.
func folder(t *testing.T, contents map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range contents {
		write(t, name, content)
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, paths ...string) definition.Result {
	t.Helper()
	return definition.NewLoader(definition.Options{LookupEnv: func(string) (string, bool) { return "", false }}).Load(t.Context(), paths)
}

func lines(ds gateway.Diagnostics) string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(d.String() + "\n")
	}
	return b.String()
}

const (
	pets = `openapi: 3.0.3
info: {title: pets, version: "1"}
paths:
  /pets:
    get:
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:9101/pets"}
`
	oneAPI = `apis:
  - {name: pets, definition: pets.openapi.yaml, stages: [{name: v1}]}
`
)

// TestPaths holds which files are read for which paths, and which are watched.
func TestPaths(t *testing.T) {
	all := map[string]string{
		"gatehouse.yaml":         oneAPI,
		"pets.openapi.yaml":      pets,
		"more/domains.yml":       "domains: [{name: a.example, mappings: [{stage: pets/v1}]}]\n",
		"more/README.md":         "# not: [yaml\n",
		"more/.hidden.yaml":      "not: [yaml\n",
		"more/.#domains.yml":     "not: [yaml\n",
		"more/deeper/other.yaml": "not: [yaml\n",
		"more/odd.yaml":          "\"swagger\": \"2.0\"\npaths: {}\n",
		"more/late.yaml":         "info: {title: late, version: '1'}\nopenapi: 3.0.3\npaths: {}\n",
		"more/bom.yaml":          "\ufeffopenapi: 3.0.3\npaths: {}\n",
		"more/marker.yaml":       "--- {\"info\": {}, openapi: 3.0.3}\n",
		"a[1].yaml":              "usagePlans: [{name: literal}]\n",
	}
	tests := map[string]struct {
		paths []string
		apis  string
		files string
	}{
		"a file":                       {[]string{"gatehouse.yaml"}, "pets", "gatehouse.yaml pets.openapi.yaml"},
		"a file and a folder":          {[]string{"./gatehouse.yaml", "more/"}, "pets a.example", "gatehouse.yaml more more/bom.yaml more/domains.yml more/late.yaml more/marker.yaml more/odd.yaml pets.openapi.yaml"},
		"a file that is named thrice":  {[]string{"gatehouse.yaml", ".", "./gatehouse.yaml", "*house.yaml"}, "pets plan literal", ". a[1].yaml gatehouse.yaml pets.openapi.yaml"},
		"a pattern":                    {[]string{"gate*.yaml", "mor?/d*.yml"}, "pets a.example", ". gatehouse.yaml more more/domains.yml pets.openapi.yaml"},
		"a pattern with folders in it": {[]string{"gatehouse.yaml", "*/d*.yml"}, "pets a.example", ". gatehouse.yaml more more/domains.yml pets.openapi.yaml"},
		"a pattern that finds folders": {[]string{"gatehouse.yaml", "mor*"}, "pets a.example", ". gatehouse.yaml more more/bom.yaml more/domains.yml more/late.yaml more/marker.yaml more/odd.yaml pets.openapi.yaml"},
		"a file named like a pattern":  {[]string{"gatehouse.yaml", "a[1].yaml"}, "pets plan literal", "a[1].yaml gatehouse.yaml pets.openapi.yaml"},
		"what a shell makes of *.yaml": {[]string{"a[1].yaml", "gatehouse.yaml", "./pets.openapi.yaml"}, "pets plan literal", "a[1].yaml gatehouse.yaml pets.openapi.yaml"},
		"an OpenAPI document":          {[]string{"pets.openapi.yaml"}, "pets *", "pets.openapi.yaml"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder(t, all)
			result := load(t, test.paths...)
			if result.Snapshot == nil {
				t.Fatal(lines(result.Diagnostics))
			}
			var got []string
			for _, a := range result.Snapshot.APIs {
				got = append(got, a.ID)
			}
			for _, d := range result.Snapshot.Domains {
				got = append(got, d.Name)
			}
			for _, p := range result.Snapshot.UsagePlans {
				got = append(got, "plan "+p.Name)
			}
			if strings.Join(got, " ") != test.apis {
				t.Errorf("read %v, want %s", got, test.apis)
			}
			if files := strings.Join(result.Files, " "); files != test.files {
				t.Errorf("watched %s\nwant    %s", files, test.files)
			}
		})
	}
}

// TestStandardInput holds that "-" is read, once, as either kind of document, and
// that what it refers to is relative to the current directory.
func TestStandardInput(t *testing.T) {
	folder(t, map[string]string{"pets.openapi.yaml": pets})
	for name, text := range map[string]string{
		"definitions": oneAPI,
		"OpenAPI":     "openapi: 3.0.3\npaths: {/pets: {$ref: 'pets.openapi.yaml#/paths/~1pets'}}\n",
	} {
		read := 0
		result := definition.NewLoader(definition.Options{Stdin: func() ([]byte, error) {
			read++
			return []byte(text), nil
		}}).Load(t.Context(), []string{"-", "-"})
		if result.Snapshot == nil || len(result.Snapshot.APIs[0].Stages[0].Deployment.Routes) != 1 || read != 1 {
			t.Errorf("%s: read %d times: %v", name, read, result.Diagnostics)
		}
		if !slices.Contains(result.Files, "pets.openapi.yaml") || slices.Contains(result.Files, "-") {
			t.Errorf("%s: files %v", name, result.Files)
		}
	}
	failing := definition.NewLoader(definition.Options{Stdin: func() ([]byte, error) { return nil, os.ErrClosed }})
	if got := lines(failing.Load(t.Context(), []string{"-"}).Diagnostics); got != "-:1:1: error unreadable-file: cannot read the definition: file already closed\n" {
		t.Error(got)
	}
}

// TestUnreadable holds what is said of files that cannot be read, where they are
// named, and that they are watched: they may come.
func TestUnreadable(t *testing.T) {
	tests := map[string]struct {
		files       map[string]string
		prepare     func(*testing.T)
		paths       []string
		diagnostics string
		watched     string
	}{
		"missing": {
			paths:       []string{"absent.yaml", "absent/*.yaml"},
			diagnostics: "absent.yaml:1:1: error unreadable-file: cannot read the definition: absent.yaml does not exist\nabsent/*.yaml: error no-match: no file matches the pattern\n",
			watched:     "absent absent.yaml",
		},
		"a malformed pattern": {
			paths:       []string{"a/[b"},
			diagnostics: "a/[b: error invalid-pattern: the file pattern is malformed: syntax error in pattern\n",
			watched:     "a",
		},
		"an empty folder": {
			prepare:     func(t *testing.T) { mkdir(t, "empty") },
			paths:       []string{"empty"},
			diagnostics: "empty: error no-definitions: no definition was found (name a gatehouse.yaml or a directory with one)\n",
			watched:     "empty",
		},
		"what files name": {
			files: map[string]string{
				"sub/gatehouse.yaml": "gateways: [{name: edge, listeners: [{port: 8443, tls: {certificate: a.pem, key: {file: ../a.key}}}]}]\n" +
					"apis:\n  - {name: pets, definition: absent.yaml, stages: [{name: v1, canary: {percent: 1, definition: absent-2.yaml}}]}\n" +
					"  - {name: refs, definition: refs.yaml, stages: [{name: v1}]}\n" +
					"apiKeys: [{name: k, value: {file: k.txt}}]\n",
				"sub/refs.yaml": "openapi: 3.0.3\npaths: {/a: {$ref: '../shared/absent.yaml#/a'}}\n",
			},
			paths: []string{"sub"},
			diagnostics: "sub/gatehouse.yaml:1:69: error unreadable-file: cannot read a.pem: sub/a.pem does not exist\n" +
				"sub/gatehouse.yaml:1:88: error unreadable-file: cannot read ../a.key: a.key does not exist\n" +
				"sub/gatehouse.yaml:3:30: error unreadable-file: cannot read the definition: sub/absent.yaml does not exist\n" +
				"sub/gatehouse.yaml:3:96: error unreadable-file: cannot read the definition: sub/absent-2.yaml does not exist\n" +
				"sub/gatehouse.yaml:5:35: error unreadable-file: cannot read k.txt: sub/k.txt does not exist\n" +
				"sub/refs.yaml:2:20: error dangling-ref: the file of the reference ../shared/absent.yaml#/a cannot be read: shared/absent.yaml does not exist\n",
			watched: "a.key shared/absent.yaml sub sub/a.pem sub/absent-2.yaml sub/absent.yaml sub/gatehouse.yaml sub/k.txt sub/refs.yaml",
		},
		"folders in place of files": {
			files:       map[string]string{"gatehouse.yaml": oneAPI},
			prepare:     func(t *testing.T) { mkdir(t, "pets.openapi.yaml"); mkdir(t, "sub/x.yaml") },
			paths:       []string{"gatehouse.yaml", "sub"},
			diagnostics: "gatehouse.yaml:2:30: error unreadable-file: cannot read the definition: pets.openapi.yaml is a directory\n",
			watched:     "gatehouse.yaml pets.openapi.yaml sub",
		},
		"a file that is none": {
			files:       map[string]string{"gatehouse.yaml": strings.ReplaceAll(oneAPI, "pets.openapi.yaml", os.DevNull)},
			paths:       []string{"gatehouse.yaml"},
			diagnostics: "gatehouse.yaml:2:30: error unreadable-file: cannot read the definition: /dev/null is not a regular file\n",
			watched:     "/dev/null gatehouse.yaml",
		},
		"links in circles, and to nothing": {
			files: map[string]string{"gatehouse.yaml": oneAPI},
			prepare: func(t *testing.T) {
				link(t, "pets.openapi.yaml", "loop")
				link(t, "loop", "pets.openapi.yaml")
				link(t, "nowhere", "dangling.yaml")
			},
			paths: []string{"."},
			diagnostics: "dangling.yaml:1:1: error unreadable-file: cannot read the definition: dangling.yaml does not exist\n" +
				"pets.openapi.yaml:1:1: error unreadable-file: cannot read the definition: stat pets.openapi.yaml: too many levels of symbolic links\n" +
				"gatehouse.yaml:2:30: error unreadable-file: cannot read the definition: stat pets.openapi.yaml: too many levels of symbolic links\n",
			watched: ". dangling.yaml gatehouse.yaml pets.openapi.yaml",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			folder(t, test.files)
			if test.prepare != nil {
				test.prepare(t)
			}
			result := load(t, test.paths...)
			if result.Snapshot != nil {
				t.Error("there is a snapshot")
			}
			if diff := cmp.Diff(sorted(test.diagnostics), lines(result.Diagnostics)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := strings.Join(result.Files, " "); got != test.watched {
				t.Errorf("watched %s\nwant    %s", got, test.watched)
			}
		})
	}
}

// sorted puts lines into the order of their files.
func sorted(text string) string {
	list := strings.SplitAfter(text, "\n")
	slices.SortStableFunc(list[:len(list)-1], func(a, b string) int {
		fileA, _, _ := strings.Cut(a, ":")
		fileB, _, _ := strings.Cut(b, ":")
		return strings.Compare(fileA, fileB)
	})
	return strings.Join(list, "")
}

func mkdir(t *testing.T, name string) {
	t.Helper()
	if err := os.MkdirAll(name, 0o755); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// TestPermissions needs a user who may not read everything.
func TestPermissions(t *testing.T) {
	folder(t, map[string]string{"gatehouse.yaml": oneAPI, "pets.openapi.yaml": pets, "sub/a.yaml": ""})
	for _, name := range []string{"pets.openapi.yaml", "sub"} {
		if err := os.Chmod(name, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(name, 0o700) })
	}
	if _, err := os.ReadFile("pets.openapi.yaml"); err == nil {
		t.Skip("this user may read everything")
	}
	want := "gatehouse.yaml:2:30: error unreadable-file: cannot read the definition: open pets.openapi.yaml: permission denied\n" +
		"sub:1:1: error unreadable-file: cannot read the definition: open sub: permission denied\n"
	if got := lines(load(t, "gatehouse.yaml", "sub").Diagnostics); got != want {
		t.Error(got)
	}
}

// TestLinkedFolders holds that configuration as Kubernetes mounts it is read: every
// file a link through a link that is swapped.
func TestLinkedFolders(t *testing.T) {
	folder(t, map[string]string{"..2024/gatehouse.yaml": oneAPI, "..2024/pets.openapi.yaml": pets})
	link(t, "..2024", "..data")
	link(t, "..data/gatehouse.yaml", "gatehouse.yaml")
	link(t, "..data/pets.openapi.yaml", "pets.openapi.yaml")
	if result := load(t, "."); result.Snapshot == nil {
		t.Error(lines(result.Diagnostics))
	}
}

// TestMerging holds that several files count as one, in the order they are given,
// and that what two of them say is told with both places.
func TestMerging(t *testing.T) {
	folder(t, map[string]string{
		"pets.openapi.yaml": pets,
		"1.yaml": `gateways: [{name: edge, listeners: [{port: 8080}]}]
backends: [{name: b, hosts: [h], endpoints: ["a:1"]}]
apis:
  - {name: pets, definition: pets.openapi.yaml, stages: [{name: v1}]}
  - {name: Other Pets, id: other, definition: pets.openapi.yaml, stages: [{name: v1}]}
domains: [{name: a.example, mappings: [{path: pets, stage: pets/v1}, {path: other, stage: Other Pets/v1}]}]
usagePlans: [{name: gold, stages: [Other Pets/v1], keys: [k]}]
apiKeys: [{name: k, value: secret-1-0123456789-0}]
`,
		"2.yaml": `gateways: [{name: edge, listeners: [{port: 8081}, {port: 8081, address: 127.0.0.1}]}]
backends: [{name: b, hosts: [h], endpoints: ["a:1"]}]
apis:
  - {name: pets, definition: pets.openapi.yaml, stages: [{name: v1}, {name: v1}]}
  - {name: Other Pets, id: other2, definition: pets.openapi.yaml, stages: [{name: v1}]}
domains: [{name: A.example, gateway: edge, mappings: [{path: /pets/, stage: pets/v1}, {path: pets, stage: other2/v1}]}]
usagePlans: [{name: gold, stages: [pets/v2, petz/v1], keys: [l]}]
apiKeys: [{name: k, value: 0123456789-0123456789}, {name: m, value: secret-1-0123456789-0}]
`,
	})
	first := load(t, "1.yaml")
	if first.Snapshot == nil {
		t.Fatal(lines(first.Diagnostics))
	}
	if m := first.Snapshot.Domains[0].Mappings[1]; m.API != "other" || first.Snapshot.Domains[0].Gateway != "edge" || first.Snapshot.UsagePlans[0].Stages[0].API != "other" {
		t.Errorf("names are not resolved: %+v", first.Snapshot.Domains[0])
	}
	want := `2.yaml:1:12: error duplicate-name: the gateway "edge" is defined twice; first at 1.yaml:1:12
2.yaml:1:51: error duplicate-listener: two listeners of gateway edge share port 8081; the first is at 2.yaml:1:37
2.yaml:2:12: error duplicate-name: the backend "b" is defined twice; first at 1.yaml:2:12
2.yaml:2:12: error duplicate-name: the backend for host "h" is defined twice; first at 1.yaml:2:12
2.yaml:4:5: error duplicate-name: the API "pets" is defined twice; first at 1.yaml:4:5
2.yaml:4:70: error duplicate-name: the stage "pets/v1" is defined twice; first at 2.yaml:4:58
2.yaml:5:5: error duplicate-name: the API name "Other Pets" is defined twice; first at 1.yaml:5:5
2.yaml:6:11: error duplicate-name: the domain "a.example" is defined twice; first at 1.yaml:6:11
2.yaml:6:87: error duplicate-name: the base path "a.example/pets" is defined twice; first at 2.yaml:6:55
2.yaml:7:14: error duplicate-name: the usage plan "gold" is defined twice; first at 1.yaml:7:14
2.yaml:7:14: error unknown-api-key: the usage plan gold names the key "l", which does not exist
2.yaml:7:36: error unknown-stage: the usage plan gold names the stage "pets/v2", which does not exist (write API/STAGE)
2.yaml:7:45: error unknown-stage: the usage plan gold names the stage "petz/v1", which does not exist (write API/STAGE)
2.yaml:8:11: error duplicate-name: the API key "k" is defined twice; first at 1.yaml:8:11
2.yaml:8:52: error duplicate-value: the API key m has the same value as the one at 1.yaml:8:11
`
	if diff := cmp.Diff(want, lines(load(t, "1.yaml", "2.yaml").Diagnostics)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAllAtOnce holds that mistakes of all kinds are told together: of the syntax of
// one document, of values, of references between files, of routes. What only follows
// from a mistake is not told.
func TestAllAtOnce(t *testing.T) {
	folder(t, map[string]string{
		"gatehouse.yaml": `gateways:
  - {name: edge, listeners: [{port: 8080, adress: 127.0.0.1}]}
apis:
  - name: pets
    definition: pets.openapi.yaml
    gateways: [inner]
    stages: [{name: v1, routes: {"GET /gone": {timeout: 1s}}}, {name: v 2}]
  - {name: broken, definition: broken.openapi.yaml, stages: [{name: v1}]}
  - {name: soap, protocol: SOAP, definition: pets.openapi.yaml, stages: [{name: $default, canary: {percent: 1}}]}
  - {name: late, definition: pets.openapi.yaml, backend: nowhere, stages: [{name: v1}, {name: v2}]}
  - {definition: pets.openapi.yaml, stages: [{}]}
domains:
  - {name: a.example, mappings: [{stage: pets/v3}, {path: b, stage: soap/$default}, {path: c, stage: nobody}, {path: d, stage: absent/v1}]}
`,
		"pets.openapi.yaml": `openapi: 3.0.3
paths:
  /a/{x}:
    get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://${stageVariables.host}/a"}}
  /a/{y}:
    get: {$ref: '#/nothing'}
    put: {}
  /b:
    get: {parameters: [{$ref: '#/components/parameters/p'}], x-amazon-apigateway-integration: {type: mock}}
    put: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://a", connectionType: VPC_LINK, connectionId: vpc}}
`,
		"broken.openapi.yaml": "openapi: 3.0.3\npaths: [\n",
	})
	want := `broken.openapi.yaml:3:1: error invalid-yaml: while parsing a flow node, did not find expected node content
gatehouse.yaml:2:43: error unknown-key: unknown key "adress" (did you mean "address"?)
gatehouse.yaml:4:5: error unknown-gateway: the API pets names the gateway "inner", which does not exist
gatehouse.yaml:7:64: error invalid-name: "v 2" is not a valid stage name (use letters, digits, hyphens and underscores; $default is for HTTP APIs only)
gatehouse.yaml:9:28: error unknown-value: apis[2].protocol is "SOAP", must be one of REST, HTTP, WEBSOCKET
gatehouse.yaml:10:58: error unknown-backend: the backend "nowhere" does not exist (add it to backends:, or write a URL)
gatehouse.yaml:11:5: error missing-key: apis[4] needs the key "name"
gatehouse.yaml:11:46: error missing-key: apis[4].stages[0] needs the key "name"
gatehouse.yaml:13:34: error unknown-stage: the API pets has no stage "v3"
gatehouse.yaml:13:102: error invalid-stage-reference: "nobody" does not name a stage of an API (write API/STAGE, such as petstore/v1)
pets.openapi.yaml:4:85: error unset-stage-variable: the stage late/v1 has no variable host, which the integration of GET /a/{x} uses (add it to the variables of stage v1)
pets.openapi.yaml:4:85: error unset-stage-variable: the stage late/v2 has no variable host, which the integration of GET /a/{x} uses (add it to the variables of stage v2)
pets.openapi.yaml:4:85: error unset-stage-variable: the stage pets/v 2 has no variable host, which the integration of GET /a/{x} uses (add it to the variables of stage v 2)
pets.openapi.yaml:4:85: error unset-stage-variable: the stage pets/v1 has no variable host, which the integration of GET /a/{x} uses (add it to the variables of stage v1)
pets.openapi.yaml:6:5: error sibling-variable: A sibling ({x}) of this resource already has a variable path part -- only one is allowed (give both the same name; the other is at pets.openapi.yaml:4:5)
pets.openapi.yaml:6:11: warning unknown-key: unknown key "$ref" in an operation has no effect
pets.openapi.yaml:9:31: error dangling-ref: the reference #/components/parameters/p points to nothing
pets.openapi.yaml:10:44: error unknown-backend: the integration of PUT /b is sent to the backend "vpc", which does not exist (add it to backends:)
`
	result := load(t, "gatehouse.yaml")
	if diff := cmp.Diff(want, lines(result.Diagnostics)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if result.Snapshot != nil || result.Draft == nil {
		t.Error("there should be a draft, and no snapshot")
	}
	// What seems to be missing may be in a file that cannot be read.
	write(t, "other.yaml", "gateways: [\n")
	if got := lines(load(t, "gatehouse.yaml", "other.yaml").Diagnostics); strings.Contains(got, "unknown-gateway") || !strings.Contains(got, "adress") {
		t.Error(got)
	}
}

// TestReferencesAcrossFiles holds that circles of references end, also through
// several files and through paths that are ever new.
func TestReferencesAcrossFiles(t *testing.T) {
	folder(t, map[string]string{
		"gatehouse.yaml": "apis:\n  - {name: a, definition: a/a.yaml, stages: [{name: v1}]}\n",
		"a/a.yaml":       "openapi: 3.0.3\npaths:\n  /a: {$ref: '../b/b.yaml#/x'}\n  /b: {get: {requestBody: {content: {application/json: {schema: {$ref: '../b/b.yaml#/s'}}}}, x-amazon-apigateway-integration: {type: mock}}}\nx-y: {$ref: '../b/b.yaml#/x'}\nx-s: {properties: {next: {$ref: '../b/b.yaml#/s'}}}\n",
		"b/b.yaml":       "x: {$ref: '../a/a.yaml#/x-y'}\ns: {items: {$ref: '../a/a.yaml#/x-s'}}\n",
	})
	result := load(t, "gatehouse.yaml")
	want := "b/b.yaml:1:11: error cyclic-ref: the reference ../a/a.yaml#/x-y leads back to itself\n"
	if got := lines(result.Diagnostics); got != want {
		t.Errorf("got %swant %s", got, want)
	}
	link(t, ".", "a/again")
	write(t, "a/a.yaml", "openapi: 3.0.3\npaths: {/a: {get: {requestBody: {content: {application/json: {schema: {$ref: 'again/a.yaml#/x-s'}}}}, x-amazon-apigateway-integration: {type: mock}}}}\nx-s: {items: {$ref: 'again/a.yaml#/x-s'}}\n")
	// Either we or the kernel have followed the link often enough.
	if got := load(t, "gatehouse.yaml").Diagnostics; len(got) != 1 || got[0].Code != "ref-expansion" && !strings.HasSuffix(got[0].Message, "too many levels of symbolic links") {
		t.Errorf("got %.1000s", lines(got))
	}
}

// TestReload holds that a reload costs what changed: an unchanged document gives the
// same deployment, one of which anything changed another.
func TestReload(t *testing.T) {
	folder(t, map[string]string{
		"gatehouse.yaml": "apis:\n  - {name: a, definition: a.yaml, stages: [{name: v1}, {name: v2}]}\n  - {name: b, definition: b.yaml, stages: [{name: v1}]}\n",
		"a.yaml":         "openapi: 3.0.3\npaths: {/pets: {$ref: 'shared.yaml#/pets'}}\n",
		"b.yaml":         pets,
		"shared.yaml":    "pets: {get: {x-amazon-apigateway-integration: {type: mock}}}\n",
	})
	loader := definition.NewLoader(definition.Options{})
	deployments := func() []*gateway.Deployment {
		result := loader.Load(t.Context(), []string{"gatehouse.yaml"})
		if result.Snapshot == nil {
			t.Fatal(lines(result.Diagnostics))
		}
		if got := strings.Join(result.Files, " "); got != "a.yaml b.yaml gatehouse.yaml shared.yaml" {
			t.Errorf("watched %s", got)
		}
		apis := result.Snapshot.APIs
		return []*gateway.Deployment{apis[0].Stages[0].Deployment, apis[0].Stages[1].Deployment, apis[1].Stages[0].Deployment}
	}
	first := deployments()
	if first[0] != first[1] || first[0] == first[2] {
		t.Error("two stages of one document do not share its deployment")
	}
	if again := deployments(); !slices.Equal(first, again) {
		t.Error("nothing changed, but the deployments did")
	}
	// A file that is referred to changes what refers to it alone.
	write(t, "shared.yaml", "pets: {put: {x-amazon-apigateway-integration: {type: mock}}}\n")
	if again := deployments(); again[0] == first[0] || again[2] != first[2] || again[0].Routes[0].Method != "PUT" {
		t.Errorf("after a change of shared.yaml: %v", again[0].Routes)
	}
	// One that is gone is a mistake; coming back empty, it is another.
	if err := os.Remove("shared.yaml"); err != nil {
		t.Fatal(err)
	}
	missing := lines(loader.Load(t.Context(), []string{"gatehouse.yaml"}).Diagnostics)
	write(t, "shared.yaml", "")
	empty := lines(loader.Load(t.Context(), []string{"gatehouse.yaml"}).Diagnostics)
	if !strings.Contains(missing, "does not exist") || !strings.Contains(empty, "shared.yaml:1:1: error empty-file") {
		t.Errorf("missing: %sempty: %s", missing, empty)
	}
	// The same document as another kind of API is another deployment.
	write(t, "shared.yaml", "pets: {get: {x-amazon-apigateway-integration: {type: http_proxy, uri: 'http://a'}}}\n")
	write(t, "gatehouse.yaml", "apis:\n  - {name: a, definition: a.yaml, stages: [{name: v1}, {name: v2, backend: \"http://b\"}]}\n  - {name: b, protocol: HTTP, definition: b.yaml}\n")
	if again := deployments(); again[0] == again[1] || again[2] == first[2] || again[2].Protocol != gateway.HTTP {
		t.Error("the protocol and the backend do not count")
	}
}

// TestCancelled holds that a load which is given up has no result.
func TestCancelled(t *testing.T) {
	folder(t, map[string]string{"gatehouse.yaml": oneAPI, "pets.openapi.yaml": pets})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	result := definition.NewLoader(definition.Options{}).Load(ctx, []string{"."})
	if result.Snapshot != nil || result.Draft != nil {
		t.Error("there is a snapshot")
	}
}

// TestRevisionIgnoresLayout holds that order of keys, comments, file names and moves
// of text do not change the revision, and that values do.
func TestRevisionIgnoresLayout(t *testing.T) {
	revision := func(files map[string]string) string {
		folder(t, files)
		result := load(t, slices.Sorted(maps.Keys(files))...)
		if result.Snapshot == nil {
			t.Fatal(lines(result.Diagnostics))
		}
		return result.Snapshot.Revision()
	}
	one := revision(map[string]string{"a.yaml": "backends: [{name: b, endpoints: [\"a:1\"], maxRequests: 5}]\n"})
	two := revision(map[string]string{"z.yaml": "# moved\n\nbackends:\n  - maxRequests: 5\n    endpoints:\n      - \"a:1\"\n    name: b\n"})
	three := revision(map[string]string{"a.yaml": "backends: [{name: b, endpoints: [\"a:1\"], maxRequests: 6}]\n"})
	if one != two || one == three {
		t.Errorf("revisions %s, %s, %s", one, two, three)
	}
}

// TestUnreachable holds that an API which no host leads to is told.
func TestUnreachable(t *testing.T) {
	folder(t, map[string]string{
		"pets.openapi.yaml": pets,
		"gatehouse.yaml":    "apis:\n  - {name: a, definition: pets.openapi.yaml, disableExecuteApiEndpoint: true, stages: [{name: v1}]}\n  - {name: b, definition: pets.openapi.yaml, disableExecuteApiEndpoint: true, stages: [{name: v1}]}\ndomains: [{name: b.example, mappings: [{stage: b/v1}]}]\n",
	})
	want := "gatehouse.yaml:2:5: warning unreachable-api: the API a is not served: its own host is disabled, and no domain leads to it (map a domain to it)\n"
	if got := lines(load(t, "gatehouse.yaml").Diagnostics); got != want {
		t.Errorf("got %s", got)
	}
}

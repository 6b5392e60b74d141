package openapi_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	definition "gatehouse/definition/openapi"
	"gatehouse/definition/source"
	"gatehouse/gateway"
	"gatehouse/internal/proctest"
	"gatehouse/management/openapi"
)

// documents are all OpenAPI documents of the repository, those of good test cases and of
// examples.
func documents(t testing.TB) []string {
	t.Helper()
	root := proctest.Root(t)
	var files []string
	for _, dir := range []string{"examples", "definition", "translator", "integration", "extauthz", "test"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			ext := filepath.Ext(path)
			if ext != ".json" && ext != ".yaml" || strings.Contains(path, ".bad.") {
				return nil
			}
			data, err := os.ReadFile(path)
			if err == nil && versionKey.Match(data) {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 20 {
		t.Fatalf("found only %d documents", len(files))
	}
	return files
}

var (
	versionKey = regexp.MustCompile(`(?m)^[{ ]*"?(openapi|swagger)"? ?: ?"?['0-9]`)
	version20  = regexp.MustCompile(`(?m)^[{ ]*"?swagger"? ?:`)
	// modelReference are the ways in which a schema refers to a model.
	modelReference = regexp.MustCompile(`#/definitions/|https://apigateway\.amazonaws\.com/restapis/[^/]*/models/`)
	otherFile      = regexp.MustCompile(`\$ref"?: *["']?[^"'#]`)
)

// parse reads a document as the loader of files does; nil for one that has errors.
func parse(t testing.TB, file string, data []byte, protocol gateway.Protocol, allBodies bool) *gateway.Deployment {
	t.Helper()
	var diags gateway.Diagnostics
	doc, ok := source.Parse(filepath.Base(file), data, source.Environment{}, &diags)
	if !ok {
		return nil
	}
	d := definition.Parse(doc, definition.Options{Protocol: protocol, AllBodies: allBodies, Open: func(ref string) (*source.Document, error) {
		name := filepath.Join(filepath.Dir(file), ref)
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		doc, ok := source.Parse(name, data, source.Environment{}, &diags)
		if !ok {
			return nil, definition.ErrNoDocument
		}
		return doc, nil
	}})
	if diags.HasErrors() {
		return nil
	}
	return d
}

// same compares what two deployments do: where their parts are written, and in which
// order what has none, is left out.
var same = gocmp.Options{
	cmpopts.IgnoreTypes(gateway.Position{}, gateway.TextSource{}),
	cmpopts.IgnoreUnexported(gateway.Deployment{}),
	cmpopts.IgnoreFields(gateway.Deployment{}, "ServerPath"),
	// It is informational, and Amazon's service fills it in.
	cmpopts.IgnoreFields(gateway.Authorizer{}, "AuthType"),
	cmpopts.EquateEmpty(),
	sortedBy(func(r gateway.Route) string { return r.Key() }),
	sortedBy(func(a gateway.Authorizer) string { return a.Name }),
	sortedBy(func(m gateway.Model) string { return m.Name }),
	sortedBy(func(v gateway.RequestValidator) string { return v.Name }),
	sortedBy(func(r gateway.GatewayResponse) string { return string(r.Type) }),
	sortedBy(func(p gateway.Parameter) string { return p.In + "." + p.Name }),
	sortedBy(func(m gateway.ParameterMapping) string { return m.Target }),
	sortedBy(func(m gateway.StatusMappings) string { return m.StatusCode }),
	sortedBy(func(r gateway.MethodResponse) string { return r.StatusCode }),
	sortedBy(func(r gateway.IntegrationResponse) string { return r.StatusCode + r.SelectionPattern }),
}

func sortedBy[T any](key func(T) string) gocmp.Option {
	return cmpopts.SortSlices(func(a, b T) bool { return key(a) < key(b) })
}

// normalise makes explicit what only one of the two ways to write a document does.
func normalise(t *testing.T, d *gateway.Deployment) *gateway.Deployment {
	t.Helper()
	out := *d
	out.APIKeySource = cmp.Or(d.APIKeySource, "HEADER")
	out.BinaryMediaTypes = slices.Sorted(slices.Values(d.BinaryMediaTypes))
	out.Routes = slices.Clone(d.Routes)
	for i := range out.Routes {
		r := &out.Routes[i]
		r.Responses = slices.Clone(r.Responses)
		for j := range r.Responses {
			r.Responses[j].Headers = slices.Sorted(slices.Values(r.Responses[j].Headers))
		}
		if r.Integration == nil {
			continue
		}
		in := *r.Integration
		in.TimeoutMillis = cmp.Or(in.TimeoutMillis, map[gateway.Protocol]int64{gateway.REST: 29000, gateway.HTTP: 30000}[d.Protocol])
		in.CacheKeyParameters = slices.Sorted(slices.Values(in.CacheKeyParameters))
		if in.ConnectionType != gateway.ConnectionVPCLink {
			in.ConnectionID = ""
		}
		in.ResponseTransferMode = cmp.Or(in.ResponseTransferMode, "BUFFERED")
		r.Integration = &in
	}
	out.Models = slices.Clone(d.Models)
	for i := range out.Models {
		m := &out.Models[i]
		m.Schema = modelReference.ReplaceAllString(m.Schema, "#/components/schemas/")
		if m.Schema == "true" {
			m.Schema, m.Dialect = "{}", ""
		}
		if m.Dialect != "" && !strings.Contains(m.Schema, `"$schema"`) {
			m.Schema = strings.Replace(m.Schema, "{", fmt.Sprintf(`{"$schema":%q,`, m.Dialect), 1)
			m.Schema = strings.ReplaceAll(m.Schema, ",}", "}")
		}
		m.Dialect = ""
		if !json.Valid([]byte(m.Schema)) {
			t.Fatalf("normalising broke %s", m.Schema)
		}
	}
	return &out
}

// TestNothingIsLost holds that what was imported and exported again is served as the
// document itself.
func TestNothingIsLost(t *testing.T) {
	root, rest, http := proctest.Root(t), 0, 0
	for _, file := range documents(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(root, file)
		if d := parse(t, file, data, gateway.REST, false); d != nil {
			rest++
			t.Run("REST/"+name, func(t *testing.T) { restRoundTrip(t, file, data, d) })
		}
		if d := parse(t, file, data, gateway.HTTP, false); d != nil {
			http++
			t.Run("HTTP/"+name, func(t *testing.T) { httpRoundTrip(t, file, d) })
		}
	}
	if http < 10 {
		t.Errorf("only %d documents are of HTTP APIs", http)
	}
	if rest < 20 {
		t.Errorf("only %d documents are of REST APIs", rest)
	}
}

func restRoundTrip(t *testing.T, file string, data []byte, d *gateway.Deployment) {
	content, warnings, err := openapi.RESTContent(d, "a1b2c3d4e5")
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Skip(warnings)
	}
	openapi.Place(nil, content, counter())
	export := openapi.Export{Extensions: openapi.AllExtensions, Host: "a1b2c3d4e5.execute-api.localhost", Stage: "v1"}
	if version20.Match(data) {
		export.Version = openapi.OpenAPI20
	}
	for _, export.YAML = range []bool{false, true} {
		written, err := openapi.ExportREST(content, export)
		if err != nil {
			t.Fatal(err)
		}
		again := parse(t, file, written, gateway.REST, false)
		if again == nil {
			t.Fatalf("the export cannot be loaded:\n%s", written)
		}
		if diff := gocmp.Diff(normalise(t, d), normalise(t, again), same); diff != "" {
			t.Errorf("the export differs (-document +export):\n%s\n%s", diff, written)
		}
		imported, warnings, err := openapi.ImportREST(written, openapi.Import{APIID: "z9y8x7w6v5", NewID: counter()})
		if err != nil {
			if strings.Contains(err.Error(), "A sibling") {
				t.Skip(err)
			}
			t.Fatal(err)
		}
		stable, err := openapi.ExportREST(imported, export)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(string(written), string(stable)); diff != "" {
			t.Errorf("exporting what was exported gives something else (%v):\n%s", warnings, diff)
		}
	}
	served, err := openapi.ServedREST(content)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(normalise(t, d), normalise(t, parse(t, file, served, gateway.REST, true)), same); diff != "" {
		t.Errorf("what is served differs (-document +served):\n%s", diff)
	}
	if !otherFile.Match(data) {
		if _, _, err := openapi.ImportREST(data, openapi.Import{APIID: "a1b2c3d4e5"}); err != nil && !strings.Contains(err.Error(), "A sibling") {
			t.Errorf("the document cannot be imported: %v", err)
		}
	}
}

// counter gives ids in an order that tests can rely on.
func counter() func(int) string {
	n := 0
	return func(length int) string {
		n++
		return fmt.Sprintf("%0*d", length, n)
	}
}

func httpRoundTrip(t *testing.T, file string, d *gateway.Deployment) {
	content := openapi.HTTPContent(d, "a1b2c3d4e5")
	openapi.PlaceHTTP(nil, content, counter())
	export := openapi.Export{Extensions: openapi.AllExtensions, Host: "a1b2c3d4e5.execute-api.localhost", Stage: "$default"}
	for _, export.YAML = range []bool{false, true} {
		written, err := openapi.ExportHTTP(content, export)
		if err != nil {
			t.Fatal(err)
		}
		again := parse(t, file, written, gateway.HTTP, false)
		if again == nil {
			t.Fatalf("the export cannot be loaded:\n%s", written)
		}
		if diff := gocmp.Diff(normalise(t, d), normalise(t, again), same); diff != "" {
			t.Errorf("the export differs (-document +export):\n%s\n%s", diff, written)
		}
		imported, info, warnings, err := openapi.ImportHTTP(written, openapi.Import{APIID: "z9y8x7w6v5", NewID: counter()})
		if err != nil {
			t.Fatal(err)
		}
		stable, err := openapi.ExportHTTP(imported, export)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(string(written), string(stable)); diff != "" {
			t.Errorf("exporting what was exported gives something else (%v %v):\n%s", info, warnings, diff)
		}
	}
}

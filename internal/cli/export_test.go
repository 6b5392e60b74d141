package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// exportedFromAWS are documents as API Gateway exports them, with the variables that
// their stages need.
var exportedFromAWS = []struct{ file, stage, variable string }{
	{"../../examples/aws-export/parcels-prod-oas30-apigateway.json", "parcels/prod", "backend=127.0.0.1:9101"},
}

// TestImportServeExport holds that what is imported, served and exported is what AWS
// exported.
func TestImportServeExport(t *testing.T) {
	for _, c := range exportedFromAWS {
		dir := filepath.Join(t.TempDir(), "imported")
		if got := command(t, "import", c.file, "--into", dir, "--variable", c.variable); got.code != exitGood || !strings.Contains(got.out, "gatehouse.yaml") {
			t.Fatalf("%+v", got)
		}
		d := startDaemon(t, "serve", "--data-dir", t.TempDir(), dir)
		server := strings.TrimSuffix(d.status, "/status")
		exported := command(t, "export", c.stage, "--server", server, "-o", "json")
		if exported.code != exitGood {
			t.Fatalf("%+v", exported)
		}
		original, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		want, got := tree(t, string(original)), tree(t, exported.out)
		for _, path := range unlike(nil, want, got) {
			t.Errorf("%s: it was %v, and is %v", strings.Join(path, "."), at(want, path), at(got, path))
		}
		// What was exported makes the same folder again.
		again := filepath.Join(t.TempDir(), "again")
		file := filepath.Join(t.TempDir(), "exported.json")
		write(t, file, exported.out)
		if got := command(t, "import", file, "--into", again, "--variable", c.variable); got.code != exitGood {
			t.Fatalf("%+v", got)
		}
		// In what order headers are set may show in the routes, and in nothing else.
		if got := command(t, "diff", server, again); strings.Contains(got.out, "API") || strings.Contains(got.out, "clusters") || got.err != "" {
			t.Errorf("%+v", got)
		}
		write(t, filepath.Join(again, "gatehouse.yaml"), strings.Replace(read(t, filepath.Join(again, "gatehouse.yaml")), "127.0.0.1:9101", "127.0.0.1:9999", 1))
		changed := command(t, "diff", server, again)
		if want := `changed: API p4rc3ls0ab, stage prod, variables, backend: "127.0.0.1:9101" -> "127.0.0.1:9999"`; changed.code != exitDifferent || !strings.Contains(changed.out, want) ||
			!strings.Contains(changed.out, "  added: clusters http://127.0.0.1:9999") {
			t.Errorf("%+v", changed)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func tree(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// inForm is what is another matter here than it was there: where the server is.
var inForm = map[string]bool{"servers": true}

// unlike finds the places in which two documents say something else.
func unlike(path []string, a, b any) (found [][]string) {
	x, isObject := a.(map[string]any)
	y, other := b.(map[string]any)
	if !isObject || !other {
		if !reflect.DeepEqual(a, b) && !sameSet(a, b) {
			found = append(found, path)
		}
		return found
	}
	keys := map[string]bool{}
	for k := range x {
		keys[k] = true
	}
	for k := range y {
		keys[k] = true
	}
	for k := range keys {
		if !inForm[k] {
			found = append(found, unlike(append(path[:len(path):len(path)], k), x[k], y[k])...)
		}
	}
	return found
}

// sameSet compares lists whose order says nothing, such as parameters.
func sameSet(a, b any) bool {
	x, isList := a.([]any)
	y, other := b.([]any)
	if !isList || !other || len(x) != len(y) {
		return false
	}
	for _, v := range x {
		found := false
		for _, w := range y {
			found = found || len(unlike(nil, v, w)) == 0
		}
		if !found {
			return false
		}
	}
	return true
}

func at(v any, path []string) any {
	for _, key := range path {
		o, _ := v.(map[string]any)
		v = o[key]
	}
	return v
}

func TestExportOfFiles(t *testing.T) {
	dir := files(t, petstore(8080, "http://127.0.0.1:9101"))
	got := command(t, "export", "petstore/v1", dir)
	if got.code != exitGood || !strings.Contains(got.out, "x-amazon-apigateway-integration") || !strings.Contains(got.out, `url: "https://petstore.execute-api.localhost/{basePath}"`) {
		t.Errorf("%+v", got)
	}
	plain := command(t, "export", "petstore/v1", dir, "--extensions", "none", "--format", "oas20", "-o", "json")
	if plain.code != exitGood || strings.Contains(plain.out, "x-amazon") || tree(t, plain.out).(map[string]any)["swagger"] != "2.0" {
		t.Errorf("%+v", plain)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		err  string
	}{
		"no stage":   {[]string{"petstore", dir}, exitUsage, "name a stage as API/STAGE"},
		"other":      {[]string{"petstore/v2", dir}, exitProblems, "there is no stage petstore/v2; there are petstore/v1"},
		"extension":  {[]string{"petstore/v1", dir, "--extensions", "some"}, exitUsage, `unknown extension "some"`},
		"both":       {[]string{"petstore/v1", dir, "--server", "http://127.0.0.1:1"}, exitUsage, "not both"},
		"server":     {[]string{"petstore/v1", "--server", "localhost"}, exitUsage, "is not the URL of a server"},
		"not there":  {[]string{"petstore/v1", "--server", "http://127.0.0.1:1"}, exitProblems, "connection refused"},
		"no files":   {[]string{"petstore/v1", filepath.Join(dir, "none.yaml")}, exitProblems, "does not exist"},
		"wrong form": {[]string{"petstore/v1", dir, "--format", "raml"}, exitUsage, "must be one of oas30, oas20"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := command(t, append([]string{"export"}, c.args...)...); got.code != c.code || got.out != "" || !strings.Contains(got.err, c.err) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestImportMakesAFolder(t *testing.T) {
	dir := t.TempDir()
	doc := func(name, id, stage, uri string) string {
		file := filepath.Join(dir, name)
		write(t, file, `{"openapi": "3.0.1", "info": {"title": "The Pets!", "version": "1"}, "servers": [{"url": "https://`+id+`.execute-api.eu-west-1.amazonaws.com/{basePath}",
			"variables": {"basePath": {"default": "/`+stage+`"}}}], "paths": {"/pets": {"get": {"x-amazon-apigateway-integration": {"type": "http_proxy", "httpMethod": "GET", "uri": "`+uri+`"}}}}}`)
		return file
	}
	v1, v2, other := doc("v1.json", "abc", "v1", "http://127.0.0.1:9101"), doc("v2.json", "abc", "v2", "http://${stageVariables.backend}"), doc("o.json", "def", "v1", "http://127.0.0.1:9102")
	into := filepath.Join(dir, "out")
	lacking := command(t, "import", v1, v2, other, "--into", into)
	if lacking.code != exitProblems || !strings.Contains(lacking.err, "the-pets-v2.openapi.json:2:") || !strings.Contains(lacking.err, "has no variable backend") {
		t.Errorf("%+v", lacking)
	}
	if again := command(t, "import", v1, "--into", into); again.code != exitProblems || !strings.Contains(again.err, "exists: choose another folder, or add --force") {
		t.Errorf("%+v", again)
	}
	full := command(t, "import", v1, v2, other, "--into", into, "--force", "--variable", "backend=127.0.0.1:9103")
	if full.code != exitGood || full.err != "" || strings.Count(full.out, "\n") != 4 {
		t.Errorf("%+v", full)
	}
	for _, stage := range []string{"the-pets/v1", "abc/v2", "the-pets-2/v1"} {
		if got := command(t, "export", stage, into); got.code != exitGood {
			t.Errorf("%+v", got)
		}
	}
	for name, c := range map[string]struct {
		args []string
		code int
		err  string
	}{
		"nothing":   {nil, exitUsage, "name the documents"},
		"nowhere":   {[]string{v1}, exitUsage, "--into names the folder"},
		"twice":     {[]string{v1, v1, "--into", filepath.Join(dir, "x")}, exitProblems, "is a second document of the-pets/v1"},
		"missing":   {[]string{filepath.Join(dir, "no.json"), "--into", filepath.Join(dir, "x")}, exitProblems, "no such file"},
		"other":     {[]string{filepath.Join(into, "gatehouse.yaml"), "--into", filepath.Join(dir, "x")}, exitProblems, "is not an OpenAPI document"},
		"variable":  {[]string{v1, "--into", filepath.Join(dir, "x"), "--variable", "x"}, exitUsage, "--variable is NAME=VALUE"},
		"ambiguous": {[]string{v1, v2, "--into", filepath.Join(dir, "x"), "--name", "a", "--stage", "b"}, exitUsage, "for one document"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := command(t, append([]string{"import"}, c.args...)...); got.code != c.code || !strings.Contains(got.err, c.err) {
				t.Errorf("%+v", got)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("what failed has written something")
	}
}

func TestDiff(t *testing.T) {
	a, b := files(t, petstore(8080, "http://127.0.0.1:9101")), files(t, petstore(8080, "http://127.0.0.1:9102"))
	if same := command(t, "diff", a, a); same.code != exitGood || same.out != "no difference\n" {
		t.Errorf("%+v", same)
	}
	got := command(t, "diff", a, b)
	want := `changed: API petstore, stage v1, route GET /pets, integration, URI: "http://127.0.0.1:9101/pets" -> "http://127.0.0.1:9102/pets"
Envoy's resources of gateway edge:
  changed: routes host/petstore.execute-api.localhost
  removed: clusters http://127.0.0.1:9101
  added: clusters http://127.0.0.1:9102
`
	if got.code != exitDifferent || got.out != want || got.err != "" {
		t.Errorf("%+v", got)
	}
	asJSON := command(t, "diff", "-o", "json", a, b)
	out, _ := tree(t, asJSON.out).(map[string]any)
	if asJSON.code != exitDifferent || out["same"] != false || len(out["changes"].([]any)) != 1 || len(out["resources"].([]any)) != 3 {
		t.Errorf("%+v", asJSON)
	}
	if same := command(t, "diff", "-o", "json", a, a); !strings.Contains(same.out, `"changes": []`) {
		t.Errorf("%+v", same)
	}
	if broken := command(t, "diff", a, files(t, map[string]string{"gatehouse.yaml": fiveMistakes})); broken.code != exitProblems || broken.out != "" || !strings.Contains(broken.err, "gatehouse.yaml:3:") {
		t.Errorf("%+v", broken)
	}
	if one := command(t, "diff", a); one.code != exitUsage {
		t.Errorf("%+v", one)
	}
}

// TestSnapshotPage holds that a server keeps its secrets to itself.
func TestSnapshotPage(t *testing.T) {
	contents := petstore(8080, "http://127.0.0.1:9101")
	const secret = "acme-key-0123456789-abcd"
	contents["gatehouse.yaml"] += "apiKeys: [{name: acme, value: " + secret + "}]\n"
	dir := files(t, contents)
	d := startDaemon(t, "serve", "--data-dir", t.TempDir(), dir)
	server := strings.TrimSuffix(d.status, "/status")
	if code, body := get(t, server+"/snapshot"); code != 200 || strings.Contains(body, secret) || !strings.Contains(body, "acme") {
		t.Errorf("%d %s", code, body)
	}
	if got := command(t, "diff", dir, server); got.code != exitGood || strings.Contains(got.out+got.err, secret) {
		t.Errorf("%+v", got)
	}
}

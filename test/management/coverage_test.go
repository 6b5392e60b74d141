package management

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gatehouse/internal/pytools"
	"gatehouse/management/httpapi"
	"gatehouse/management/openapi"
	"gatehouse/management/restapi"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

var update = flag.Bool("update", false, "write the tables of docs/management-api.md")

const page = "../../docs/management-api.md"

// modelled is an operation of a service model that botocore has.
type modelled struct{ Name, Method, Path, Call string }

// serviceModel asks botocore which operations a service has, and how its clients name
// them.
func serviceModel(t *testing.T, service string) []modelled {
	t.Helper()
	const script = `
import json, sys
import botocore.session
from botocore import xform_name
model = botocore.session.get_session().get_service_model(sys.argv[1])
operations = [model.operation_model(name) for name in model.operation_names]
json.dump([{"Name": o.name, "Method": o.http["method"], "Path": o.http["requestUri"], "Call": xform_name(o.name)} for o in operations], sys.stdout)`
	output, err := pytools.Command(t, nil, "-c", script, service).Output()
	if err != nil {
		t.Fatal(err)
	}
	var operations []modelled
	if err := json.Unmarshal(output, &operations); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(operations, func(a, b modelled) int { return strings.Compare(a.Name, b.Name) })
	return operations
}

// scriptsOf gives the names of the scripts here that call each operation of a service.
func scriptsOf(t *testing.T, service string) map[string][]string {
	t.Helper()
	scripts, err := filepath.Glob("*.py")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	calls := map[string][]string{}
	// A client's method, or the name of one that is to be refused or read page by page.
	call := regexp.MustCompile(`\.([a-z0-9_]+)\(|"([a-z0-9]+(?:_[a-z0-9]+)+)"`)
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte(`client("`+service+`"`)) {
			continue
		}
		for _, found := range call.FindAllStringSubmatch(string(text), -1) {
			name := found[1] + found[2]
			if !slices.Contains(calls[name], script) {
				calls[name] = append(calls[name], script)
			}
		}
	}
	return calls
}

// TestCoverage: the tables of the documentation say of every operation of the service
// models whether there is one here, and which test calls it with boto3. A path here is
// that of the model, so that clients find it.
func TestCoverage(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	documents := store.NewMemory()
	tables := map[string][]restjson.Operation{
		"apigateway":   restapi.NewService(restapi.Options{Store: documents, Log: log, Documents: openapi.Documents{}}).Operations(),
		"apigatewayv2": httpapi.NewService(httpapi.Options{Store: documents, Log: log, Documents: openapi.Documents{}}).Operations(),
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for service, operations := range tables {
		want = replaceTable(t, want, "operations of "+service, coverage(t, service, operations))
	}
	for service, members := range map[string][]restjson.NoEffect{"apigateway": restapi.NoEffect, "apigatewayv2": httpapi.NoEffect} {
		want = replaceTable(t, want, "members without an effect of "+service, membersWithoutEffect(t, service, members))
	}
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("the tables of docs/management-api.md are not those of the code: run go test ./test/management -update")
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// variable is a variable of a path, whatever its name.
var variable = regexp.MustCompile(`\{[^}]*\}`)

func coverage(t *testing.T, service string, operations []restjson.Operation) string {
	t.Helper()
	byName := map[string]restjson.Operation{}
	for _, o := range operations {
		byName[o.Name] = o
	}
	calls := scriptsOf(t, service)
	var table strings.Builder
	table.WriteString("| Operation | Supported | Called by boto3 in |\n|---|---|---|\n")
	supported, model := 0, serviceModel(t, service)
	for _, m := range model {
		o, ok := byName[m.Name]
		delete(byName, m.Name)
		tested := strings.Join(calls[m.Call], ", ")
		switch {
		case !ok:
			fmt.Fprintf(&table, "| %s | no | |\n", m.Name)
			continue
		case o.Unsupported != "":
			fmt.Fprintf(&table, "| %s | refused: %s | %s |\n", m.Name, o.Unsupported, tested)
		default:
			supported++
			fmt.Fprintf(&table, "| %s | yes | %s |\n", m.Name, tested)
			if tested == "" {
				t.Errorf("%s: no script calls %s", service, m.Call)
			}
		}
		path, query, _ := strings.Cut(m.Path, "?")
		if o.Method != m.Method || variable.ReplaceAllString(o.Path, "{}") != variable.ReplaceAllString(path, "{}") || o.Query != query {
			t.Errorf("%s is called by %s %s, not by %s %s?%s", m.Name, m.Method, m.Path, o.Method, o.Path, o.Query)
		}
	}
	for name := range byName {
		t.Errorf("%s has no operation %s", service, name)
	}
	return fmt.Sprintf("%d of %d operations are supported.\n\n%s", supported, len(model), table.String())
}

// replaceTable puts a table where the page has a comment with its name.
func replaceTable(t *testing.T, text, name, table string) string {
	t.Helper()
	begin, end := "<!-- "+name+" -->\n", "<!-- end of table -->"
	before, rest, ok := strings.Cut(text, begin)
	_, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("docs/management-api.md has no place for the %s", name)
	}
	return before + begin + table + end + after
}

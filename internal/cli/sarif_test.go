package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway"
)

func TestSARIFNamesFilesOfTheRepository(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"apis/pet store.yaml":              "apis/pet%20store.yaml",
		"blue:1.yaml":                      "./blue:1.yaml",
		"../shared.yaml":                   "../shared.yaml",
		filepath.Join(here, "pets.yaml"):   "pets.yaml",
		filepath.Join("/elsewhere", "a.b"): "file:///elsewhere/a.b",
	} {
		if got := sarifURI(file); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}

// sarifObject says which keys an object of SARIF 2.1.0 has to have, and which of
// the others we use; no others exist there under these names. Keys of objects
// within are followed by a colon and the name of their kind.
// See https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html#_Toc34317413
var sarifObjects = map[string]struct{ required, optional string }{
	"sarifLog":            {"version runs:run", "$schema"},
	"run":                 {"tool:tool", "results:result columnKind"},
	"tool":                {"driver:toolComponent", ""},
	"toolComponent":       {"name", "version rules:reportingDescriptor"},
	"reportingDescriptor": {"id", ""},
	"result":              {"message:message", "ruleId level locations:location"},
	"message":             {"text", ""},
	"location":            {"", "physicalLocation:physicalLocation logicalLocations:logicalLocation"},
	"physicalLocation":    {"artifactLocation:artifactLocation", "region:region"},
	"artifactLocation":    {"uri", ""},
	"region":              {"startLine", "startColumn"},
	"logicalLocation":     {"fullyQualifiedName", ""},
}

// checkSARIF compares a value with its kind.
func checkSARIF(kind, at string, value any) (faults []string) {
	if list, ok := value.([]any); ok {
		for i, v := range list {
			faults = append(faults, checkSARIF(kind, fmt.Sprintf("%s[%d]", at, i), v)...)
		}
		return faults
	}
	object, ok := value.(map[string]any)
	if !ok {
		return []string{at + " is no " + kind}
	}
	want := sarifObjects[kind]
	known := map[string]string{}
	for i, keys := range []string{want.required, want.optional} {
		for _, key := range strings.Fields(keys) {
			name, inner, _ := strings.Cut(key, ":")
			known[name] = inner
			if _, ok := object[name]; !ok && i == 0 {
				faults = append(faults, at+" lacks "+name)
			}
		}
	}
	for name, v := range object {
		inner, ok := known[name]
		switch {
		case !ok:
			faults = append(faults, at+" has a key "+name)
		case inner != "":
			faults = append(faults, checkSARIF(inner, at+"."+name, v)...)
		}
	}
	return faults
}

func TestSARIFIsSARIF(t *testing.T) {
	at := func(file string, line, column int) gateway.Position {
		return gateway.Position{File: file, Line: line, Column: column}
	}
	for name, ds := range map[string]gateway.Diagnostics{
		"nothing": nil,
		"all kinds": {
			{Severity: gateway.Error, Code: "unknown-key", Pos: at("a b.yaml", 3, 7), Path: "apis[0].nam", Message: "m", Hint: "h"},
			{Severity: gateway.Warning, Code: "no-effect", Pos: at("-", 1, 0), Message: "m"},
			{Severity: gateway.Error, Code: "unreadable-file", Pos: at("/c.yaml", 0, 0), Message: "m"},
			{Severity: gateway.Error, Code: "unknown-key", Message: "of no file"},
		},
	} {
		var out bytes.Buffer
		if err := writeSARIF(&out, ds); err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(out.Bytes(), &value); err != nil {
			t.Fatal(err)
		}
		for _, fault := range checkSARIF("sarifLog", "log", value) {
			t.Errorf("%s: %s", name, fault)
		}
		var log sarifLog
		if err := json.Unmarshal(out.Bytes(), &log); err != nil {
			t.Fatal(err)
		}
		run := log.Runs[0]
		if log.Version != "2.1.0" || run.ColumnKind != "unicodeCodePoints" || len(run.Results) != len(ds) {
			t.Errorf("%s: version %s, column kind %s, %d results", name, log.Version, run.ColumnKind, len(run.Results))
		}
		for i, r := range run.Results {
			if !slices.Contains([]string{"none", "note", "warning", "error"}, r.Level) || r.Level != ds[i].Severity.String() {
				t.Errorf("%s: level %q", name, r.Level)
			}
			if rules := run.Tool.Driver.Rules; !slices.Contains(rules, sarifRule{r.RuleID}) || len(slices.Compact(rules)) != len(rules) {
				t.Errorf("%s: rule %s, and there are %v", name, r.RuleID, rules)
			}
			for _, l := range r.Locations {
				if _, err := url.Parse(l.Physical.Artifact.URI); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				// Lines and columns count from 1; what is not known has to be absent.
				if region := l.Physical.Region; region != nil && (region.StartLine < 1 || region.StartColumn < 0) {
					t.Errorf("%s: region %+v", name, region)
				}
			}
		}
	}
}

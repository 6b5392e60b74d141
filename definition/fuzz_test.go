package definition_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/definition"
	"gatehouse/gateway"
)

// FuzzLoad holds that no definition, and no OpenAPI document that it names, makes the
// loader panic; that there is a snapshot or an error, and never both; that every
// problem has a code and a place; that the result does not depend on chance; and that
// loading again what has not changed gives the same deployments.
func FuzzLoad(f *testing.F) {
	document := read(f, "openapi/testdata/http-api.in.yaml")
	for _, file := range glob(f, "native/testdata/*.*") {
		f.Add(read(f, file), document)
	}
	config := []byte("apis:\n  - {name: r, definition: d, stages: [{name: v1, canary: {percent: 1}}]}\n  - {name: h, protocol: HTTP, definition: d, backend: \"http://b\"}\n" +
		"domains: [{name: \"*\", mappings: [{stage: r/v1}, {path: h, stage: \"h/$default\"}]}]\n")
	for _, file := range glob(f, "openapi/testdata/*.*") {
		f.Add(config, read(f, file))
		f.Add(read(f, file), document)
	}
	f.Fuzz(func(t *testing.T, config, document []byte) {
		loader := fuzzLoader(config, document)
		first := loader.Load(t.Context(), []string{"-"})
		again := loader.Load(t.Context(), []string{"-"})
		other := fuzzLoader(config, document).Load(t.Context(), []string{"-"})
		if lines(first.Diagnostics) != lines(other.Diagnostics) || lines(first.Diagnostics) != lines(again.Diagnostics) {
			t.Fatalf("two loads differ:\n%s\n%s", lines(first.Diagnostics), lines(other.Diagnostics))
		}
		for _, d := range first.Diagnostics {
			if d.Code == "" || d.Message == "" || d.Pos.File == "" || d.Pos.Line == 0 && d.Code != "no-definitions" {
				t.Errorf("a diagnostic without place, code or message: %#v", d)
			}
		}
		if (first.Snapshot == nil) != first.Diagnostics.HasErrors() || first.Snapshot != nil && first.Draft != nil {
			t.Fatalf("a snapshot: %v, a draft: %v, problems:\n%s", first.Snapshot != nil, first.Draft != nil, lines(first.Diagnostics))
		}
		if first.Snapshot == nil {
			return
		}
		if first.Snapshot.Revision() != other.Snapshot.Revision() || first.Snapshot.Revision() == "" {
			t.Error("two loads have different revisions")
		}
		for i, a := range first.Snapshot.APIs {
			for j, s := range a.Stages {
				if s.Deployment != again.Snapshot.APIs[i].Stages[j].Deployment {
					t.Errorf("the deployment of %s/%s is another one", a.ID, s.Name)
				}
				checkDeployment(t, s.Deployment)
			}
		}
	})
}

// checkDeployment makes sure that what services build on has a place.
func checkDeployment(t *testing.T, d *gateway.Deployment) {
	for _, r := range d.Routes {
		if r.Source.IsZero() || r.Integration != nil && (r.Integration.Source.IsZero() || r.Integration.Type == "") {
			t.Errorf("the route %s, or its integration, has no place or type", r.Key())
		}
		if a := r.Authorization; a != nil && (a.Source.IsZero() || a.Type == "" || (a.Authorizer == "") != (a.Type == "AWS_IAM") || a.Authorizer != "" && d.Authorizer(a.Authorizer) == nil) {
			t.Errorf("the authorization of %s is %+v", r.Key(), a)
		}
	}
}

func fuzzLoader(config, document []byte) *definition.Loader {
	return definition.NewLoader(definition.Options{
		Stdin: func() ([]byte, error) { return config, nil },
		LookupEnv: func(name string) (string, bool) {
			return "top-secret", name != "UNSET"
		},
		ReadFile: func(name string) ([]byte, error) {
			if strings.Contains(name, "missing") {
				return nil, errors.New("it does not exist")
			}
			return document, nil
		},
	})
}

func glob(f *testing.F, pattern string) []string {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		f.Fatalf("%s: %v", pattern, err)
	}
	var plain []string
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			plain = append(plain, file)
		}
	}
	return plain
}

func read(f *testing.F, file string) []byte {
	data, err := os.ReadFile(file)
	if err != nil {
		f.Fatal(err)
	}
	return data
}

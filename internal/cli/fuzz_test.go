package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/definition"
	"gatehouse/gateway"
)

// FuzzValidate takes definitions, and a document for whatever they name, through all
// that validate does: what the translator makes of them is consistent, or it says why
// not; and it takes drafts, which have errors, without a panic.
func FuzzValidate(f *testing.F) {
	config := []byte("apis:\n  - {name: r, definition: d, stages: [{name: v1, variables: {backend: \"http://b\"}, canary: {percent: 1}}]}\n  - {name: h, protocol: HTTP, definition: d, backend: \"http://b\"}\n" +
		"backends: [{name: b, hosts: [b], endpoints: [\"127.0.0.1:1\"]}]\ndomains: [{name: \"*\", mappings: [{stage: r/v1}, {path: h, stage: \"h/$default\"}]}]\n")
	document := []byte("openapi: 3.0.3\npaths: {/a/{x}: {get: {}}}\n")
	for _, pattern := range []string{"../../definition/openapi/testdata/*.*", "../../definition/native/testdata/*.*", "../../examples/*/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil && len(data) < 20_000 {
				f.Add(config, data)
				f.Add(data, document)
			}
		}
	}
	f.Fuzz(func(t *testing.T, config, document []byte) {
		loaded := definition.NewLoader(definition.Options{
			Stdin:     func() ([]byte, error) { return config, nil },
			LookupEnv: func(string) (string, bool) { return "8080", true },
			ReadFile: func(name string) ([]byte, error) {
				if len(name) > 100 {
					return nil, errors.New("it does not exist")
				}
				return document, nil
			},
		}).Load(context.Background(), []string{"-"})
		if loaded.Draft != nil {
			for _, d := range refusals(loaded.Draft, loaded.Diagnostics) {
				checkDiagnostic(t, d)
			}
		}
		if loaded.Snapshot == nil {
			return
		}
		found, err := checkTranslation(context.Background(), loaded.Snapshot, envoyFlag{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			checkDiagnostic(t, d)
			if d.Code == "resource-invalid" || d.Code == "internal-error" {
				t.Errorf("what was accepted cannot be served: %s", d)
			}
		}
		again, err := checkTranslation(context.Background(), loaded.Snapshot, envoyFlag{})
		if err != nil || found.HasErrors() != again.HasErrors() {
			t.Error("two translations differ")
		}
	})
}

func checkDiagnostic(t *testing.T, d gateway.Diagnostic) {
	if d.Code == "" || d.Message == "" || d.Pos.Line == 0 {
		t.Errorf("a diagnostic without place, code or message: %#v", d)
	}
}

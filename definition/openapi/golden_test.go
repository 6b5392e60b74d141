package openapi_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/definition/openapi"
	"gatehouse/definition/source"
	"gatehouse/gateway"
	"gatehouse/internal/golden"
)

// TestGolden compares what good documents become with NAME.model.yaml, and what is
// said of bad ones with NAME.bad.txt.
func TestGolden(t *testing.T) {
	for _, c := range golden.Cases(t, "testdata",
		golden.Kind{Input: ".in.yaml", Result: ".model.yaml"}, golden.Kind{Input: ".in.json", Result: ".model.yaml"},
		golden.Kind{Input: ".bad.yaml", Result: ".bad.txt"}, golden.Kind{Input: ".bad.json", Result: ".bad.txt"}) {
		t.Run(c.Name, func(t *testing.T) {
			deployment, diags := parseFile(t, c.InputFile)
			bad := c.Result == ".bad.txt"
			if diags.HasErrors() != bad {
				t.Fatalf("errors: %v, want %v:\n%s", diags.HasErrors(), bad, lines(diags))
			}
			got := []byte(lines(diags))
			if !bad {
				got = dump(t, deployment, diags)
			}
			c.Compare(t, got)
		})
	}
}

func parseFile(t *testing.T, file string) (*gateway.Deployment, gateway.Diagnostics) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, filepath.Base(file), data)
}

// parse reads a document whose x-test says how it is to be imported.
func parse(t testing.TB, name string, data []byte) (*gateway.Deployment, gateway.Diagnostics) {
	t.Helper()
	var diags gateway.Diagnostics
	doc, ok := source.Parse(name, data, source.Environment{}, &diags)
	if !ok {
		return nil, diags
	}
	deployment := openapi.Parse(doc, testOptions(doc, &diags))
	diags.Sort()
	if deployment != nil {
		deployment.Seal()
	}
	return deployment, diags
}

func testOptions(doc *source.Document, diags *gateway.Diagnostics) openapi.Options {
	opts := openapi.Options{
		Protocol: gateway.REST,
		Open: func(ref string) (*source.Document, error) {
			data, err := os.ReadFile(filepath.Join("testdata", filepath.Clean("/"+ref)))
			if err != nil {
				return nil, errors.New("it does not exist")
			}
			return read(ref, data, diags)
		},
	}
	root := doc.Root()
	if !root.IsObject() {
		return opts
	}
	test := root.Object().Get("x-test")
	if !test.IsObject() {
		return opts
	}
	o := test.Object()
	if protocol := o.Get("protocol"); protocol.IsString() {
		opts.Protocol = gateway.Protocol(protocol.Raw())
	}
	opts.Backend = o.Get("backend").Raw()
	opts.Region = o.Get("region").Raw()
	opts.AccountID = o.Get("account").Raw()
	opts.Tools = o.Get("tools").Raw() == "true"
	return opts
}

func read(name string, data []byte, diags *gateway.Diagnostics) (*source.Document, error) {
	doc, ok := source.Parse(name, data, source.Environment{}, diags)
	if !ok {
		return nil, openapi.ErrNoDocument
	}
	return doc, nil
}

func lines(diags gateway.Diagnostics) string {
	var b strings.Builder
	for _, d := range diags {
		b.WriteString(d.String() + "\n")
	}
	return b.String()
}

package openapi_test

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/definition/openapi"
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// FuzzParse holds that no document makes the import panic, that every problem is
// told with a place and a code, and that the result doesn't depend on chance.
func FuzzParse(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range seeds {
		if data, err := os.ReadFile(seed); err == nil {
			f.Add(data, true)
			f.Add(data, false)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, rest bool) {
		protocol := gateway.HTTP
		if rest {
			protocol = gateway.REST
		}
		first, diags := fuzzOnce(data, protocol)
		second, again := fuzzOnce(data, protocol)
		if lines(diags) != lines(again) {
			t.Errorf("two imports of one document differ:\n%s\n%s", lines(diags), lines(again))
		}
		for _, d := range diags {
			if d.Code == "" || d.Message == "" || d.Pos.File == "" || d.Pos.Line == 0 {
				t.Errorf("a diagnostic without place, code or message: %v", d)
			}
		}
		if first == nil {
			if !diags.HasErrors() {
				t.Error("nothing came of the document and nothing was said")
			}
			return
		}
		if first.Seal().Hash() != second.Seal().Hash() {
			t.Error("two imports of one document have different hashes")
		}
	})
}

func fuzzOnce(data []byte, protocol gateway.Protocol) (*gateway.Deployment, gateway.Diagnostics) {
	var diags gateway.Diagnostics
	doc, ok := source.Parse("fuzz", data, source.Environment{}, &diags)
	if !ok {
		return nil, diags
	}
	// Referring to another file leads to the same document, under another name.
	opts := openapi.Options{Protocol: protocol, Backend: "fuzz", Open: func(ref string) (*source.Document, error) {
		return read(ref, data, &diags)
	}}
	deployment := openapi.Parse(doc, opts)
	diags.Sort()
	return deployment, diags
}

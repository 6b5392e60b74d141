package openapi_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/definition/openapi"
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

var update = flag.Bool("update", false, "rewrite the expected results in testdata")

// TestGolden compares what good documents become with NAME.model.yaml, and what is
// said of bad ones with NAME.bad.txt.
func TestGolden(t *testing.T) {
	expected := map[string]bool{}
	for _, pattern := range []string{"*.in.yaml", "*.in.json", "*.bad.yaml", "*.bad.json"} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			base, kind, _ := strings.Cut(filepath.Base(file), ".")
			bad := strings.HasPrefix(kind, "bad.")
			out := filepath.Join("testdata", base+".model.yaml")
			if bad {
				out = filepath.Join("testdata", base+".bad.txt")
			}
			expected[out] = true
			t.Run(base, func(t *testing.T) {
				deployment, diags := parseFile(t, file)
				if diags.HasErrors() != bad {
					t.Fatalf("errors: %v, want %v:\n%s", diags.HasErrors(), bad, lines(diags))
				}
				got := []byte(lines(diags))
				if !bad {
					got = dump(t, deployment, diags)
				}
				compare(t, out, got)
			})
		}
	}
	orphans(t, expected)
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run go test -update)", err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs (-want +got; go test -update accepts it):\n%s", file, cmp.Diff(string(want), string(got)))
	}
}

// orphans finds results whose input is gone.
func orphans(t *testing.T, expected map[string]bool) {
	for _, pattern := range []string{"*.model.yaml", "*.bad.txt"} {
		files, _ := filepath.Glob(filepath.Join("testdata", pattern))
		for _, file := range files {
			if expected[file] {
				continue
			}
			if *update {
				os.Remove(file)
				continue
			}
			t.Errorf("%s has no input", file)
		}
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

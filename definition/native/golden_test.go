package native_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/definition/native"
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
			data, err := os.ReadFile(c.InputFile)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(c.InputFile)
			config, diags := parse(name, data)
			bad := c.Result == ".bad.txt"
			if diags.HasErrors() != bad {
				t.Fatalf("errors: %v, want %v:\n%s", diags.HasErrors(), bad, lines(diags))
			}
			got := []byte(lines(diags))
			if !bad {
				got = dump(t, name, config)
			}
			c.Compare(t, got)
		})
	}
}

// TestGoldenKnowsEveryKey holds that the good cases have every key that the
// documentation names: a key which is documented is one that is tested.
func TestGoldenKnowsEveryKey(t *testing.T) {
	docs, err := os.ReadFile("../../docs/definitions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, ours, _ := strings.Cut(string(docs), "## gatehouse.yaml")
	ours, _, _ = strings.Cut(ours, "\n## ")
	cases, err := os.ReadFile("testdata/everything.in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	for line := range strings.Lines(ours) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range regexp.MustCompile("`([A-Za-z]+)`").FindAllStringSubmatch(first, -1) {
			keys++
			if !regexp.MustCompile(`\b` + m[1] + `:`).Match(cases) {
				t.Errorf("testdata/everything.in.yaml lacks the key %s", m[1])
			}
		}
	}
	if keys < 40 {
		t.Errorf("only %d keys were found in the documentation", keys)
	}
}

// environment is what ${NAME} finds in the tests.
var environment = map[string]string{
	"NAME": "shop", "TOKEN": "0123456789-0123456789", "PORT": "8443", "EMPTY": "",
	"LONG": strings.Repeat("long-secret-", 1000),
	"PEM":  "-----BEGIN CERTIFICATE-----\nfrom the environment\n-----END CERTIFICATE-----\n",
	"KEY":  "top-secret-----BEGIN PRIVATE KEY-----\nfrom the environment\n",
}

func parse(name string, data []byte) (*native.Config, gateway.Diagnostics) {
	var diags gateway.Diagnostics
	doc, ok := source.Parse(name, data, source.Environment{
		Variable: func(name string) (string, bool) {
			value, ok := environment[name]
			return value, ok
		},
		ReadFile: func(path string) ([]byte, error) {
			data, err := os.ReadFile(filepath.Join("testdata", filepath.Clean("/"+path)))
			if err != nil {
				return nil, errors.New(path + " does not exist")
			}
			return data, nil
		},
	}, &diags)
	if !ok {
		return nil, diags
	}
	config := native.Parse(doc)
	diags.Sort()
	return config, diags
}

func lines(diags gateway.Diagnostics) string {
	var b strings.Builder
	for _, d := range diags {
		b.WriteString(d.String() + "\n")
	}
	return b.String()
}

// TestSecretsStayHidden holds that no message repeats what the environment or a file
// holds, in every bad document of the golden cases.
func TestSecretsStayHidden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, diags := parse(file, data)
		for _, d := range diags {
			for _, secret := range []string{"top-secret", "long-secret", "a-key-from-a-file"} {
				if strings.Contains(d.String(), secret) {
					t.Errorf("%s tells a secret: %s", file, d)
				}
			}
		}
	}
}

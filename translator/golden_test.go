package translator_test

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/internal/golden"
	"gatehouse/internal/wire"
	"gatehouse/translator"
)

// TestGolden compares the Envoy resources that good definitions become with
// NAME.xds.yaml, and what is said of bad ones with NAME.bad.txt. An OpenAPI document
// that a definition names lies beside it.
//
// A line "# golden: VIEW [NAME]; …" of a definition tells what its golden shows: a view
// (see shownTypes) of those resources whose names the pattern matches. For the view
// "route" the pattern is for routes, such as "GET /pets".
func TestGolden(t *testing.T) {
	used := map[string]bool{}
	for _, c := range golden.Cases(t, "testdata",
		golden.Kind{Input: ".in.yaml", Result: ".xds.yaml"}, golden.Kind{Input: ".bad.yaml", Result: ".bad.txt"}) {
		loaded := load(t, c.InputFile)
		for _, file := range loaded.Files {
			used[file] = true
		}
		t.Run(c.Name, func(t *testing.T) {
			out, diags := translate(loaded)
			if c.Result == ".bad.txt" {
				if out != nil {
					t.Fatalf("this was translated:\n%s", lines(diags))
				}
				c.Compare(t, []byte(lines(diags)))
				return
			}
			if out == nil {
				t.Fatalf("this was not translated:\n%s", lines(diags))
			}
			got := render(t, out, selection(t, c.InputFile))
			for _, d := range diags {
				got = append(got, "# "+strings.ReplaceAll(d.String(), "testdata/", "")+"\n"...)
			}
			c.Compare(t, got)
		})
	}
	// Documents that no case refers to would be dead weight.
	documents, _ := filepath.Glob("testdata/*.openapi.*")
	for _, file := range documents {
		if !used[file] {
			t.Errorf("no definition names %s", file)
		}
	}
}

func load(t testing.TB, file string) definition.Result {
	t.Helper()
	nothing := func(string) (string, bool) { return "", false }
	return definition.NewLoader(definition.Options{LookupEnv: nothing}).Load(t.Context(), []string{file})
}

// translate gives nothing when reading or translating has found errors.
func translate(loaded definition.Result) (*translator.Output, gateway.Diagnostics) {
	diags := slices.Clone(loaded.Diagnostics)
	if loaded.Snapshot == nil {
		return nil, diags
	}
	out, more := translator.New().Translate(loaded.Snapshot)
	diags = append(diags, more...)
	diags.Sort()
	return out, diags
}

func lines(diags gateway.Diagnostics) string {
	var b strings.Builder
	for _, d := range diags {
		b.WriteString(strings.ReplaceAll(d.String(), "testdata"+string(filepath.Separator), "") + "\n")
	}
	return b.String()
}

// A shown is an entry of a "# golden:" line.
type shown struct{ view, name string }

func selection(t *testing.T, file string) []shown {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		wanted, ok := strings.CutPrefix(string(line), "# golden: ")
		if !ok {
			continue
		}
		var list []shown
		for entry := range strings.SplitSeq(wanted, ";") {
			view, name, named := strings.Cut(strings.TrimSpace(entry), " ")
			if !named {
				name = "**"
			}
			list = append(list, shown{view, strings.TrimSpace(name)})
		}
		return list
	}
	t.Fatalf(`%s has no line "# golden: VIEW [NAME]; …"`, file)
	return nil
}

// matches compares a resource's name with a pattern in which * stands for text
// without slashes, and ** alone for all names.
func (s shown) matches(name string) bool {
	ok, err := path.Match(s.name, name)
	// What there is for connections with an earlier chain is the same everywhere.
	return s.name == "**" && !strings.HasPrefix(name, wire.PresentChainCluster+"/") || ok && err == nil
}

// Package golden compares what tests make of the files in a folder with the results
// kept beside them. "go test -update" rewrites the results.
package golden

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected results in testdata")

// A Kind is a sort of case: how the names of its inputs and of their results end,
// such as ".in.yaml" and ".model.yaml".
type Kind struct{ Input, Result string }

// A Case is an input with the file that holds its expected result.
type Case struct {
	Kind
	// Name is what the names of both files begin with.
	Name                  string
	InputFile, ResultFile string
}

// Cases finds the inputs of all kinds in a folder, sorted by name. A result without
// an input is an error, or with -update removed, and so are two inputs with one result.
func Cases(t testing.TB, dir string, kinds ...Kind) []Case {
	t.Helper()
	var cases []Case
	expected := map[string]string{}
	for _, k := range kinds {
		for _, file := range glob(t, dir, k.Input) {
			c := Case{Kind: k, Name: strings.TrimSuffix(filepath.Base(file), k.Input), InputFile: file}
			c.ResultFile = filepath.Join(dir, c.Name+k.Result)
			if other, taken := expected[c.ResultFile]; taken {
				t.Errorf("%s and %s have the same result, %s", other, file, c.ResultFile)
			}
			expected[c.ResultFile] = file
			cases = append(cases, c)
		}
	}
	results := map[string]bool{}
	for _, k := range kinds {
		for _, file := range glob(t, dir, k.Result) {
			results[file] = true
		}
	}
	for _, file := range slices.Sorted(maps.Keys(results)) {
		switch _, wanted := expected[file]; {
		case wanted:
		case *update:
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("%s has no input", file)
		}
	}
	if len(cases) == 0 {
		t.Errorf("no cases in %s", dir)
	}
	slices.SortFunc(cases, func(a, b Case) int { return strings.Compare(a.InputFile, b.InputFile) })
	return cases
}

func glob(t testing.TB, dir, ending string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"+ending))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Compare holds a result against the case's expected one, or with -update keeps it
// as that.
func (c Case) Compare(t testing.TB, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(c.ResultFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(c.ResultFile)
	if err != nil {
		t.Fatalf("%v (run go test -update)", err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs (-want +got; go test -update accepts it):\n%s", c.ResultFile, cmp.Diff(string(want), string(got)))
	}
}

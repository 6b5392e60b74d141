package gateway_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

func TestDiagnosticsSort(t *testing.T) {
	at := func(file string, line, column int) gateway.Position {
		return gateway.Position{File: file, Line: line, Column: column}
	}
	sorted := gateway.Diagnostics{
		{Pos: gateway.Position{}, Code: "z", Message: "no place"},
		{Pos: at("a.yaml", 0, 0), Code: "z", Message: "a file"},
		{Pos: at("a.yaml", 2, 1), Code: "z", Message: "m"},
		{Pos: at("a.yaml", 2, 9), Code: "z", Message: "m"},
		{Pos: at("a.yaml", 10, 1), Code: "b", Message: "m"},
		{Pos: at("a.yaml", 10, 1), Code: "c", Message: "a", Path: "x", Hint: "1"},
		{Pos: at("a.yaml", 10, 1), Code: "c", Message: "a", Path: "x", Hint: "2"},
		{Pos: at("a.yaml", 10, 1), Code: "c", Message: "a", Path: "y", Hint: "1"},
		{Pos: at("a.yaml", 10, 1), Code: "c", Message: "b"},
		{Pos: at("a.yaml", 10, 1), Code: "a", Message: "a", Severity: gateway.Warning},
		{Pos: at("b.yaml", 1, 1), Code: "a", Message: "m"},
	}
	for range 50 {
		// Each twice: repeats go.
		got := append(slices.Clone(sorted), sorted...)
		rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		got.Sort()
		if diff := cmp.Diff(sorted, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
}

func TestDiagnosticsText(t *testing.T) {
	var ds gateway.Diagnostics
	if ds.HasErrors() || ds.Err() != nil {
		t.Error("nothing is no error")
	}
	ds.Warnf("careful", gateway.Position{File: "a.yaml"}, "apis[0]", "", "%d things", 2)
	if ds.HasErrors() || ds.Err() != nil {
		t.Error("a warning is no error")
	}
	ds.Errorf("wrong", gateway.Position{File: "a.yaml", Line: 3, Column: 7}, "apis[1]", "mend it", "100%% of %s", "it")
	ds.Errorf("lost", gateway.Position{}, "", "", "somewhere")
	var got []string
	for _, d := range ds {
		got = append(got, d.String())
	}
	want := []string{"a.yaml: warning careful: 2 things", "a.yaml:3:7: error wrong: 100% of it (mend it)", "-: error lost: somewhere"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := ds.Err(); !ds.HasErrors() || err == nil || err.Error() != want[1]+"\n"+want[2] {
		t.Errorf("%v", err)
	}
}

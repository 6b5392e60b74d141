package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestPiecesAreTheWhole writes JSON piece by piece, and as a whole: both are the same.
func TestPiecesAreTheWhole(t *testing.T) {
	odd := []any{
		"", " ", "\n", "two\nlines", "ends\n\n", "\nbegins", "a: b", "- a", "# no", "yes", "1", "null", "~", "é\u2028\t", "'\"", "{x}", "%", strings.Repeat("long ", 100),
		1, -1.5, 1e100, true, false, nil, []any{}, map[string]any{}, []any{[]any{[]any{1}}}, map[string]any{"": "", "a\nb": "c\n\nd\n", "null": nil},
	}
	var large []any
	for i := range yamlPiece / 100 {
		large = append(large, map[string]any{"name": fmt.Sprint("item ", i), "value": odd[i%len(odd)], "more": []any{odd[(i+1)%len(odd)], strings.Repeat("x", 60)}})
	}
	keyed := map[string]any{"short": 1, "yes": large, "a: b": map[string]any{"in": odd}}
	for name, document := range map[string]any{
		"a scalar": "x", "small": odd, "a list": large, "a list of lists": []any{odd, []any{large}}, "an object": keyed, "objects in lists": []any{1, map[string]any{"in": large}, 2},
		"long text": map[string]any{"text": strings.Repeat("line\n\n  more\n", yamlPiece/8)},
	} {
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		var whole, pieces bytes.Buffer
		if err := writeYAML(&whole, json.RawMessage(text)); err != nil {
			t.Fatal(err)
		}
		if err := writePieces(&pieces, text); err != nil {
			t.Fatal(err)
		}
		if want, got := whole.String(), pieces.String(); got != want {
			wanted := slices.Collect(strings.Lines(want))
			for i, line := range slices.Collect(strings.Lines(got)) {
				if i >= len(wanted) || line != wanted[i] {
					t.Errorf("%s: line %d is %.200q, want %.200q", name, i+1, line, wanted[min(i, len(wanted)-1)])
					break
				}
			}
			if len(got) != len(want) {
				t.Errorf("%s: %d bytes, want %d", name, len(got), len(want))
			}
		}
	}
}

// TestTranslateSeveralGateways holds the form of what is printed to that of one value.
func TestTranslateSeveralGateways(t *testing.T) {
	contents := petstore(8080, "http://127.0.0.1:9101")
	contents["gatehouse.yaml"] = strings.Replace(contents["gatehouse.yaml"], "gateways:\n", "gateways:\n  - {name: inner, listeners: [{port: 8099, address: 127.0.0.1}]}\n", 1)
	dir := files(t, contents)
	asJSON, asYAML := command(t, "translate", "-o", "json", dir), command(t, "translate", dir)
	var list []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(asJSON.out), &list); err != nil || len(list) != 2 {
		t.Fatalf("%v: %+v", err, asJSON)
	}
	var again bytes.Buffer
	if err := json.Indent(&again, []byte(asJSON.out), "", "  "); err != nil || again.String() != asJSON.out {
		t.Errorf("%v: it is indented otherwise", err)
	}
	if n := strings.Count(asYAML.out, "---\n"); n != 1 || strings.HasPrefix(asYAML.out, "---") || strings.Count(asYAML.out, "gateway: ") != 2 {
		t.Errorf("%d lines between documents:\n%.300s", n, asYAML.out)
	}
	for _, of := range list {
		if len(of) != len(resourceTypes)+1 {
			t.Errorf("it has %v", slices.Sorted(maps.Keys(of)))
		}
	}
}

package source_test

import (
	"strings"
	"testing"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// Places in a text are told where the document has the text as it is.
func TestTextSource(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		// mark is what is looked for, in the text and in the file.
		mark  string
		exact bool
	}{
		"a block":                    {"a:\n  t: |\n    one\n      two MARK\n", "MARK", true},
		"a block after empty lines":  {"a:\n  t: |\n\n\n    one\n    MARK\n", "MARK", true},
		"a block with a chomping":    {"a:\n  t: |-\n    MARK\n\n", "MARK", true},
		"a block behind an alias":    {"a:\n  x: &x |\n    one\n    MARK\n  t: *x\n", "MARK", true},
		"a block with its indent":    {"a:\n  t: |2\n      MARK\n", "MARK", false},
		"a folded text":              {"a:\n  t: >\n    one\n    MARK\n", "MARK", false},
		"a quoted text":              {"a:\n  t: \"one\\nMARK\"\n", "MARK", false},
		"JSON":                       {`{"a": {"t": "one\nMARK"}}`, "MARK", false},
		"a block of Windows":         {"a:\r\n  t: |\r\n    one\r\n    MARK\r\n", "MARK", true},
		"a block with other letters": {"a:\n  t: |\n    ü MARK\n", "MARK", true},
	} {
		var diags gateway.Diagnostics
		doc, ok := source.Parse("f.yaml", []byte(c.text), source.Environment{}, &diags)
		if !ok {
			t.Fatalf("%s: %v", name, diags)
		}
		v := doc.Root().Object().Get("a").Object().Get("t")
		inText, inFile := place(v.Raw(), c.mark), place(c.text, c.mark)
		pos, exact := v.TextSource().At(inText[0], inText[1])
		if exact != c.exact {
			t.Errorf("%s: exact is %v", name, exact)
		}
		if want := (gateway.Position{File: "f.yaml", Line: inFile[0], Column: inFile[1]}); exact && pos != want {
			t.Errorf("%s: %v, want %v", name, pos, want)
		}
		if !exact && pos != v.Pos() {
			t.Errorf("%s: %v, want %v", name, pos, v.Pos())
		}
	}
}

// place is the line and the column of a mark.
func place(text, mark string) [2]int {
	before, _, _ := strings.Cut(text, mark)
	return [2]int{strings.Count(before, "\n") + 1, len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1}
}

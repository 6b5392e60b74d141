package source_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// FuzzParse holds that no file makes the reader panic, that one which is refused is
// so at a place in it, that positions lead to what was read, and that JSON means
// what encoding/json says it means.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"../native/testdata/*.*", "../openapi/testdata/*.*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			if data, err := os.ReadFile(file); err == nil && len(data) < 10_000 {
				f.Add(data)
			}
		}
	}
	for _, seed := range []string{
		"a: &a [1, *a]\n", "a: &a {b: 1}\nc: {<<: *a}\n", "a: |\n  x\n\ty\n", "? [a]\n: b\n", "{\"a\": [1, 2.5e3, true, null, \"\\u00fc\"]}",
		"\ufeffa: \"\u2028\"\r\nb: \u65e5\n", "---\n---\n", "%YAML 1.2\n---\n!!str a\n", "{a: [}", "a: 'x\n", "[[[[[[", "\xff\xfe", "?", "a: !Sub x\n", "- - - a\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, name := range []string{"f", "f.json"} {
			var diags gateway.Diagnostics
			doc, ok := source.Parse(name, data, source.Environment{}, &diags)
			if !ok {
				checkRefusal(t, data, diags)
				continue
			}
			if len(diags) > 0 {
				t.Errorf("a file that was read has problems: %v", diags)
			}
			checkPositions(t, data, doc.Root())
			readAll(doc.Root())
			if name == "f.json" && json.Valid(data) {
				checkMeaning(t, data, doc.Root().Node())
			}
		}
	})
}

func checkRefusal(t *testing.T, data []byte, diags gateway.Diagnostics) {
	if len(diags) != 1 || diags[0].Code == "" || diags[0].Message == "" || diags[0].Pos.File == "" {
		t.Fatalf("a file that cannot be read has not one problem, but %v", diags)
	}
	checkPlace(t, data, diags[0].Pos)
}

// checkPlace makes sure that a position is in the file, or right behind it.
func checkPlace(t *testing.T, data []byte, p gateway.Position) (rest []byte) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	lines := bytes.SplitAfter(data, []byte("\n"))
	if p.Line < 1 || p.Line > len(lines) || p.Column < 1 {
		t.Fatalf("%s is outside of the file of %d lines", p, len(lines))
	}
	line := lines[p.Line-1]
	for range p.Column - 1 {
		if len(line) == 0 {
			t.Fatalf("%s is outside of the line %q", p, lines[p.Line-1])
		}
		line = line[len(string([]rune(string(line[:min(4, len(line))]))[:1])):]
	}
	return line
}

// checkPositions makes sure that a value is where it is said to be.
func checkPositions(t *testing.T, data []byte, v source.Value) {
	switch {
	case v.IsObject():
		for _, e := range v.Object().Entries() {
			checkPositions(t, data, e.KeyValue)
			checkPositions(t, data, e.Value)
		}
	case v.IsList():
		for _, item := range v.List() {
			checkPositions(t, data, item)
		}
	}
	rest := checkPlace(t, data, v.Pos())
	n := v.Node()
	first := byte(0)
	if len(rest) > 0 {
		first = rest[0]
	}
	if first == '&' || first == '!' || first == '*' {
		return // the value comes after its anchor or tag, or stands elsewhere
	}
	plain := n.Kind == yaml.ScalarNode && n.Style == 0 && !strings.ContainsAny(n.Value, " \n")
	switch {
	case plain && !bytes.HasPrefix(rest, []byte(n.Value)) && (n.Tag != "!!null" || n.Value != ""):
		t.Fatalf("%s is %q, not %q", v.Pos(), rest, n.Value)
	case n.Style&yaml.DoubleQuotedStyle != 0 && first != '"', n.Style&yaml.SingleQuotedStyle != 0 && first != '\'':
		t.Fatalf("%s is %q, not in quotes as %q", v.Pos(), rest, n.Value)
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && first != '|' && first != '>':
		t.Fatalf("%s is %q, not a block", v.Pos(), rest)
	}
}

// readAll reads every value as everything.
func readAll(v source.Value) {
	v.Text()
	v.Bool(false)
	v.Int(0, 1, 2)
	v.Number(0, 1, 2)
	v.Millis(0, 0)
	v.Bytes(0)
	v.OneOf("a", "b")
	v.Texts()
	v.StringMap()
	v.Secret()
	for _, item := range v.List() {
		readAll(item)
	}
	o := v.Object()
	o.Require("a")
	o.RequireText("name")
	for _, e := range o.Unread() {
		readAll(e.Value)
	}
	o.Done()
}

// checkMeaning compares a tree with what encoding/json makes of the text. Where a
// key stands twice, the tree has both, and JSON the last.
func checkMeaning(t *testing.T, data []byte, n *yaml.Node) {
	var want any
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	dec.UseNumber()
	if err := dec.Decode(&want); err != nil {
		return // a byte order mark is not JSON's
	}
	if got := meaning(n); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func meaning(n *yaml.Node) any {
	switch {
	case n.Kind == yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = meaning(n.Content[i+1])
		}
		return m
	case n.Kind == yaml.SequenceNode:
		list := []any{}
		for _, child := range n.Content {
			list = append(list, meaning(child))
		}
		return list
	case n.Tag == "!!str":
		return n.Value
	case n.Tag == "!!bool":
		return n.Value == "true"
	case n.Tag == "!!null":
		return nil
	}
	return json.Number(n.Value)
}

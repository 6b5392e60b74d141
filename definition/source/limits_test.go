package source_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// TestLimits holds that no file costs much more than it weighs: each of these would
// take minutes, gigabytes or the stack without its bound.
func TestLimits(t *testing.T) {
	deep := func(open, end string) string {
		return strings.Repeat(open, 100_000) + "1" + strings.Repeat(end, 100_000)
	}
	most := source.MaxBytes - 16
	tests := map[string]struct{ text, want string }{
		"too many bytes":             {strings.Repeat("#\n", source.MaxBytes/2) + "a", "file-too-large"},
		"deep lists in JSON":         {deep("[", "]"), "too-deep"},
		"deep objects in JSON":       {deep(`{"a":`, "}"), "too-deep"},
		"deep lists in flow YAML":    {"a: " + deep("[", "]"), "too-deep"},
		"deep objects in flow YAML":  {deep("{a: ", "}"), "too-deep"},
		"deep lists in block YAML":   {deep("- ", ""), "too-deep"},
		"deep keys in block YAML":    {deep("? ", ""), "too-deep"},
		"deep objects in block YAML": {deepBlock(2000), "too-deep"},
		"a deep alias":               {"a: &a " + strings.Repeat("[", 60) + strings.Repeat("]", 60) + "\nb: " + strings.Repeat("[", 60) + "*a" + strings.Repeat("]", 60), "too-deep"},
		"aliases multiply":           {bomb("[%s]"), "alias-bomb"},
		"merge keys multiply":        {bomb("{<<: [%s]}"), "alias-bomb"},
		"many lines":                 {"a:\n" + strings.Repeat("- a\n", most/4), "too-many-values"},
		"many items":                 {"a: [" + strings.Repeat("1,", most/2) + "]", "too-many-values"},
		"many keys":                  {"a: {" + strings.Repeat("b,", most/2) + "}", "too-many-values"},
		"many items in JSON":         {"[" + strings.Repeat("1,", most/2) + "1]", "too-many-values"},
		"many lists in JSON":         {"[" + strings.Repeat("[],", most/3) + "1]", "too-many-values"},
		"many documents":             {strings.Repeat("---\n", most/4), "too-many-values"},
		"many comments":              {"a: 1\n" + strings.Repeat("# x\n", most/4), ""},
		"a long text":                {"a: \"" + strings.Repeat("x", most) + "\"", ""},
		"a long text in JSON":        {"{\"a\": \"" + strings.Repeat("x", most) + "\"}", ""},
		"many blank lines in JSON":   {strings.Repeat("\n", most) + "{}", ""},
		"many lines of block text":   {"a: |\n" + strings.Repeat(" x\n", 1_900_000), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var diags gateway.Diagnostics
			_, ok := source.Parse("f", []byte(test.text), source.Environment{}, &diags)
			runtime.ReadMemStats(&after)
			switch {
			case ok != (test.want == ""):
				t.Errorf("read: %v, %v", ok, diags)
			case !ok && (len(diags) != 1 || diags[0].Code != test.want || diags[0].Pos.Line == 0):
				t.Errorf("want %s, got %v", test.want, diags)
			}
			// What was allocated in all is a bound that no other test disturbs much.
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<30 {
				t.Errorf("%d MB were allocated", spent>>20)
			}
		})
	}
}

func deepBlock(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// bomb is a document whose every line uses the one before nine times.
func bomb(format string) string {
	var b strings.Builder
	b.WriteString("a0: &a0 {x: 1}\n")
	for i := 1; i < 12; i++ {
		aliases := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ",")
		fmt.Fprintf(&b, "a%d: &a%d %s\n", i, i, fmt.Sprintf(format, aliases))
	}
	return b.String()
}

// TestManyProblems holds that a file with endless mistakes is not told endlessly,
// and that an error which is left out leaves one behind.
func TestManyProblems(t *testing.T) {
	var diags gateway.Diagnostics
	doc, ok := source.Parse("f", []byte("["+strings.Repeat("x,\n", 5000)+"]"), source.Environment{}, &diags)
	if !ok {
		t.Fatal(diags)
	}
	for i, v := range doc.Root().List() {
		if i < 2000 {
			v.Warnf("some-warning", "", "warning")
		}
	}
	if len(diags) != 1001 || diags.HasErrors() || diags[1000].Code != "too-many-problems" || diags[1000].Pos.Line != 1001 {
		t.Errorf("%d warnings, the last: %v", len(diags), diags[len(diags)-1])
	}
	if doc.HasTooManyErrors() {
		t.Error("warnings count as errors")
	}
	for _, v := range doc.Root().List() {
		v.Errorf("some-error", "", "error")
	}
	if last := diags[len(diags)-1]; len(diags) != 2002 || last.Code != "too-many-problems" || last.Severity != gateway.Error {
		t.Errorf("%d problems, the last: %v", len(diags), last)
	}
	if !doc.HasTooManyErrors() {
		t.Error("5000 errors are not too many")
	}
}

// TestLongTextsInMessages holds that a message does not repeat a text of any length,
// and that a path through long keys does not grow with each value below.
func TestLongTextsInMessages(t *testing.T) {
	long := strings.Repeat("é", 1<<20)
	var diags gateway.Diagnostics
	doc, ok := source.Parse("f", []byte(fmt.Sprintf(`{%q: {"a": [1, %q]}, "port": %q, "unknown": {%q: 1}}`, long, long, long, long)), source.Environment{}, &diags)
	if !ok {
		t.Fatal(diags)
	}
	root := doc.Root().Object()
	root.Get("port").Int(0, 1, 2)
	root.Get("port").OneOf("a", "b")
	root.Get(long).Object().Get("a").List()[1].Bool(false)
	root.Get(long).Warnf("some-warning", "", "%s", long)
	root.Get("unknown").Object().Done()
	if len(diags) != 5 {
		t.Fatalf("%d problems", len(diags))
	}
	for _, d := range diags {
		if len(d.String()) > 2000 || len(d.Path) > 300 {
			t.Errorf("a message of %d bytes, a path of %d: %.200s", len(d.String()), len(d.Path), d)
		}
	}
}

// TestMessagesStayOnTheirLine holds that a definition cannot write lines, or
// commands to the terminal, into a report.
func TestMessagesStayOnTheirLine(t *testing.T) {
	var diags gateway.Diagnostics
	doc, ok := source.Parse("f", []byte(`{"a": "\u001b[2Jx\ny\u0085\u2028"}`), source.Environment{}, &diags)
	if !ok {
		t.Fatal(diags)
	}
	v := doc.Root().Object().Get("a")
	v.Errorf("some-error", "", "%s", v.Raw())
	if want := "f:1:7: error some-error:  [2Jx y  \n"; lines(diags) != want {
		t.Errorf("got %q, want %q", lines(diags), want)
	}
}

package source_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// in reads one value with an environment.
func in(t *testing.T, text string) (source.Value, *gateway.Diagnostics) {
	t.Helper()
	diags := &gateway.Diagnostics{}
	doc, ok := source.Parse("f", []byte("v: "+text+"\n"), source.Environment{
		Variable: func(name string) (string, bool) {
			value, ok := map[string]string{"A": "a", "NUMBER": "7", "EMPTY": "", "_x1": "$$${A}"}[name]
			return value, ok
		},
		ReadFile: func(path string) ([]byte, error) {
			if path == "there" {
				return []byte("content\r\n\n"), nil
			}
			return nil, errors.New("it does not exist")
		},
	}, diags)
	if !ok {
		t.Fatalf("%s: %v", text, *diags)
	}
	return doc.Root().Object().Get("v"), diags
}

func TestScalars(t *testing.T) {
	text := func(v source.Value) any { return v.Text() }
	whole := func(v source.Value) any { return v.Int(-1, 0, 100) }
	number := func(v source.Value) any { return v.Number(-1, 0, 100) }
	boolean := func(v source.Value) any { return v.Bool(true) }
	millis := func(v source.Value) any { return v.Millis(-1, 0) }
	atLeast := func(v source.Value) any { return v.Millis(-1, time.Second) }
	size := func(v source.Value) any { return v.Bytes(-1) }
	choice := func(v source.Value) any { return v.OneOf("one", "Two") }
	secret := func(v source.Value) any { return v.Secret().Reveal() }
	tests := []struct {
		read func(source.Value) any
		text string
		want any
		code string
	}{
		{text, "x", "x", ""}, {text, "1.50", "1.50", ""}, {text, "true", "true", ""}, {text, "2020-01-01", "2020-01-01", ""},
		{text, "~", "", ""}, {text, `""`, "", ""}, {text, "{}", "", "wrong-type"}, {text, "[]", "", "wrong-type"},
		{text, `"${A}-${NUMBER}"`, "a-7", ""}, {text, `"$${A} $$ $A ${} ${A ${A:x}"`, "${A} $ $A ${} ${A ${A:x}", ""},
		{text, `"${UNSET:-} ${UNSET:-x:-y} ${EMPTY:-z}"`, " x:-y ", ""}, {text, `"${_x1}"`, "$$${A}", ""},
		{text, `"${stageVariables.x} ${AWS::Region}"`, "${stageVariables.x} ${AWS::Region}", ""}, {text, `"${UNSET}"`, "", "unset-variable"},

		{whole, "7", int64(7), ""}, {whole, `"7"`, int64(7), ""}, {whole, `"${NUMBER}"`, int64(7), ""}, {whole, "~", int64(-1), ""},
		{whole, "101", int64(-1), "out-of-range"}, {whole, "-1", int64(-1), "out-of-range"}, {whole, "99999999999999999999", int64(-1), "out-of-range"},
		{whole, "7.0", int64(-1), "wrong-type"}, {whole, "0x7", int64(-1), "wrong-type"}, {whole, "true", int64(-1), "wrong-type"},
		{whole, "{a: 1}", int64(-1), "wrong-type"}, {whole, `"${A}"`, int64(-1), "wrong-type"}, {whole, `"${UNSET}"`, int64(-1), "unset-variable"},

		{number, "0.5", 0.5, ""}, {number, "1e1", 10.0, ""}, {number, "~", -1.0, ""}, {number, "1e999", -1.0, "out-of-range"},
		{number, ".nan", -1.0, "wrong-type"}, {number, "nan", -1.0, "wrong-type"}, {number, "-0.1", -1.0, "out-of-range"}, {number, "[]", -1.0, "wrong-type"},

		{boolean, "false", false, ""}, {boolean, "FALSE", false, ""}, {boolean, `"false"`, false, ""}, {boolean, "~", true, ""},
		{boolean, "no", true, "wrong-type"}, {boolean, "0", true, "wrong-type"}, {boolean, "[]", true, "wrong-type"},

		{millis, "1m30s", int64(90_000), ""}, {millis, "0", int64(0), ""}, {millis, "1.5s", int64(1500), ""}, {millis, "24h", int64(86_400_000), ""},
		{millis, "5", int64(-1), "wrong-type"}, {millis, "-1s", int64(-1), "out-of-range"}, {millis, "24h1ms", int64(-1), "out-of-range"},
		{millis, "1us", int64(-1), "out-of-range"}, {millis, "[]", int64(-1), "wrong-type"}, {millis, "9999999999999h", int64(-1), "wrong-type"},
		{atLeast, "0s", int64(-1), "out-of-range"}, {atLeast, "1s", int64(1000), ""},

		{size, "10", int64(10), ""}, {size, "10 B", int64(10), ""}, {size, "2kb", int64(2000), ""}, {size, "2KiB", int64(2048), ""},
		{size, "3MB", int64(3_000_000), ""}, {size, "3 mib", int64(3 << 20), ""}, {size, "1GiB", int64(1 << 30), ""}, {size, "8GB", int64(8e9), ""},
		{size, "9223372036854775807", int64(math.MaxInt64), ""}, {size, "9223372036854775808", int64(-1), "out-of-range"},
		{size, "9007199254740992KiB", int64(-1), "out-of-range"}, {size, "1.5MB", int64(-1), "wrong-type"}, {size, "1TB", int64(-1), "wrong-type"},

		{choice, "ONE", "one", ""}, {choice, "two", "Two", ""}, {choice, "~", "", ""}, {choice, "tow", "", "unknown-value"},
		{choice, `""`, "", "unknown-value"}, {choice, "{}", "", "wrong-type"}, {choice, `"${A}"`, "", "unknown-value"},

		{secret, "x", "x", ""}, {secret, "{file: there}", "content", ""}, {secret, "{file: missing}", "", "unreadable-file"},
		{secret, "{}", "", "missing-key"}, {secret, `""`, "", "empty-value"}, {secret, `"${EMPTY}"`, "", "empty-value"},
		{secret, `{file: "a\nb"}`, "", "unreadable-file"}, {secret, `{file: "a\0b"}`, "", "unreadable-file"}, {secret, "{file: there, x: 1}", "content", "unknown-key"},
	}
	for _, test := range tests {
		v, diags := in(t, test.text)
		got := test.read(v)
		if got != test.want {
			t.Errorf("%s: got %#v, want %#v", test.text, got, test.want)
		}
		if test.code == "" && len(*diags) > 0 || test.code != "" && (len(*diags) != 1 || (*diags)[0].Code != test.code) {
			t.Errorf("%s: got %v, want %q", test.text, *diags, test.code)
		}
	}
}

// TestAbsentValues holds that reading what is not there gives defaults and says
// nothing, and that asking for it with Require says so once.
func TestAbsentValues(t *testing.T) {
	v, diags := in(t, "{}")
	absent := v.Object().Get("x").Object().Get("y")
	got := fmt.Sprint(absent.Text(), absent.Int(1, 2, 3), absent.Bool(true), absent.OneOf("a"), absent.List(), absent.Texts(), absent.StringMap(), absent.Exists(), absent.Raw(), absent.Path())
	if want := "1 true[] [] map[] falsev.x.y"; got != want || len(*diags) > 0 {
		t.Errorf("got %q, want %q; %v", got, want, *diags)
	}
	v.Object().RequireText("name")
	if want := "f:1:4: error missing-key: v needs the key \"name\"\n"; lines(*diags) != want {
		t.Errorf("got %s", lines(*diags))
	}
}

// TestWithoutEnvironment holds that a document that may not refer to anything does
// not: ${NAME} is text, {file: …} an error.
func TestWithoutEnvironment(t *testing.T) {
	var diags gateway.Diagnostics
	doc, _ := source.Parse("f", []byte("a: ${A} $$\nb: {file: /etc/hostname}\nc: {fiel: x}\n"), source.Environment{}, &diags)
	root := doc.Root().Object()
	if got := root.Get("a").Text(); got != "${A} $$" {
		t.Errorf("got %q", got)
	}
	root.Get("b").Secret()
	root.Get("c").Secret()
	diags.Sort()
	want := "f:2:11: error file-not-allowed: files cannot be referred to here\n" +
		"f:3:4: error missing-key: c has no file (write {file: path})\n" +
		"f:3:5: error unknown-key: unknown key \"fiel\" (did you mean \"file\"?)\n"
	if lines(diags) != want {
		t.Errorf("got %s", lines(diags))
	}
}

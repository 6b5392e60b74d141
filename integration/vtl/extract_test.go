package vtl

import (
	"errors"
	"strings"
	"testing"
)

// TestDocument has what mappings take from bodies (reference 4.2).
func TestDocument(t *testing.T) {
	d, err := ParseDocument(t.Context(), `{"a":{"b":"text"},"n":1.50,"list":[1,"x"],"null":null,"o":{"k":true}}`)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"$.a.b": "text", "$.n": "1.5", "$.list": `[1,"x"]`, "$.list[1]": "x", "$.o": `{"k":true}`, "$.null": "", "$.none": "", "$..k": "[true]"} {
		p, err := ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		text, found, err := d.Text(p)
		if text != want || err != nil || found != (want != "") {
			t.Errorf("%s: %q %v %v", path, text, found, err)
		}
	}
	if _, err := ParseDocument(t.Context(), `{"secret`); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	if _, err := ParsePath("$.a[?"); err == nil {
		t.Error("an open filter is a path")
	}
}

// A path of a definition meets any body: what it may do is bounded.
func TestDocumentLimits(t *testing.T) {
	d, err := ParseDocument(t.Context(), strings.Repeat(`{"a":[`, 90)+"1"+strings.Repeat(",1", 50_000)+strings.Repeat(`]}`, 90))
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParsePath("$..*..*")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Text(p); !errors.Is(err, ErrLimit) {
		t.Errorf("%v", err)
	}
}

// Patterns match all of a text, and a dot no line break (reference 4.5).
func TestRegexp(t *testing.T) {
	for pattern, texts := range map[string]map[string]bool{
		`4\d{2}`:              {"404": true, "4040": false, "x404": false},
		`Not found.*`:         {"Not found: 7": true, "Not found\n7": false},
		`(\n|.)*stack(\n|.)*`: {"a\nstack\nb": true, "other": false},
		`\p{Alpha}+`:          {"abc": true, "a1": false},
		`a|ab`:                {"ab": true, "abc": false},
	} {
		re, err := ParseRegexp(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range texts {
			if re.MatchesAll(text) != want {
				t.Errorf("%q and %q: %v", pattern, text, !want)
			}
		}
	}
	if _, err := ParseRegexp(`a(?=b)`); err == nil {
		t.Error("a lookahead is taken")
	}
}

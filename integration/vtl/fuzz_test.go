package vtl

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// small bounds a rendering so that the fuzzer gets through many.
var small = Limits{LoopIterations: 20, Steps: 50_000, MemoryBytes: 1 << 20, OutputBytes: 1 << 16}

// FuzzTemplate parses and renders whatever comes. Nothing may panic, and what fails
// says where.
func FuzzTemplate(f *testing.F) {
	for _, r := range readRecorded(f) {
		f.Add(r.Template, r.body(f))
	}
	f.Add(tenLines, benchInput().Body)
	f.Fuzz(func(t *testing.T, source, body string) {
		template, problems := Parse(source)
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Code == "" || p.Message == "" {
				t.Errorf("%q: %+v", source, p)
			}
		}
		if (template == nil) != HasErrors(problems) {
			t.Fatalf("%q: a template %v with %v", source, template != nil, problems)
		}
		if template == nil {
			return
		}
		in := benchInput()
		in.Body = body
		out, err := template.Render(context.Background(), in, small)
		again, errAgain := template.Render(context.Background(), in, small)
		if (err == nil) != (errAgain == nil) || out.Text != again.Text {
			t.Errorf("%q gives %q (%v), then %q (%v)", source, out.Text, err, again.Text, errAgain)
		}
		if err == nil {
			if utf8.ValidString(body) && !utf8.ValidString(out.Text) {
				t.Errorf("%q gives text that is not UTF-8: %q", source, out.Text)
			}
			return
		}
		var at *Error
		if !errors.As(err, &at) || at.Line < 1 || at.Column < 1 || at.Err == nil {
			t.Errorf("%q: %v has no place or reason", source, err)
		}
	})
}

// FuzzText: a text without anything in it that means something stays as it is.
func FuzzText(f *testing.F) {
	f.Add(`{"statusCode": 200}`)
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.ContainsAny(text, "$#") || len(text) > 1<<15 {
			t.Skip()
		}
		if output, failure := renderOnce(text, Input{}); output != text || failure != "" {
			t.Errorf("%q gives %q %s", text, output, failure)
		}
	})
}

// FuzzJSON: what $input.json prints is the same JSON.
func FuzzJSON(f *testing.F) {
	for _, r := range readRecorded(f) {
		f.Add(r.body(f))
	}
	f.Add(`{"a":"\ud83d\ude00\ud800","b":[1.50,-0,1e-7,12345678901234567890,0.12345678901234567890],"a":2}`)
	template := mustParse(f, `$input.json('$')`)
	f.Fuzz(func(t *testing.T, body string) {
		if body == "" {
			t.Skip()
		}
		out, err := template.Render(context.Background(), Input{Body: body}, Limits{})
		if err != nil {
			if !errors.Is(err, ErrBody) && !errors.Is(err, ErrLimit) {
				t.Errorf("%q: %v", body, err)
			}
			return
		}
		again, err := template.Render(context.Background(), Input{Body: out.Text}, Limits{})
		if err != nil || again.Text != out.Text {
			t.Errorf("%q gives %q, which gives %q (%v)", body, out.Text, again.Text, err)
		}
	})
}

// FuzzPath compiles and follows any JSONPath.
func FuzzPath(f *testing.F) {
	for _, r := range readRecorded(f) {
		if path, ok := strings.CutPrefix(r.Template, "#set($p='"); ok {
			f.Add(strings.TrimSuffix(path, "')$input.path($p)"), r.body(f))
		}
	}
	template := mustParse(f, `$input.path($input.params('p'))`)
	f.Fuzz(func(t *testing.T, path, body string) {
		in := Input{Body: body, QueryString: Pairs(Pair{"p", path})}
		_, err := template.Render(context.Background(), in, small)
		var at *Error
		if err != nil && !errors.As(err, &at) {
			t.Errorf("%q: %v", path, err)
		}
	})
}

// FuzzRegexp compiles any regular expression, and splits and replaces with it.
func FuzzRegexp(f *testing.F) {
	f.Add(`[a-z&&[^b]]`, "abc", "$1")
	f.Add(`(\d+)-(\w*)\.\s\p{Punct}`, "1-a. !", `$2\$$1`)
	f.Add(`^[^\]]{2,}?$`, "x]", "${a}")
	f.Add(`\Q]+\\]\[{`, "]", "")
	template := mustParse(f, `#set($t = $input.body)$t.matches($input.params('p'))$t.split($input.params('p'))$t.replaceAll($input.params('p'), $input.params('r'))`)
	f.Fuzz(func(t *testing.T, pattern, text, replacement string) {
		in := Input{Body: text, QueryString: Pairs(Pair{"p", pattern}, Pair{"r", replacement})}
		if _, err := template.Render(context.Background(), in, small); err != nil && !errors.Is(err, ErrValue) && !errors.Is(err, ErrLimit) {
			t.Errorf("%q: %v", pattern, err)
		}
	})
}

package schema

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// pattern is a regular expression of a schema. It is written as in JavaScript, and
// matched by RE2, which takes time by the length of the text whatever the expression.
type pattern struct {
	*regexp.Regexp
	written string
	// size is that of the compiled program, by which matching costs more.
	size int
}

// String gives the expression as it is written.
func (p *pattern) String() string { return p.written }

// patterns compiles expressions once: schemas repeat them, and the library asks for each
// twice.
type patterns map[string]compiledPattern

type compiledPattern struct {
	pattern *pattern
	err     error
}

// compile is the jsonschema.RegexpEngine.
func (c patterns) compile(written string) (jsonschema.Regexp, error) {
	known, ok := c[written]
	if !ok {
		known.pattern, known.err = compilePattern(written)
		c[written] = known
	}
	if known.err != nil {
		return nil, known.err
	}
	return known.pattern, nil
}

// regexFormat is the format of values that are expressions themselves.
var regexFormat = &jsonschema.Format{Name: "regex", Validate: func(v any) error {
	text, _ := v.(string)
	_, err := compilePattern(text)
	return err
}}

func compilePattern(written string) (*pattern, error) {
	translated, err := translatePattern(written)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(translated)
	if err != nil {
		var wrong *syntax.Error
		if errors.As(err, &wrong) {
			return nil, errors.New(wrong.Code.String())
		}
		return nil, err
	}
	p := &pattern{Regexp: re, written: written, size: len(translated)}
	if parsed, err := syntax.Parse(translated, syntax.Perl); err == nil {
		if program, err := syntax.Compile(parsed.Simplify()); err == nil {
			p.size = len(program.Inst)
		}
	}
	return p, nil
}

// What JavaScript means by \s and \S, as ranges for a class. RE2 means ASCII.
const (
	spaces    = `\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	nonSpaces = `\x00-\x08\x0e-\x1f!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}`
)

// patternTranslator turns a regular expression of JavaScript (ECMA 262) into one of
// RE2 that matches the same.
type patternTranslator struct {
	in  string
	at  int
	out strings.Builder
	// inClass: between square brackets.
	inClass bool
}

func translatePattern(written string) (string, error) {
	if !utf8.ValidString(written) {
		return "", errors.New("it is not UTF-8")
	}
	t := patternTranslator{in: written}
	for t.at < len(t.in) {
		if err := t.next(); err != nil {
			return "", err
		}
	}
	if t.inClass {
		return "", errors.New("missing closing ]")
	}
	return t.out.String(), nil
}

// next translates one element.
func (t *patternTranslator) next() error {
	rest := t.in[t.at:]
	switch c := rest[0]; {
	case c == '\\':
		return t.escape()
	case t.inClass && c == ']':
		t.inClass = false
	case t.inClass && c == '[':
		t.out.WriteByte('\\')
	case t.inClass:
	case c == '.':
		t.out.WriteString(`[^\n\r\x{2028}\x{2029}]`)
		t.at++
		return nil
	case strings.HasPrefix(rest, "[^]"):
		t.out.WriteString(`(?s:.)`)
		t.at += len("[^]")
		return nil
	case strings.HasPrefix(rest, "[]"):
		t.out.WriteString(`[^\x00-\x{10ffff}]`)
		t.at += len("[]")
		return nil
	case c == '[':
		t.inClass = true
		t.out.WriteByte('[')
		t.at++
		if strings.HasPrefix(t.in[t.at:], "^") {
			t.out.WriteByte('^')
			t.at++
		}
		return nil
	case c == '(':
		return t.group(rest)
	}
	_, size := utf8.DecodeRuneInString(rest)
	t.out.WriteString(rest[:size])
	t.at += size
	return nil
}

var groupName = regexp.MustCompile(`^\(\?<[A-Za-z_][A-Za-z0-9_]*>`)

func (t *patternTranslator) group(rest string) error {
	open := "("
	switch {
	case strings.HasPrefix(rest, "(?:"):
		open = "(?:"
	case strings.HasPrefix(rest, "(?=") || strings.HasPrefix(rest, "(?!"):
		return errors.New("look-ahead is not supported; write what must be there as patterns of their own, under allOf")
	case strings.HasPrefix(rest, "(?<=") || strings.HasPrefix(rest, "(?<!"):
		return errors.New("look-behind is not supported")
	case groupName.MatchString(rest):
		open = groupName.FindString(rest)
	case strings.HasPrefix(rest, "(?"):
		return errors.New("what follows (? is not known")
	}
	t.out.WriteString(open)
	t.at += len(open)
	return nil
}

// escape translates what begins with a backslash.
func (t *patternTranslator) escape() error {
	rest := t.in[t.at+1:]
	if rest == "" {
		return errors.New("it ends in a backslash")
	}
	c, size := utf8.DecodeRuneInString(rest)
	t.at += 1 + size
	switch c {
	case 'd', 'D', 'w', 'W', 't', 'n', 'r', 'f', 'v':
		t.out.WriteString(`\` + string(c))
	case 'b':
		if t.inClass {
			t.out.WriteString(`\x08`)
		} else {
			t.out.WriteString(`\b`)
		}
	case 'B':
		if t.inClass {
			return errors.New(`\B cannot be in a class`)
		}
		t.out.WriteString(`\B`)
	case 's', 'S':
		set := spaces
		if c == 'S' {
			set = nonSpaces
		}
		if !t.inClass {
			set = "[" + set + "]"
		}
		t.out.WriteString(set)
	case 'p', 'P':
		t.property(byte(c))
	case 'c':
		return t.control()
	case 'x':
		return t.hexadecimal(2)
	case 'u':
		return t.unicode()
	case '0':
		t.rune(0)
	case '1', '2', '3', '4', '5', '6', '7', '8', '9', 'k':
		return errors.New("back references are not supported")
	default:
		t.rune(c)
	}
	return nil
}

// rune writes a character that stands for itself.
func (t *patternTranslator) rune(c rune) {
	switch {
	case c >= utf8.RuneSelf || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_':
		t.out.WriteRune(c)
	default:
		fmt.Fprintf(&t.out, `\x{%x}`, c)
	}
}

// property writes a class of Unicode; RE2 knows scripts by their names only.
func (t *patternTranslator) property(c byte) {
	t.out.WriteString(`\` + string(c))
	for _, prefix := range []string{"{Script=", "{sc=", "{General_Category=", "{gc="} {
		if strings.HasPrefix(t.in[t.at:], prefix) {
			t.out.WriteByte('{')
			t.at += len(prefix)
			return
		}
	}
}

func (t *patternTranslator) control() error {
	if t.at == len(t.in) {
		return errors.New(`a letter has to follow \c`)
	}
	c := t.in[t.at]
	if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
		return errors.New(`a letter has to follow \c`)
	}
	t.at++
	t.rune(rune(c % 32))
	return nil
}

// hexadecimal reads a character of so many digits.
func (t *patternTranslator) hexadecimal(digits int) error {
	c, ok := t.digits(digits)
	if !ok {
		return fmt.Errorf("%d hexadecimal digits have to follow \\x or \\u", digits)
	}
	t.rune(c)
	return nil
}

func (t *patternTranslator) digits(count int) (rune, bool) {
	if len(t.in)-t.at < count {
		return 0, false
	}
	n, err := strconv.ParseUint(t.in[t.at:t.at+count], 16, 32)
	if err != nil {
		return 0, false
	}
	t.at += count
	return rune(n), true
}

// unicode reads \uXXXX, two of those for characters beyond, or \u{…}.
func (t *patternTranslator) unicode() error {
	if strings.HasPrefix(t.in[t.at:], "{") {
		end := strings.IndexByte(t.in[t.at:], '}')
		if end < 2 || end > 8 {
			return errors.New(`\u{…} holds up to six hexadecimal digits`)
		}
		t.at++
		c, ok := t.digits(end - 1)
		if !ok || c > utf8.MaxRune || c >= 0xd800 && c < 0xe000 {
			return errors.New(`\u{…} is no character`)
		}
		t.at++
		t.rune(c)
		return nil
	}
	c, ok := t.digits(4)
	if !ok {
		return errors.New(`four hexadecimal digits have to follow \u`)
	}
	if c >= 0xd800 && c < 0xe000 {
		if c >= 0xdc00 || !strings.HasPrefix(t.in[t.at:], `\u`) {
			return errors.New(`\u with half a character, whose other half is not there`)
		}
		t.at += len(`\u`)
		low, ok := t.digits(4)
		if !ok || low < 0xdc00 || low >= 0xe000 {
			return errors.New(`\u with half a character, whose other half is not there`)
		}
		c = 0x10000 + (c-0xd800)<<10 + (low - 0xdc00)
	}
	t.rune(c)
	return nil
}

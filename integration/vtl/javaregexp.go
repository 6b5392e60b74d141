package vtl

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"
)

// maxPattern bounds a regular expression that a request may have had a part in.
const maxPattern = 1000

// javaRegexp is a regular expression of Java. It is matched in linear time, which
// Java's own lookarounds and back references cannot be: those are refused.
type javaRegexp struct {
	// size is how many states it has, which matching costs for each byte at worst.
	size int
	find *regexp.Regexp
	// whole matches nothing less than all; it is made when it is first asked for.
	whole func() (*regexp.Regexp, error)
}

// all is whether the expression matches all of a text.
func (re *javaRegexp) all(text string) bool {
	whole, err := re.whole()
	return err == nil && whole.MatchString(text)
}

func compileRegexp(pattern string) (*javaRegexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("it is longer than %d bytes", maxPattern)
	}
	translated, err := translateRegexp(pattern)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(translated, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	find, err := regexp.Compile(translated)
	if err != nil {
		return nil, err
	}
	return &javaRegexp{size: len(program.Inst), find: find, whole: sync.OnceValues(func() (*regexp.Regexp, error) {
		return regexp.Compile(`\A(?:` + translated + `)\z`)
	})}, nil
}

// Java's classes that RE2 has under other names.
var classes = map[string]string{
	"Alpha": "a-zA-Z", "Digit": "0-9", "Alnum": "a-zA-Z0-9", "Upper": "A-Z", "Lower": "a-z",
	"Punct": "!-/:-@[-`{-~", "XDigit": "0-9a-fA-F", "Space": `\t\n\v\f\r `, "Blank": `\t `,
	"Cntrl": `\x00-\x1f\x7f`, "Graph": "!-~", "Print": " -~", "ASCII": `\x00-\x7f`,
}

// translateRegexp turns Java's syntax into RE2's.
func translateRegexp(pattern string) (string, error) {
	var out strings.Builder
	// quantified is the position after the last quantifier.
	quantified := -1
	inClass, dotAll := false, strings.Contains(pattern, "(?s")
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case strings.HasPrefix(pattern[i:], `\Q`):
			// Up to \E, all is itself.
			literal, _, ended := strings.Cut(pattern[i+2:], `\E`)
			out.WriteString(regexp.QuoteMeta(literal))
			i += 1 + len(literal)
			if ended {
				i += 2
			}
		case c == '\\':
			n, err := translateEscape(&out, pattern[i+1:], inClass)
			if err != nil {
				return "", err
			}
			i += n
		case inClass:
			if c == '[' {
				return "", fmt.Errorf("a class inside a class is not supported")
			}
			if c == '&' && strings.HasPrefix(pattern[i:], "&&") {
				return "", fmt.Errorf("an intersection of classes (&&) is not supported")
			}
			if c == ']' {
				inClass = false
			}
			out.WriteByte(c)
		case c == '[':
			inClass = true
			out.WriteByte(c)
			if strings.HasPrefix(pattern[i+1:], "^") {
				out.WriteByte('^')
				i++
			}
			if strings.HasPrefix(pattern[i+1:], "]") {
				out.WriteString(`\]`)
				i++
			}
		case c == '.' && !dotAll:
			out.WriteString(`[^\n\r\x{85}\x{2028}\x{2029}]`)
		case c == '(' && (hasPrefixes(pattern[i+1:], "?=", "?!", "?<=", "?<!", "?>")):
			return "", fmt.Errorf("lookahead, lookbehind and atomic groups are not supported")
		case c == '+' && quantified == i:
			return "", fmt.Errorf("possessive quantifiers are not supported")
		case c == '{':
			end := quantifier(pattern[i:])
			if end == 0 {
				return "", fmt.Errorf("%q has to be escaped", c)
			}
			out.WriteString(pattern[i : i+end])
			i += end - 1
			quantified = i + 1
		case c == '*' || c == '+' || c == '?':
			quantified = i + 1
			out.WriteByte(c)
		default:
			out.WriteByte(c)
		}
	}
	if inClass {
		return "", fmt.Errorf("a [ is not closed")
	}
	return out.String(), nil
}

func hasPrefixes(text string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// quantifier is the length of one such as {2,5}. Java takes no other opening brace.
func quantifier(rest string) int {
	end := strings.IndexByte(rest, '}')
	if end < 2 || strings.Trim(rest[1:end], "0123456789,") != "" || rest[1] == ',' {
		return 0
	}
	return end + 1
}

// translateEscape writes the escape that rest begins with and tells its length.
func translateEscape(out *strings.Builder, rest string, inClass bool) (int, error) {
	if rest == "" {
		return 0, fmt.Errorf("it ends with a backslash")
	}
	c := rest[0]
	switch {
	case c == 's' || c == 'S':
		// Java's \s has the vertical tab too.
		switch {
		case inClass && c == 's':
			out.WriteString(`\s\v`)
		case inClass:
			return 0, fmt.Errorf(`\S in a class is not supported`)
		case c == 's':
			out.WriteString(`[\s\v]`)
		default:
			out.WriteString(`[^\s\v]`)
		}
	case strings.IndexByte("dDwWbBAztnrfaE", c) >= 0:
		out.WriteString(`\` + rest[:1])
	case c == 'Z':
		out.WriteString(`\n?\z`)
	case c == 'e':
		out.WriteString(`\x1b`)
	case c == 'u' || c == 'x':
		digits := 4
		if c == 'x' {
			digits = 2
		}
		if len(rest) <= digits {
			return 0, fmt.Errorf(`\%c needs %d hexadecimal digits`, c, digits)
		}
		n, err := strconv.ParseUint(rest[1:1+digits], 16, 32)
		if err != nil {
			return 0, fmt.Errorf(`\%c needs %d hexadecimal digits`, c, digits)
		}
		fmt.Fprintf(out, `\x{%x}`, n)
		return 1 + digits, nil
	case c == 'p' || c == 'P':
		return translateClass(out, rest, inClass)
	case c >= '1' && c <= '9' || c == 'k':
		return 0, fmt.Errorf("back references are not supported")
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '0':
		return 0, fmt.Errorf(`\%c is not supported`, c)
	case c >= 0x80:
		// RE2 has no escapes of such characters, and they need none.
		out.WriteByte(c)
	default:
		out.WriteString(`\` + rest[:1])
	}
	return 1, nil
}

func translateClass(out *strings.Builder, rest string, inClass bool) (int, error) {
	if len(rest) < 2 {
		return 0, fmt.Errorf(`\p needs a name`)
	}
	if rest[1] != '{' {
		out.WriteString(`\` + rest[:2])
		return 2, nil
	}
	name, _, closed := strings.Cut(rest[2:], "}")
	if !closed {
		return 0, fmt.Errorf(`\p{ is not closed`)
	}
	size := len(name) + 3
	set, known := classes[name]
	switch {
	case known && inClass && rest[0] == 'p':
		out.WriteString(set)
	case known && inClass:
		return 0, fmt.Errorf(`\P{%s} in a class is not supported`, name)
	case known && rest[0] == 'p':
		out.WriteString("[" + set + "]")
	case known:
		out.WriteString("[^" + set + "]")
	default:
		out.WriteString(`\` + rest[:1] + "{" + strings.TrimPrefix(name, "Is") + "}")
	}
	return size, nil
}

// cost is how many steps matching a text counts for.
func (re *javaRegexp) cost(text string) int { return (1 + len(text)) * (8 + re.size) >> 4 }

// callRegexp are the methods whose first argument is a regular expression.
func (s *state) callRegexp(a *access, v string, args []any) (any, bool) {
	switch {
	case a.name == "matches" && len(args) == 1:
	case (a.name == "replaceAll" || a.name == "replaceFirst") && len(args) == 2:
	case a.name == "split" && (len(args) == 1 || len(args) == 2):
	default:
		return nil, false
	}
	pattern, ok := args[0].(string)
	if !ok {
		return notFound, true
	}
	re, ok := a.compiled.(*javaRegexp)
	if !ok {
		var err error
		if re, err = compileRegexp(pattern); err != nil {
			s.fail(a.at, ErrValue, "%s is given a regular expression that cannot be used: %v", a.name, err)
			return nil, true
		}
		// Compiling costs far more than the pattern's length says.
		s.step(a.at, 100+20*len(pattern)+5*re.size)
	}
	if !s.step(a.at, re.cost(v)) {
		return nil, true
	}
	switch a.name {
	case "matches":
		return re.all(v), true
	case "split":
		limit := 0
		if len(args) == 2 {
			if limit, ok = number(args, 1); !ok {
				return notFound, true
			}
		}
		return s.split(a, re, v, limit), true
	}
	replacement, ok := args[1].(string)
	if !ok {
		return notFound, true
	}
	count := -1
	if a.name == "replaceFirst" {
		count = 1
	}
	return s.replaceRegexp(a, re, v, replacement, count), true
}

func (s *state) split(a *access, re *javaRegexp, v string, limit int) any {
	list := &List{}
	from := 0
	for _, m := range re.find.FindAllStringIndex(v, -1) {
		if limit > 0 && len(list.items) == limit-1 {
			break
		}
		// A match of nothing at the start splits nothing off.
		if m[1] == 0 || (m[0] == m[1] && m[0] == len(v)) {
			continue
		}
		if !s.grow(a.at, 32) {
			return nil
		}
		list.items = append(list.items, v[from:m[0]])
		from = m[1]
	}
	if !s.grow(a.at, 32) {
		return nil
	}
	list.items = append(list.items, v[from:])
	if from == 0 && len(list.items) == 1 {
		return list
	}
	if limit == 0 {
		for n := len(list.items); n > 0 && list.items[n-1] == ""; n-- {
			list.items = list.items[:n-1]
		}
	}
	return list
}

func (s *state) replaceRegexp(a *access, re *javaRegexp, v, replacement string, count int) any {
	parts, err := parseReplacement(replacement, re.find)
	if err != nil {
		s.fail(a.at, ErrValue, "%s is given a replacement that cannot be used: %v", a.name, err)
		return nil
	}
	var out []byte
	from := 0
	for _, m := range re.find.FindAllStringSubmatchIndex(v, count) {
		before := len(out)
		out = append(out, v[from:m[0]]...)
		for _, part := range parts {
			if part.group < 0 {
				out = append(out, part.text...)
			} else if start := m[2*part.group]; start >= 0 {
				out = append(out, v[start:m[2*part.group+1]]...)
			}
		}
		from = m[1]
		if !s.grow(a.at, len(out)-before) {
			return nil
		}
	}
	if !s.grow(a.at, len(v)-from) {
		return nil
	}
	return string(append(out, v[from:]...))
}

// replacementPart is text, or a group of the match.
type replacementPart struct {
	text  string
	group int
}

// parseReplacement reads $1, ${name} and backslashes as Java does.
func parseReplacement(replacement string, re *regexp.Regexp) ([]replacementPart, error) {
	var parts []replacementPart
	var text []byte
	flush := func() {
		if len(text) > 0 {
			parts = append(parts, replacementPart{text: string(text), group: -1})
			text = nil
		}
	}
	for i := 0; i < len(replacement); i++ {
		c := replacement[i]
		switch {
		case c == '\\':
			if i++; i == len(replacement) {
				return nil, fmt.Errorf("it ends with a backslash")
			}
			text = append(text, replacement[i])
		case c != '$':
			text = append(text, c)
		case i+1 < len(replacement) && replacement[i+1] == '{':
			name, _, closed := strings.Cut(replacement[i+2:], "}")
			group := re.SubexpIndex(name)
			if !closed || group < 0 {
				return nil, fmt.Errorf("the pattern has no group of that name")
			}
			flush()
			parts = append(parts, replacementPart{group: group})
			i += len(name) + 2
		default:
			if i++; i == len(replacement) || replacement[i] < '0' || replacement[i] > '9' {
				return nil, fmt.Errorf("a $ is not followed by a group")
			}
			group := int(replacement[i] - '0')
			if group > re.NumSubexp() {
				return nil, fmt.Errorf("the pattern has no group %d", group)
			}
			// As many digits as make up a group that there is.
			for i+1 < len(replacement) && replacement[i+1] >= '0' && replacement[i+1] <= '9' {
				longer := group*10 + int(replacement[i+1]-'0')
				if longer > re.NumSubexp() {
					break
				}
				group = longer
				i++
			}
			flush()
			parts = append(parts, replacementPart{group: group})
		}
	}
	flush()
	return parts, nil
}

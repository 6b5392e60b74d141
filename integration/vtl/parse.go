package vtl

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Parse compiles a template. It tells all problems that it finds; the template is nil
// where one of them is an error.
func Parse(source string) (*Template, []Problem) {
	c := &compilation{
		source: source, lines: lineStarts(source),
		slots: map[string]int{}, assigned: map[string]bool{}, firstUse: map[string]int{},
	}
	switch {
	case len(source) > MaxTemplateBytes:
		c.problem(0, CodeTooLarge, "shorten it, or let the integration do some of the work",
			"the template has %d bytes; API Gateway takes %d", len(source), MaxTemplateBytes)
		return nil, c.problems
	case !utf8.ValidString(source):
		c.problem(0, CodeSyntax, "save it as UTF-8", "the template is not UTF-8")
		return nil, c.problems
	}
	p := &parser{compilation: c, src: source}
	nodes := p.top()
	c.checkUnset()
	for _, d := range c.doubts {
		if !c.assigned[d.variable] {
			d.tell()
		}
	}
	sortProblems(c.problems)
	if HasErrors(c.problems) {
		return nil, c.problems
	}
	t := &Template{source: source, lines: c.lines, nodes: nodes, slots: len(c.slots), blank: make([]any, len(c.slots))}
	for i := range t.blank {
		t.blank[i] = unset{}
	}
	return t, c.problems
}

// compilation is what the parsers of a template and of the texts in it share.
type compilation struct {
	source   string
	lines    []int
	problems []Problem
	// slots are the variables by their names.
	slots map[string]int
	// assigned are the variables that the template sets somewhere.
	assigned map[string]bool
	// firstUse is where a variable is read first.
	firstUse map[string]int
	// doubts are about uses of $input and $util, which are as they should be where the
	// template gives those names to something else.
	doubts []doubt
	depth  int
}

type doubt struct {
	variable string
	tell     func()
}

func (c *compilation) problem(at int, code, hint, format string, args ...any) {
	c.add(at, Problem{Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)})
}

func (c *compilation) warning(at int, code, hint, format string, args ...any) {
	c.add(at, Problem{Code: code, Hint: hint, Message: fmt.Sprintf(format, args...), Warning: true})
}

func (c *compilation) add(at int, p Problem) {
	// Warnings that are left out must not be what ends the reading: the template works.
	if count := c.counted(p.Warning); count >= maxProblems {
		return
	}
	p.Line, p.Column = linePosition(c.source, c.lines, at)
	c.problems = append(c.problems, p)
}

// counted is how many errors or warnings there are.
func (c *compilation) counted(warnings bool) int {
	n := 0
	for i := range c.problems {
		if c.problems[i].Warning == warnings {
			n++
		}
	}
	return n
}

// hopeless is whether enough is wrong to stop reading.
func (c *compilation) hopeless() bool {
	return len(c.problems) >= maxProblems && c.counted(false) >= maxProblems
}

// slot is where the variable of a name is kept.
func (c *compilation) slot(name string) int {
	if slot, ok := c.slots[name]; ok {
		return slot
	}
	slot := len(c.slots)
	c.slots[name] = slot
	return slot
}

// slotIfUsed is -1 for names that the template has not used so far.
func (c *compilation) slotIfUsed(name string) int {
	if slot, ok := c.slots[name]; ok {
		return slot
	}
	return -1
}

// checkUnset warns of variables that are read and never set.
func (c *compilation) checkUnset() {
	for _, name := range slices.Sorted(maps.Keys(c.firstUse)) {
		// $null is what templates compare with that mean a variable without a value.
		if c.assigned[name] || builtins[name] != noBuiltin || name == "null" {
			continue
		}
		hint := "set it with #set, or take the $ away"
		if similar := similarBuiltin(name); similar != "" {
			hint = "did you mean $" + similar + "?"
		}
		c.warning(c.firstUse[name], CodeUnsetVariable, hint, "nothing sets $%s, so nothing is printed in its place", name)
	}
}

func similarBuiltin(name string) string {
	for _, known := range slices.Sorted(maps.Keys(builtins)) {
		if strings.EqualFold(strings.TrimSuffix(name, "s"), strings.TrimSuffix(known, "s")) {
			return known
		}
	}
	return ""
}

// deeper bounds how the parser nests; each true result is followed by shallower.
func (c *compilation) deeper(at int) bool {
	if c.depth >= maxNesting {
		c.problem(at, CodeTooLarge, "", "the template is nested more than %d deep", maxNesting)
		return false
	}
	c.depth++
	return true
}

func (c *compilation) shallower() { c.depth-- }

// parser reads a template, or a text in double quotes inside it.
type parser struct {
	*compilation
	src string
	pos int
	// origin is where src begins in the template. Texts in which escapes were
	// resolved are not exact: all of them is said to be at their beginning.
	origin   int
	inexact  bool
	inString bool
	// loose is the position after the last # or $ that was text.
	loose int
}

// at is an offset of src as one of the template.
func (p *parser) at(pos int) int {
	if p.inexact {
		return p.origin
	}
	return p.origin + pos
}

func (p *parser) wrong(pos int, hint, format string, args ...any) {
	p.problem(p.at(pos), CodeSyntax, hint, format, args...)
}

func (p *parser) next() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *parser) has(prefix string) bool { return strings.HasPrefix(p.src[p.pos:], prefix) }

// found names what is at the parser's position, for messages.
func (p *parser) found() string {
	if p.pos >= len(p.src) {
		if p.inString {
			return "the end of the text"
		}
		return "the end of the template"
	}
	rest := p.src[p.pos:]
	r, size := utf8.DecodeRuneInString(rest)
	if r == '\n' || r == '\r' {
		return "the end of the line"
	}
	if isWordStart(rest[0]) {
		for size < len(rest) && size < 20 && isWordChar(rest[size]) {
			size++
		}
	}
	return fmt.Sprintf("%q", rest[:size])
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isSpace(c byte) bool { return isBlank(c) || c == '\n' || c == '\r' }

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isWordStart and isWordChar are about the names of directives.
func isWordStart(c byte) bool { return isLetter(c) || c == '_' || c == '@' }

func isWordChar(c byte) bool { return isWordStart(c) || isDigit(c) }

// isNameStart and isNameChar are about the names of variables.
func isNameStart(c byte) bool { return isLetter(c) || c == '_' }

func isNameChar(c byte) bool { return isNameStart(c) || isDigit(c) || c == '-' }

func (p *parser) space() {
	for p.pos < len(p.src) && isSpace(p.src[p.pos]) {
		p.pos++
	}
}

// gobble takes blanks and the line end after them, if there is one.
func (p *parser) gobble() {
	i := p.pos
	for i < len(p.src) && isBlank(p.src[i]) {
		i++
	}
	switch {
	case strings.HasPrefix(p.src[i:], "\r\n"):
		p.pos = i + 2
	case i < len(p.src) && (p.src[i] == '\n' || p.src[i] == '\r'):
		p.pos = i + 1
	}
}

// top parses all of src.
func (p *parser) top() []node {
	var all []node
	for {
		b := &body{}
		ending := p.statements(b)
		all = append(all, b.nodes...)
		if ending.kind == endOfInput {
			return all
		}
		p.wrong(ending.at, "", "#%s has no #if or #foreach before it", ending.kind)
	}
}

// body gathers nodes, with neighbouring texts joined.
type body struct {
	nodes []node
	// at is where what is being read begins in the template.
	at int
}

func (b *body) text(text string) {
	if text == "" {
		return
	}
	if n := len(b.nodes); n > 0 {
		if last, ok := b.nodes[n-1].(*textNode); ok {
			last.text = append(last.text, text...)
			return
		}
	}
	b.nodes = append(b.nodes, &textNode{text: []byte(text), at: b.at})
}

func (b *body) add(n node) { b.nodes = append(b.nodes, n) }

// ending is what a run of statements ends with.
type ending struct {
	kind endingKind
	// at is where it begins in src.
	at int
}

type endingKind string

const (
	notEnded    endingKind = ""
	endOfInput  endingKind = "end of input"
	endOfBlock  endingKind = "end"
	elseBranch  endingKind = "else"
	elseIfCheck endingKind = "elseif"
)

func (p *parser) statements(b *body) ending {
	for p.pos < len(p.src) && !p.hopeless() {
		b.at = p.at(p.pos)
		switch p.src[p.pos] {
		case '\\':
			p.backslashes(b)
		case '$':
			p.dollar(b, 0)
		case '#':
			if e := p.hash(b); e.kind != notEnded {
				return e
			}
		default:
			p.plain(b)
		}
	}
	p.pos = len(p.src)
	return ending{endOfInput, p.pos}
}

// plain reads text up to what may be more than text. Blanks alone before a #set are
// the indentation of it, and dropped.
func (p *parser) plain(b *body) {
	n := strings.IndexAny(p.src[p.pos:], `$#\`)
	if n < 0 {
		n = len(p.src) - p.pos
	}
	run := p.src[p.pos : p.pos+n]
	p.pos += n
	if strings.Trim(run, " \t") == "" && p.atSet() {
		return
	}
	b.text(run)
}

// atSet is whether a #set with its parenthesis is here.
func (p *parser) atSet() bool {
	rest := p.src[p.pos:]
	after, ok := strings.CutPrefix(rest, "#set")
	if !ok {
		if after, ok = strings.CutPrefix(rest, "#{set}"); !ok {
			return false
		}
	}
	return strings.HasPrefix(strings.TrimLeft(after, " "), "(")
}

// word is the name of a directive after the # at pos, and how long it is with the
// braces that it may have.
func (p *parser) word(pos int) (name string, size int) {
	rest := p.src[pos:]
	if strings.HasPrefix(rest, "{") {
		end := 1
		for end < len(rest) && isWordChar(rest[end]) {
			end++
		}
		if end < len(rest) && rest[end] == '}' && end > 1 && isNameStart(rest[1]) {
			return rest[1:end], end + 1
		}
		return "", 0
	}
	if rest == "" || !isWordStart(rest[0]) {
		return "", 0
	}
	for size < len(rest) && isWordChar(rest[size]) {
		size++
	}
	return rest[:size], size
}

var directives = map[string]bool{
	"if": true, "else": true, "elseif": true, "end": true, "set": true, "stop": true,
	"foreach": true, "break": true, "define": true, "macro": true, "parse": true, "include": true,
}

// backslashes reads a run of them. They are text, but before references and
// directives: there two stand for one, and one left over takes the meaning away.
func (p *parser) backslashes(b *body) {
	n := 0
	for p.pos+n < len(p.src) && p.src[p.pos+n] == '\\' {
		n++
	}
	run := p.src[p.pos : p.pos+n]
	after := p.pos + n
	switch {
	case p.isReference(after):
		p.pos = after
		if p.loose == after-n && n > 0 && after > n {
			// To Velocity the backslashes are in the middle of something.
			b.text(run)
			n = 0
		}
		p.dollar(b, n)
		return
	case after < len(p.src) && p.src[after] == '#':
		name, size := p.word(after + 1)
		if name == "" {
			break
		}
		if n%2 == 1 {
			if directives[name] {
				run = run[:(n-1)/2]
			}
			b.text(run + p.src[after:after+1+size])
			p.pos = after + 1 + size
			return
		}
		if directives[name] && name != "set" {
			run = run[:n/2]
		}
	}
	b.text(run)
	p.pos = after
}

// atControl is whether a directive or comment is here that Velocity's grammar has
// itself.
func (p *parser) atControl() bool {
	if p.has("#*") || p.atSet() {
		return true
	}
	if !p.has("#") {
		return false
	}
	switch name, _ := p.word(p.pos + 1); name {
	case "if", "else", "elseif", "end", "stop":
		return true
	}
	return false
}

// isReference is whether a reference begins at pos.
func (p *parser) isReference(pos int) bool {
	rest, ok := strings.CutPrefix(p.src[min(pos, len(p.src)):], "$")
	if !ok {
		return false
	}
	rest = strings.TrimPrefix(rest, "!")
	rest = strings.TrimPrefix(rest, "{")
	return rest != "" && isNameStart(rest[0])
}

// dollar reads a reference, or a $ that is text.
func (p *parser) dollar(b *body, backslashes int) {
	if !p.isReference(p.pos) {
		if rest := p.src[p.pos+1:]; !p.inString && (rest == "" || rest == "!") {
			p.wrong(p.pos, "add a space or line end after it", "a template cannot end with $: API Gateway fails with it")
		}
		p.pos++
		quiet := p.has("!")
		if quiet {
			p.pos++
		}
		// Velocity loses a $ right before a directive, and the ! of what then is no
		// reference.
		if p.atControl() {
			return
		}
		b.text("$")
		p.loose = p.pos
		if quiet && (p.has("{") || p.has("[") || p.has("$") || p.has("##")) {
			b.text("!")
		}
		return
	}
	start := p.pos
	r, ok := p.reference()
	if !ok {
		p.resume(start)
		return
	}
	r.prefix = strings.Repeat(`\`, backslashes/2)
	r.escaped = backslashes%2 == 1
	b.add(r)
	if r.open && p.has("##") {
		p.warning(p.at(p.pos), CodeIgnored, "put a space before it", "## right after a property begins no comment: API Gateway prints it")
		b.text("##")
		p.pos += len("##")
	}
}

// resume goes on after something wrong that began at start, so that the problems
// after it are told too.
func (p *parser) resume(start int) {
	if p.pos <= start {
		p.pos = start + 1
	}
}

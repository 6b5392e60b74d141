package vtl

import (
	"fmt"
	"strconv"
	"strings"
)

// maxPath bounds a JSONPath that a request may have had a part in.
const maxPath = 2000

// parsePath compiles a JSONPath. One that does not begin with $ is taken as if it
// did, as Jayway does.
func parsePath(text string) (*jsonPath, error) {
	if len(text) > maxPath {
		return nil, fmt.Errorf("it is longer than %d bytes", maxPath)
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, fmt.Errorf("it is empty")
	}
	if text[0] != '$' && text[0] != '@' {
		if text[0] == '[' {
			text = "$" + text
		} else {
			text = "$." + text
		}
	}
	p := &pathParser{text: text, pos: 1}
	path, err := p.path(0)
	if err != nil {
		return nil, err
	}
	if p.pos < len(text) {
		return nil, p.wrong("unexpected %q", p.rest(8))
	}
	return path, nil
}

type pathParser struct {
	text string
	pos  int
}

func (p *pathParser) wrong(format string, args ...any) error {
	return fmt.Errorf(format+" at character %d", append(args, p.pos+1)...)
}

func (p *pathParser) next() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *pathParser) rest(n int) string {
	return p.text[p.pos:min(p.pos+n, len(p.text))]
}

func (p *pathParser) blank() {
	for p.next() == ' ' || p.next() == '\t' || p.next() == '\n' || p.next() == '\r' {
		p.pos++
	}
}

func (p *pathParser) skip(what string) bool {
	if strings.HasPrefix(p.text[p.pos:], what) {
		p.pos += len(what)
		return true
	}
	return false
}

// path reads steps as long as there are any.
func (p *pathParser) path(depth int) (*jsonPath, error) {
	if depth > 20 {
		return nil, p.wrong("filters are nested too deep")
	}
	path := &jsonPath{definite: true}
	for p.pos < len(p.text) {
		deep := false
		switch {
		case p.skip(".."):
			deep = true
		case p.next() == '.':
			p.pos++
		case p.next() != '[':
			return p.finish(path), nil
		}
		step, definite, err := p.step(deep, depth)
		if err != nil {
			return nil, err
		}
		if deep {
			step, definite = &deepStep{step}, false
		}
		path.steps = append(path.steps, step)
		path.definite = path.definite && definite
	}
	return p.finish(path), nil
}

func (p *pathParser) finish(path *jsonPath) *jsonPath {
	if n := len(path.steps); n > 0 {
		if last, ok := path.steps[n-1].(*nameStep); ok {
			last.leaf = true
		}
		if last, ok := path.steps[n-1].(*deepStep); ok {
			if name, ok := last.step.(*nameStep); ok {
				name.leaf = true
			}
		}
	}
	for _, step := range path.steps[:max(0, len(path.steps)-1)] {
		if name, ok := step.(*nameStep); ok && len(name.names) > 1 {
			path.definite = false
		}
	}
	return path
}

func (p *pathParser) step(deep bool, depth int) (pathStep, bool, error) {
	if p.next() == '[' {
		p.pos++
		return p.bracket(depth)
	}
	if p.skip("*") {
		return wildStep{}, false, nil
	}
	from := p.pos
	for p.pos < len(p.text) && !strings.ContainsRune(".[]() \t\r\n=!<>&|~,'\"", rune(p.next())) {
		p.pos++
	}
	name := p.text[from:p.pos]
	if name == "" {
		return nil, false, p.wrong("a name is missing")
	}
	if p.next() != '(' {
		return &nameStep{names: []string{name}}, true, nil
	}
	if !p.skip("()") {
		return nil, false, p.wrong("functions with arguments are not supported")
	}
	switch name {
	case "length", "size", "min", "max", "avg", "sum":
	default:
		return nil, false, p.wrong("the function %s() is not supported", name)
	}
	if deep {
		return nil, false, p.wrong("a function cannot follow ..")
	}
	return functionStep(name), true, nil
}

// bracket reads on after [.
func (p *pathParser) bracket(depth int) (pathStep, bool, error) {
	p.blank()
	var step pathStep
	definite := false
	switch c := p.next(); {
	case c == '*':
		p.pos++
		step = wildStep{}
	case c == '\'' || c == '"':
		names := &nameStep{}
		for {
			p.blank()
			name, err := p.quoted()
			if err != nil {
				return nil, false, err
			}
			names.names = append(names.names, name)
			if p.blank(); !p.skip(",") {
				break
			}
		}
		step, definite = names, true
	case c == '?':
		p.pos++
		if p.blank(); !p.skip("(") {
			return nil, false, p.wrong("a filter needs its condition in parentheses")
		}
		condition, err := p.or(depth + 1)
		if err != nil {
			return nil, false, err
		}
		if p.blank(); !p.skip(")") {
			return nil, false, p.wrong("a filter is not closed")
		}
		step = &filterStep{condition}
	default:
		var err error
		if step, definite, err = p.numbers(); err != nil {
			return nil, false, err
		}
	}
	if p.blank(); !p.skip("]") {
		return nil, false, p.wrong("a ] is missing")
	}
	return step, definite, nil
}

// numbers reads 0, -1, 0,2 or 1:3.
func (p *pathParser) numbers() (pathStep, bool, error) {
	from := p.pos
	for p.pos < len(p.text) && strings.IndexByte("0123456789-:, ", p.next()) >= 0 {
		p.pos++
	}
	text := strings.ReplaceAll(p.text[from:p.pos], " ", "")
	number := func(text string) (int, error) {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return 0, p.wrong("[%s] is no index", text)
		}
		return int(n), nil
	}
	if first, last, sliced := strings.Cut(text, ":"); sliced {
		var slice sliceStep
		var err error
		if first != "" {
			slice.hasFrom = true
			if slice.from, err = number(first); err != nil {
				return nil, false, err
			}
		}
		if last != "" {
			slice.hasTo = true
			if slice.to, err = number(last); err != nil {
				return nil, false, err
			}
		}
		return slice, false, nil
	}
	var indexes indexStep
	for _, one := range strings.Split(text, ",") {
		n, err := number(one)
		if err != nil {
			return nil, false, err
		}
		indexes = append(indexes, n)
	}
	return indexes, len(indexes) == 1, nil
}

// quoted reads text in single or double quotes.
func (p *pathParser) quoted() (string, error) {
	quote := p.next()
	if quote != '\'' && quote != '"' {
		return "", p.wrong("a name in quotes is missing")
	}
	p.pos++
	var out strings.Builder
	for p.pos < len(p.text) {
		c := p.next()
		p.pos++
		switch {
		case c == quote:
			return out.String(), nil
		case c == '\\' && p.pos < len(p.text):
			out.WriteByte(p.next())
			p.pos++
		default:
			out.WriteByte(c)
		}
	}
	return "", p.wrong("a quote is not closed")
}

func (p *pathParser) or(depth int) (filter, error) {
	left, err := p.and(depth)
	for err == nil {
		if p.blank(); !p.skip("||") {
			return left, nil
		}
		var right filter
		if right, err = p.and(depth); err == nil {
			left = filterOr{left, right}
		}
	}
	return nil, err
}

func (p *pathParser) and(depth int) (filter, error) {
	left, err := p.test(depth)
	for err == nil {
		if p.blank(); !p.skip("&&") {
			return left, nil
		}
		var right filter
		if right, err = p.test(depth); err == nil {
			left = filterAnd{left, right}
		}
	}
	return nil, err
}

func (p *pathParser) test(depth int) (filter, error) {
	if depth > 20 {
		return nil, p.wrong("filters are nested too deep")
	}
	p.blank()
	if p.next() == '!' {
		p.pos++
		of, err := p.test(depth + 1)
		return filterNot{of}, err
	}
	if p.skip("(") {
		inner, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if p.blank(); !p.skip(")") {
			return nil, p.wrong("a ) is missing")
		}
		return inner, nil
	}
	left, err := p.operand(depth)
	if err != nil {
		return nil, err
	}
	p.blank()
	op := p.operator()
	if op == "" {
		if left.path == nil {
			return nil, p.wrong("a comparison is missing")
		}
		return filterExists{left}, nil
	}
	p.blank()
	if op == "=~" {
		right, err := p.pattern()
		return filterTest{op, left, right}, err
	}
	right, err := p.operand(depth)
	return filterTest{op, left, right}, err
}

func (p *pathParser) operator() string {
	for _, op := range []string{"==", "!=", "<=", ">=", "=~", "<", ">"} {
		if p.skip(op) {
			return op
		}
	}
	for _, op := range []string{"in", "nin", "contains", "size", "empty"} {
		if rest := p.text[p.pos:]; len(rest) > len(op) && strings.EqualFold(rest[:len(op)], op) &&
			strings.IndexByte(" [(@$'\"", rest[len(op)]) >= 0 {
			p.pos += len(op)
			return op
		}
	}
	return ""
}

// operand reads one side of a test.
func (p *pathParser) operand(depth int) (*operand, error) {
	switch c := p.next(); {
	case c == '@' || c == '$':
		p.pos++
		path, err := p.path(depth + 1)
		return &operand{path: path, fromRoot: c == '$'}, err
	case c == '\'' || c == '"':
		text, err := p.quoted()
		return &operand{constant: text}, err
	case c == '[':
		return p.array()
	}
	from := p.pos
	for p.pos < len(p.text) && strings.IndexByte(" ,)]&|=!<>", p.next()) < 0 {
		p.pos++
	}
	switch word := p.text[from:p.pos]; word {
	case "true":
		return &operand{constant: true}, nil
	case "false":
		return &operand{constant: false}, nil
	case "null":
		return &operand{}, nil
	default:
		v, err := parseJSON(word)
		if err != nil || !isNumber(v) {
			p.pos = from
			return nil, p.wrong("a value is missing")
		}
		return &operand{constant: v}, nil
	}
}

func (p *pathParser) array() (*operand, error) {
	p.pos++
	list := &List{kind: jsonList}
	for p.blank(); !p.skip("]"); p.blank() {
		if len(list.items) > 0 && !p.skip(",") {
			return nil, p.wrong("a comma or ] is missing")
		}
		p.blank()
		item, err := p.operand(20)
		if err != nil {
			return nil, err
		}
		if item.path != nil {
			return nil, p.wrong("a path in a list is not supported")
		}
		list.items = append(list.items, item.constant)
	}
	return &operand{constant: list}, nil
}

// pattern reads /regular expression/i.
func (p *pathParser) pattern() (*operand, error) {
	if !p.skip("/") {
		return nil, p.wrong("a regular expression is written /…/")
	}
	from := p.pos
	for p.pos < len(p.text) && p.next() != '/' {
		if p.next() == '\\' {
			p.pos++
		}
		p.pos++
	}
	if p.pos >= len(p.text) {
		return nil, p.wrong("a regular expression is not closed")
	}
	text := strings.ReplaceAll(p.text[from:p.pos], `\/`, `/`)
	p.pos++
	if p.skip("i") {
		text = "(?i)" + text
	}
	re, err := compileRegexp(text)
	if err != nil {
		return nil, p.wrong("the regular expression cannot be used (%v)", err)
	}
	return &operand{re: re}, nil
}

package vtl

import "strings"

// levels are the operators by how strongly they bind, the weakest first.
var levels = [][]struct {
	symbol, word string
	op           operator
}{
	{{"||", "or", opOr}},
	{{"&&", "and", opAnd}},
	{{"==", "eq", opEqual}, {"!=", "ne", opNotEqual}},
	{{"<=", "le", opLessOrEqual}, {">=", "ge", opGreaterOrEqual}, {"<", "lt", opLess}, {">", "gt", opGreater}},
	{{"+", "", opAdd}, {"-", "", opSubtract}},
	{{"*", "", opMultiply}, {"/", "", opDivide}, {"%", "", opModulus}},
}

func (p *parser) expression() (expr, bool) {
	if !p.deeper(p.at(p.pos)) {
		return nil, false
	}
	defer p.shallower()
	return p.level(0)
}

func (p *parser) level(n int) (expr, bool) {
	if n == len(levels) {
		return p.unary()
	}
	left, ok := p.level(n + 1)
	for ok {
		at := p.pos
		op, found := p.operator(n)
		if !found {
			return left, true
		}
		var right expr
		if right, ok = p.level(n + 1); ok {
			left = &binaryExpr{at: p.at(at), op: op, left: left, right: right}
		}
	}
	return nil, false
}

func (p *parser) operator(n int) (operator, bool) {
	for _, o := range levels[n] {
		// A minus right before a digit belongs to the number.
		if p.has(o.symbol) && !(o.op == opSubtract && p.negative()) {
			p.pos += len(o.symbol)
			return o.op, true
		}
		if o.word != "" && p.hasWord(o.word) {
			p.pos += len(o.word)
			return o.op, true
		}
	}
	return 0, false
}

func (p *parser) negative() bool {
	rest := p.src[p.pos+1:]
	return rest != "" && (isDigit(rest[0]) || (rest[0] == '.' && len(rest) > 1 && isDigit(rest[1])))
}

func (p *parser) hasWord(word string) bool {
	after := p.pos + len(word)
	return p.has(word) && (after == len(p.src) || !isWordChar(p.src[after]))
}

func (p *parser) unary() (expr, bool) {
	p.space()
	if p.next() == '!' && !p.has("!=") || p.hasWord("not") {
		if p.next() == '!' {
			p.pos++
		} else {
			p.pos += len("not")
		}
		if !p.deeper(p.at(p.pos)) {
			return nil, false
		}
		defer p.shallower()
		of, ok := p.unary()
		return &notExpr{of}, ok
	}
	if p.next() != '(' {
		e, ok := p.operand(false)
		p.space()
		return e, ok
	}
	p.pos++
	inner, ok := p.expression()
	if !ok {
		return nil, false
	}
	if p.space(); p.next() != ')' {
		p.wrong(p.pos, "", "expected ), found %s", p.found())
		return nil, false
	}
	p.pos++
	p.space()
	return inner, true
}

// operand reads what stands for a value: a reference, text, a number, a list, a map
// or a range. Bare words are null, but only among the arguments of methods.
func (p *parser) operand(inMethod bool) (expr, bool) {
	c := p.next()
	switch {
	case c == '$':
		if !p.isReference(p.pos) {
			p.wrong(p.pos, "", "a $ without the name of a variable")
			return nil, false
		}
		r, ok := p.reference()
		if !ok {
			return nil, false
		}
		return r, true
	case c == '"' || c == '\'':
		return p.quoted(c)
	case isDigit(c) || c == '-' || c == '.':
		return p.number()
	case c == '[':
		return p.list(inMethod)
	case c == '{':
		return p.mapping(inMethod)
	case p.hasWord("true"):
		p.pos += len("true")
		return literal{true}, true
	case p.hasWord("false"):
		p.pos += len("false")
		return literal{false}, true
	case inMethod && isNameStart(c):
		for p.pos < len(p.src) && isNameChar(p.src[p.pos]) {
			p.pos++
		}
		return nullWord{}, true
	case isNameStart(c):
		p.wrong(p.pos, "text needs quotes, a variable its $", "expected a value, found %s", p.found())
	default:
		p.wrong(p.pos, "", "expected a value, found %s", p.found())
	}
	return nil, false
}

func (p *parser) number() (expr, bool) {
	start := p.pos
	if p.next() == '-' {
		p.pos++
	}
	digits := func() bool {
		from := p.pos
		for p.pos < len(p.src) && isDigit(p.src[p.pos]) {
			p.pos++
		}
		return p.pos > from
	}
	hasWhole := digits()
	hasFraction := false
	if p.next() == '.' && !p.has("..") {
		p.pos++
		hasFraction = digits()
	}
	if !hasWhole && !hasFraction {
		p.pos = start
		hint := ""
		if p.next() == '-' {
			hint = "write 0 - $name to negate a variable"
		}
		p.wrong(start, hint, "expected a value, found %s", p.found())
		return nil, false
	}
	if c := p.next(); c == 'e' || c == 'E' {
		mark := p.pos
		p.pos++
		if c := p.next(); c == '+' || c == '-' {
			p.pos++
		}
		if !digits() {
			p.pos = mark
		}
	}
	text := p.src[start:p.pos]
	if len(text) > maxWhole {
		p.wrong(start, "", "a number has more than %d digits", maxWhole)
		return nil, false
	}
	return literal{parseNumber(text)}, true
}

// list reads [a, b] or [1..5].
func (p *parser) list(inMethod bool) (expr, bool) {
	start := p.pos
	if !p.deeper(p.at(start)) {
		return nil, false
	}
	defer p.shallower()
	p.pos++
	list := &listLiteral{at: p.at(start)}
	if p.space(); p.next() == ']' {
		p.pos++
		return list, true
	}
	for {
		p.space()
		item, ok := p.operand(inMethod)
		if !ok {
			return nil, false
		}
		list.items = append(list.items, item)
		p.space()
		switch {
		case p.next() == ']':
			p.pos++
			return list, true
		case p.next() == ',':
			p.pos++
		case p.has("..") && len(list.items) == 1:
			return p.rangeTo(start, item, inMethod)
		default:
			p.wrong(p.pos, "", "expected a comma or ] in a list, found %s", p.found())
			return nil, false
		}
	}
}

func (p *parser) rangeTo(start int, from expr, inMethod bool) (expr, bool) {
	p.pos += len("..")
	p.space()
	at := p.pos
	to, ok := p.operand(inMethod)
	if !ok {
		return nil, false
	}
	for _, end := range []expr{from, to} {
		l, isLiteral := end.(literal)
		_, isWhole := l.value.(int32)
		if _, isReference := end.(*reference); !isReference && !(isLiteral && isWhole) {
			p.wrong(at, "", "a range goes from one whole number to another")
			return nil, false
		}
	}
	if p.space(); p.next() != ']' {
		p.wrong(p.pos, "", "expected ] after a range, found %s", p.found())
		return nil, false
	}
	p.pos++
	return &rangeLiteral{at: p.at(start), from: from, to: to}, true
}

// mapping reads {"a": 1, "b": 2}.
func (p *parser) mapping(inMethod bool) (expr, bool) {
	start := p.pos
	if !p.deeper(p.at(start)) {
		return nil, false
	}
	defer p.shallower()
	p.pos++
	m := &mapLiteral{at: p.at(start)}
	if p.space(); p.next() == '}' {
		p.pos++
		return m, true
	}
	for {
		p.space()
		key, ok := p.operand(inMethod)
		if !ok {
			return nil, false
		}
		if p.space(); p.next() != ':' {
			p.wrong(p.pos, "", "expected a colon in a map, found %s", p.found())
			return nil, false
		}
		p.pos++
		p.space()
		value, ok := p.operand(inMethod)
		if !ok {
			return nil, false
		}
		m.keys, m.values = append(m.keys, key), append(m.values, value)
		p.space()
		switch p.next() {
		case '}':
			p.pos++
			return m, true
		case ',':
			p.pos++
		default:
			p.wrong(p.pos, "", "expected a comma or } in a map, found %s", p.found())
			return nil, false
		}
	}
}

// quoted reads text in quotes. A quote in it is written twice; backslashes mean
// nothing, but for the characters that \u names in double quotes.
func (p *parser) quoted(quote byte) (expr, bool) {
	start := p.pos
	end := start + 1
	for ; ; end++ {
		n := strings.IndexByte(p.src[end:], quote)
		if n < 0 {
			p.wrong(start, "", "a text is not closed with %c", quote)
			p.pos = len(p.src)
			return nil, false
		}
		if end += n; end+1 >= len(p.src) || p.src[end+1] != quote {
			break
		}
		end++
	}
	raw := p.src[start+1 : end]
	p.pos = end + 1
	text := strings.ReplaceAll(raw, string([]byte{quote, quote}), string(quote))
	if quote == '\'' {
		return literal{text}, true
	}
	text = replaceUnicode(text)
	if !strings.ContainsAny(text, "$#") {
		return literal{text}, true
	}
	if !p.deeper(p.at(start)) {
		return nil, false
	}
	defer p.shallower()
	inner := &parser{compilation: p.compilation, src: text, origin: p.at(start + 1), inexact: p.inexact || text != raw, inString: true}
	nodes := inner.top()
	switch len(nodes) {
	case 0:
		return literal{""}, true
	case 1:
		if text, ok := nodes[0].(*textNode); ok {
			return literal{string(text.text)}, true
		}
	}
	return &interpolation{at: p.at(start), nodes: nodes}, true
}

// replaceUnicode replaces \uXXXX by the characters.
func replaceUnicode(text string) string {
	if !strings.Contains(text, `\u`) {
		return text
	}
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, `\u`)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		unit, ok := hexUnit(after)
		if !ok {
			out.WriteString(`\u`)
			text = after
			continue
		}
		out.WriteRune(rune(unit))
		text = after[4:]
	}
}

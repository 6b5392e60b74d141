package vtl

import "strings"

// hash reads a directive or comment, or a # that is text.
func (p *parser) hash(b *body) ending {
	start := p.pos
	switch {
	case p.has("##"):
		if n := strings.IndexAny(p.src[p.pos:], "\r\n"); n < 0 {
			p.pos = len(p.src)
		} else {
			p.pos += n
			p.gobble()
		}
		return ending{}
	case p.has("#*"):
		p.enclosed("#*", "*#", "comment")
		return ending{}
	case p.has("#[["):
		b.text(p.enclosed("#[[", "]]#", "literal text"))
		return ending{}
	case p.atSet():
		p.set(b)
		return ending{}
	}
	name, size := p.word(p.pos + 1)
	if name == "" {
		if p.pos+1 == len(p.src) && !p.inString {
			p.wrong(p.pos, "add a space or line end after it", "a template cannot end with #: API Gateway fails with it")
		}
		b.text("#")
		p.pos++
		p.loose = p.pos
		return ending{}
	}
	p.pos += 1 + size
	switch name {
	case "end":
		p.gobble()
		return ending{endOfBlock, start}
	case "else":
		p.gobble()
		return ending{elseBranch, start}
	case "elseif":
		return ending{elseIfCheck, start}
	case "if":
		p.ifStatement(b, start)
	case "stop":
		p.leaving(start, "stop")
		b.add(stopNode{})
	case "foreach":
		p.foreach(b, start)
	case "break":
		p.breakStatement(b, start)
	case "define":
		p.define(b, start)
	case "macro":
		p.macro(start)
	case "parse", "include":
		p.problem(p.at(start), CodeUnsupported, "put the other template in its place", "#%s has no files to read from in API Gateway", name)
	default:
		p.unknown(b, start, name)
	}
	return ending{}
}

// leaving refuses what ends a loop or template inside a text.
func (p *parser) leaving(start int, name string) {
	if p.inString {
		p.problem(p.at(start), CodeUnsupported, "", "#%s inside a text is not supported", name)
	}
}

// enclosed reads from an opening to its closing and gives what is between.
func (p *parser) enclosed(opening, closing, what string) string {
	from := p.pos + len(opening)
	n := strings.Index(p.src[from:], closing)
	if n < 0 {
		p.wrong(p.pos, "", "the %s that begins with %s does not end with %s", what, opening, closing)
		p.pos = len(p.src)
		return ""
	}
	p.pos = from + n + len(closing)
	return p.src[from : from+n]
}

// opening reads the parenthesis after a directive's name.
func (p *parser) opening(name string) bool {
	p.space()
	if p.next() != '(' {
		p.wrong(p.pos, "", "#%s needs its condition or arguments in parentheses, found %s", name, p.found())
		return false
	}
	p.pos++
	return true
}

// closing reads the parenthesis at the end of a directive and the line end after it.
func (p *parser) closing(name string) bool {
	p.space()
	if p.next() != ')' {
		hint := ""
		if c := p.next(); c == '-' {
			hint = "write a space after the minus"
		} else if isLetter(c) {
			hint = "text needs quotes, a variable its $"
		}
		p.wrong(p.pos, hint, "expected ) at the end of #%s, found %s", name, p.found())
		return false
	}
	p.pos++
	p.gobble()
	return true
}

// skipArguments goes to the end of a directive's arguments in which something is
// wrong; open is where they begin.
func (p *parser) skipArguments(open int) {
	depth := 0
	for i := open; i < len(p.src); i++ {
		switch c := p.src[i]; c {
		case '"', '\'':
			if n := strings.IndexByte(p.src[i+1:], c); n >= 0 {
				i += n + 1
			}
		case '(':
			depth++
		case ')':
			if depth--; depth <= 0 {
				p.pos = i + 1
				p.gobble()
				return
			}
		}
	}
	p.pos = max(p.pos, min(open+1, len(p.src)))
}

func (p *parser) set(b *body) {
	open := p.pos + strings.IndexByte(p.src[p.pos:], '(')
	p.pos = open + 1
	p.space()
	left, right, ok := p.assignment()
	if !ok || !p.closing("set") {
		p.skipArguments(open)
		return
	}
	b.add(&setNode{left: left, right: right})
}

func (p *parser) assignment() (*reference, expr, bool) {
	if !p.isReference(p.pos) {
		p.wrong(p.pos, "write #set($name = value)", "#set needs a variable to set, found %s", p.found())
		return nil, nil, false
	}
	start := p.pos
	left, ok := p.target()
	if !ok {
		return nil, nil, false
	}
	if n := len(left.path); n > 0 && left.path[n-1].kind == method {
		p.wrong(start, "set a variable, a property or an index", "#set cannot set the result of a method")
		return nil, nil, false
	}
	p.space()
	if p.next() != '=' || p.has("==") {
		p.wrong(p.pos, "write #set($name = value)", "#set needs = after the variable, found %s", p.found())
		return nil, nil, false
	}
	p.pos++
	right, ok := p.expression()
	return left, right, ok
}

// condition reads the condition of an #if or #elseif.
func (p *parser) condition(name string) expr {
	if !p.opening(name) {
		return literal{false}
	}
	open := p.pos - 1
	condition, ok := p.expression()
	if !ok || !p.closing(name) {
		p.skipArguments(open)
		return literal{false}
	}
	return condition
}

func (p *parser) ifStatement(b *body, start int) {
	if !p.deeper(p.at(start)) {
		p.pos = len(p.src)
		return
	}
	defer p.shallower()
	n := &ifNode{at: p.at(start), conditions: []expr{p.condition("if")}}
	for {
		branch := &body{}
		e := p.statements(branch)
		n.bodies = append(n.bodies, branch.nodes)
		hasElse := len(n.bodies) > len(n.conditions)
		switch {
		case e.kind == endOfBlock:
			b.add(n)
			return
		case e.kind == endOfInput:
			p.wrong(start, "", "#if has no #end")
			return
		case hasElse:
			p.wrong(e.at, "", "#%s comes after #else", e.kind)
			n.bodies = n.bodies[:len(n.bodies)-1]
			if e.kind == elseIfCheck {
				p.condition("elseif")
			}
		case e.kind == elseIfCheck:
			n.conditions = append(n.conditions, p.condition("elseif"))
		}
	}
}

// block reads the statements of a directive up to its #end.
func (p *parser) block(start int, name string) []node {
	if !p.deeper(p.at(start)) {
		p.pos = len(p.src)
		return nil
	}
	defer p.shallower()
	b := &body{}
	for {
		switch e := p.statements(b); e.kind {
		case endOfBlock:
			return b.nodes
		case endOfInput:
			p.wrong(start, "", "#%s has no #end", name)
			return nil
		case elseIfCheck:
			p.condition("elseif")
			fallthrough
		default:
			p.wrong(e.at, "", "#%s has no #if before it", e.kind)
		}
	}
}

func (p *parser) foreach(b *body, start int) {
	n := &foreachNode{at: p.at(start)}
	if p.opening("foreach") {
		open := p.pos - 1
		if name, list, ok := p.loopHead(); ok && p.closing("foreach") {
			n.slot, n.list = p.slot(name), list
		} else {
			p.skipArguments(open)
		}
	}
	// The body may be the first to use what the loop sets, so that is asked after it.
	n.body = p.block(start, "foreach")
	n.scopeSlot, n.countSlot, n.nextSlot = p.slotIfUsed("foreach"), p.slotIfUsed("velocityCount"), p.slotIfUsed("velocityHasNext")
	p.assigned["foreach"], p.assigned["velocityCount"], p.assigned["velocityHasNext"] = true, true, true
	if n.list != nil {
		b.add(n)
	}
}

// loopHead reads $item in list.
func (p *parser) loopHead() (string, expr, bool) {
	const hint = "write #foreach($item in $list)"
	p.space()
	start := p.pos
	if !p.isReference(start) {
		p.wrong(start, hint, "#foreach needs a variable, found %s", p.found())
		return "", nil, false
	}
	item, ok := p.target()
	if !ok {
		return "", nil, false
	}
	if len(item.path) > 0 {
		p.wrong(start, hint, "#foreach needs a variable without a property")
		return "", nil, false
	}
	name := p.variable(start)
	p.space()
	// Velocity takes any word for the "in".
	_, size := p.word(p.pos)
	if size == 0 || p.next() == '{' {
		p.wrong(p.pos, hint, `#foreach needs "in" after its variable, found %s`, p.found())
		return "", nil, false
	}
	p.pos += size
	p.space()
	list, ok := p.operand(false)
	return name, list, ok
}

func (p *parser) breakStatement(b *body, start int) {
	p.leaving(start, "break")
	n := &breakNode{at: p.at(start)}
	at := p.pos
	for at < len(p.src) && isSpace(p.src[at]) {
		at++
	}
	if at < len(p.src) && p.src[at] == '(' {
		p.pos = at + 1
		p.space()
		if p.next() != ')' {
			scope, ok := p.operand(false)
			if !ok {
				p.skipArguments(at)
				return
			}
			n.scope = scope
		}
		if !p.closing("break") {
			p.skipArguments(at)
		}
	}
	b.add(n)
}

func (p *parser) define(b *body, start int) {
	slot := -1
	if p.opening("define") {
		open := p.pos - 1
		p.space()
		at := p.pos
		name, ok := "", false
		if !p.isReference(at) {
			p.wrong(at, "write #define($name)", "#define needs a variable, found %s", p.found())
		} else if r, parsed := p.target(); parsed {
			if ok = len(r.path) == 0; !ok {
				p.wrong(at, "write #define($name)", "#define needs a variable without a property")
			}
			name = p.variable(at)
		}
		if ok && p.closing("define") {
			slot = p.slot(name)
		} else {
			p.skipArguments(open)
		}
	}
	nodes := p.block(start, "define")
	if slot >= 0 {
		b.add(&defineNode{slot: slot, body: nodes})
	}
}

// macro reads the definition of a macro, of which API Gateway makes nothing.
func (p *parser) macro(start int) {
	p.warning(p.at(start), CodeIgnored, "use #define, or write it out where it is used",
		"API Gateway has no macros: it drops #macro, and prints what calls it")
	p.space()
	if open := p.pos; p.next() == '(' {
		if p.skipArguments(open); p.pos == open+1 {
			p.wrong(open, "", "#macro( is not closed")
		}
	} else {
		p.wrong(p.pos, "", "#macro needs its name and arguments in parentheses, found %s", p.found())
	}
	used, problems, doubts := p.firstUse, p.problems, p.doubts
	p.firstUse = map[string]int{}
	p.block(start, "macro")
	p.firstUse, p.doubts = used, doubts
	// What is dropped has no problems but those of its syntax.
	kept := append([]Problem(nil), problems...)
	for _, problem := range p.problems[len(problems):] {
		if problem.Code == CodeSyntax || problem.Code == CodeTooLarge {
			kept = append(kept, problem)
		}
	}
	p.problems = kept
}

// unknown prints a directive that is none, with its arguments as they stand.
func (p *parser) unknown(b *body, start int, name string) {
	at := p.pos
	for at < len(p.src) && isSpace(p.src[at]) {
		at++
	}
	if at < len(p.src) && p.src[at] == '(' {
		if strings.HasPrefix(name, "@") {
			p.problem(p.at(start), CodeUnsupported, "write it out", "API Gateway has no macros with a body, such as #%s", name)
			return
		}
		p.warning(p.at(start), CodeIgnored, "", "API Gateway has no directive #%s, and prints it as it stands", name)
		open := at
		p.pos = at + 1
		used, doubts := p.firstUse, p.doubts
		p.firstUse = map[string]int{}
		ok := p.schmooArguments()
		p.firstUse, p.doubts = used, doubts
		if !ok {
			p.skipArguments(open)
			return
		}
		p.gobble()
	}
	b.text(p.src[start:p.pos])
}

// schmooArguments reads the arguments of a directive that is none. They have to be
// those that a macro could have, though they are only printed.
func (p *parser) schmooArguments() bool {
	for {
		p.space()
		if p.next() == ',' {
			p.pos++
			p.space()
		}
		if p.next() == ')' {
			p.pos++
			return true
		}
		if _, size := p.word(p.pos); size > 0 && p.next() != '{' {
			p.pos += size
			continue
		}
		if _, ok := p.operand(false); !ok {
			return false
		}
	}
}

package vtl

import (
	"slices"
	"strings"
)

// reference reads one that is used for its value.
func (p *parser) reference() (*reference, bool) {
	start := p.pos
	name := p.variable(start)
	if _, used := p.firstUse[name]; !used {
		p.firstUse[name] = p.at(start)
	}
	r, ok := p.referencePath(start, name)
	if ok {
		p.check(name, r)
	}
	return r, ok
}

// target reads one that is set.
func (p *parser) target() (*reference, bool) {
	start := p.pos
	name := p.variable(start)
	r, ok := p.referencePath(start, name)
	switch {
	case !ok:
	case len(r.path) == 0:
		p.assigned[name] = true
	default:
		if _, used := p.firstUse[name]; !used {
			p.firstUse[name] = p.at(start)
		}
		p.check(name, r)
	}
	return r, ok
}

// variable is the name in the reference at start.
func (p *parser) variable(start int) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(p.src[start+1:], "!"), "{")
	n := 0
	for n < len(rest) && isNameChar(rest[n]) {
		n++
	}
	return rest[:n]
}

func (p *parser) referencePath(start int, name string) (*reference, bool) {
	p.pos = start + strings.Index(p.src[start:], name)
	formal := p.src[p.pos-1] == '{'
	p.pos += len(name)
	r := &reference{at: p.at(start), slot: p.slot(name), root: builtins[name]}
	for {
		switch {
		case p.next() == '[':
			if !p.indexAccess(r) {
				return nil, false
			}
			continue
		case p.next() == '.' && p.pos+1 < len(p.src) && isLetter(p.src[p.pos+1]):
			if !p.memberAccess(r) {
				return nil, false
			}
			continue
		}
		break
	}
	if formal {
		if p.next() != '}' {
			hint := ""
			if p.next() == '|' {
				hint = "API Gateway has no alternate values; use #if"
			}
			p.wrong(p.pos, hint, "expected } at the end of ${%s, found %s", name, p.found())
			return nil, false
		}
		p.pos++
	}
	r.source = p.src[start:p.pos]
	for _, a := range r.path {
		r.open = !formal && (a.kind == property || r.open && a.kind == index)
	}
	return r, true
}

func (p *parser) indexAccess(r *reference) bool {
	a := access{at: p.at(p.pos), kind: index}
	if !p.deeper(a.at) {
		return false
	}
	defer p.shallower()
	p.pos++
	p.space()
	switch p.next() {
	case '[', '{', '.':
		p.wrong(p.pos, "", "an index is a number, text or reference, found %s", p.found())
		return false
	}
	key, ok := p.operand(false)
	if !ok {
		return false
	}
	if p.space(); p.next() != ']' {
		p.wrong(p.pos, "", "expected ] after an index, found %s", p.found())
		return false
	}
	p.pos++
	a.args = []expr{key}
	r.path = append(r.path, a)
	return true
}

func (p *parser) memberAccess(r *reference) bool {
	p.pos++
	a := access{at: p.at(p.pos)}
	from := p.pos
	for p.pos < len(p.src) && isNameChar(p.src[p.pos]) {
		p.pos++
	}
	a.name = p.src[from:p.pos]
	if p.next() == '(' {
		a.kind = method
		if !p.deeper(a.at) {
			return false
		}
		defer p.shallower()
		p.pos++
		var ok bool
		if a.args, ok = p.arguments(a.name); !ok {
			return false
		}
	}
	r.path = append(r.path, a)
	return true
}

func (p *parser) arguments(name string) ([]expr, bool) {
	if p.space(); p.next() == ')' {
		p.pos++
		return nil, true
	}
	var args []expr
	for {
		p.space()
		arg, ok := p.operand(true)
		if !ok {
			return nil, false
		}
		args = append(args, arg)
		p.space()
		switch c := p.next(); c {
		case ')':
			p.pos++
			return args, true
		case ',':
			p.pos++
		default:
			hint := ""
			if strings.IndexByte("+-*/%<>=!&|", c) >= 0 {
				hint = "API Gateway cannot compute in the arguments of a method: #set a variable first"
			}
			p.wrong(p.pos, hint, "expected a comma or ) in the arguments of %s, found %s", name, p.found())
			return nil, false
		}
	}
}

// check finds what is wrong with a reference besides its syntax, and compiles what
// is the same for each rendering.
func (p *parser) check(variable string, r *reference) {
	for i := range r.path {
		a := &r.path[i]
		first := i == 0 && (r.root == inputBuiltin || r.root == utilBuiltin)
		if first {
			p.checkBuiltin(variable, a)
			if !methods[a.name] {
				continue
			}
		}
		if a.kind != method {
			continue
		}
		switch {
		case unsupportedMethods[a.name]:
			p.problem(a.at, CodeUnsupported, "", "the method %s is not supported", a.name)
			continue
		case !methods[a.name]:
			p.warning(a.at, CodeUnknownMethod, similarMethod(a.name, methodNames()), "no value has a method %s, so nothing is printed in its place", a.name)
			continue
		}
		switch a.name {
		case "matches", "replaceAll", "replaceFirst", "split":
			if pattern, ok := constant(a.args); ok {
				re, err := compileRegexp(pattern)
				if err != nil && !first {
					p.problem(a.at, CodeRegexp, "", "the regular expression of %s cannot be used: %v", a.name, err)
				}
				if err == nil {
					a.compiled = re
				}
			}
		}
	}
}

// checkBuiltin is check for the first step from $input or $util.
func (p *parser) checkBuiltin(variable string, a *access) {
	known := inputMethods
	if variable == "util" {
		known = utilMethods
	}
	name, at, count := a.name, a.at, len(a.args)
	doubted := func(tell func()) { p.doubts = append(p.doubts, doubt{variable, tell}) }
	switch {
	case a.kind == index, a.kind == property && variable == "input" && name == "body":
	case a.kind == property:
		hint := ""
		if slices.Contains(known, name) {
			hint = "write $" + variable + "." + name + "(…)"
		}
		doubted(func() {
			p.warning(at, CodeUnknownFunction, hint, "$%s has no %s, so nothing is printed in its place", variable, name)
		})
	case !slices.Contains(known, name):
		hint := similarMethod(name, known)
		if hint == "" && variable == "util" {
			hint = "API Gateway has " + strings.Join(utilMethods, ", ") + "; others are AppSync's"
		}
		doubted(func() {
			p.warning(at, CodeUnknownFunction, hint, "$%s has no function %s, so nothing is printed in its place", variable, name)
		})
	case (variable == "util" || name == "json" || name == "path") && count != 1:
		doubted(func() {
			p.warning(at, CodeUnknownFunction, "", "$%s.%s takes one argument, not %d, so nothing is printed in its place", variable, name, count)
		})
	case name == "json" || name == "path":
		text, ok := constant(a.args)
		if !ok {
			return
		}
		path, err := parsePath(text)
		if err == nil {
			a.compiled = path
			return
		}
		doubted(func() { p.problem(at, CodeJSONPath, "", "the JSONPath cannot be used: %v", err) })
	}
}

// constant is the first argument, where it is a text that never changes.
func constant(args []expr) (string, bool) {
	if len(args) == 0 {
		return "", false
	}
	l, ok := args[0].(literal)
	if !ok {
		return "", false
	}
	text, ok := l.value.(string)
	return text, ok
}

// similarMethod hints at a name that differs in case or by one letter.
func similarMethod(name string, names []string) string {
	for _, known := range names {
		if strings.EqualFold(known, name) {
			return "did you mean " + known + "?"
		}
	}
	for _, known := range names {
		if len(name) > 3 && oneLetterOff(name, known) {
			return "did you mean " + known + "?"
		}
	}
	return ""
}

func oneLetterOff(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch len(b) - len(a) {
	case 0:
		return i < len(a) && a[i+1:] == b[i+1:]
	case 1:
		return a[i:] == b[i+1:]
	}
	return false
}

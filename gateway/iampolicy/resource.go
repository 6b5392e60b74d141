package iampolicy

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// shorthand begins the resources that stand for methods of the policy's own API.
const shorthand = service + ":/"

const shorthandHint = "write " + shorthand + "* for all methods of this API"

// resources reads Resource or NotResource.
func (p *parser) resources(at Path, m *member) []arnPattern {
	var all []arnPattern
	values := p.texts(at, &m.value, "a resource", textNode)
	for _, v := range values {
		if limit := p.options.MaxResourceCharacters; limit > 0 && utf8.RuneCountInString(v.text) > limit {
			p.problem(v.at, v.offset, "", "the resource has more than %d characters", limit)
		}
		p.noticeVariables(v)
		if compiled, ok := p.resource(v); ok {
			all = append(all, compiled)
		}
	}
	if p.options.Kind == ResourcePolicy && p.options.API != (API{}) && m.name == "Resource" && len(values) > 0 && len(all) == len(values) &&
		!slices.ContainsFunc(all, func(a arnPattern) bool { return a.covers(p.options.API) }) {
		p.problem(at, m.value.offset, shorthandHint, "the resource has no method of this API, %s", p.options.API.MethodARN("*", "*", "*"))
	}
	return all
}

func (p *parser) resource(v located) (arnPattern, bool) {
	if v.text == "*" {
		return arnPattern{any: true}, true
	}
	if path, ok := strings.CutPrefix(v.text, shorthand); ok {
		return p.short(v, path)
	}
	compiled, err := compileARN(v.text, p.variables)
	if err == nil {
		err = checkService(&compiled)
	}
	if err != nil {
		hint := "write * or an ARN such as arn:aws:execute-api:eu-west-1:111122223333:ab12cd34ef/prod/GET/pets"
		if p.options.Kind == ResourcePolicy {
			hint = shorthandHint
		}
		p.problem(v.at, v.offset, hint, "%v", err)
		return arnPattern{}, false
	}
	return compiled, true
}

// short expands execute-api:/stage/METHOD/path.
func (p *parser) short(v located, path string) (arnPattern, bool) {
	api := p.options.API
	if p.options.Kind != ResourcePolicy || api.ID == "" {
		p.problem(v.at, v.offset, "write the whole ARN", "%s… stands for an API only in the policy attached to it", shorthand)
		return arnPattern{}, false
	}
	below, err := notation{wildcards: true, variables: p.variables}.compile(path)
	if err != nil {
		p.problem(v.at, v.offset, "", "%v", err)
		return arnPattern{}, false
	}
	// What names the API is literal, whatever characters it has.
	var own patternBuilder
	own.literal(api.ID + "/")
	own.append(below)
	return arnPattern{parts: [arnParts]pattern{
		literal(api.partition()), literal(service), literal(api.Region), literal(api.Account), own.done(),
	}}, true
}

func literal(text string) pattern {
	var b patternBuilder
	b.literal(text)
	return b.done()
}

// append puts a whole pattern after what is there.
func (b *patternBuilder) append(p pattern) {
	for i, r := range p.runs {
		if i > 0 {
			b.star()
		}
		for _, piece := range r.pieces {
			b.add(piece)
		}
	}
	b.variables = b.variables || p.variables
}

// within reports whether the pattern takes ARNs of this region, account and partition.
func (a *arnPattern) within(api API) bool {
	return a.any || a.parts[partitionPart].matches(api.partition(), nil) && a.parts[servicePart].matches(service, nil) &&
		a.parts[regionPart].matches(api.Region, nil) && a.parts[accountPart].matches(api.Account, nil)
}

// covers reports whether the pattern takes the ARN of some method of the API.
func (a *arnPattern) covers(api API) bool {
	return a.any || a.within(api) && len(a.parts[resourcePart].after(api.ID+"/").beyond()) > 0
}

package integration

import (
	"slices"
	"strconv"
	"strings"

	"gatehouse/gateway"
	"gatehouse/integration/vtl"
)

// mapped compiles what all integrations have that are no proxies. What is wrong is all
// reported; the handler is nil then.
func (b *stageCompiler) mapped(r *gateway.Route, name string, to backend) handler {
	in := r.Integration
	h := &mapped{name: name, backend: to, traced: in.Type != gateway.IntegrationMock, passthrough: in.PassthroughBehavior, contentHandling: in.ContentHandling}
	h.templates = map[string]*vtl.Template{}
	templates, ok := b.templatesOf(in.RequestTemplates, in.RequestTemplateSources, in.Source)
	for contentType, template := range templates {
		// Media types are the same in any case.
		h.templates[strings.ToLower(contentType)] = template
	}
	for _, m := range in.RequestParameters {
		p, right := b.parameterOf(m, false)
		h.parameters, ok = append(h.parameters, p), ok && right
	}
	for i := range in.Responses {
		response, right := b.responseOf(&in.Responses[i])
		h.responses, ok = append(h.responses, response), ok && right
	}
	if len(h.responses) == 0 {
		b.found.Warnf("no-integration-response", in.Source, "", "add a default integration response",
			"%s has no integration response; every request is answered 500", r.Key())
	}
	if !ok || to == nil {
		return nil
	}
	return h
}

func (b *stageCompiler) responseOf(r *gateway.IntegrationResponse) (m mappedResponse, ok bool) {
	m.handling = r.ContentHandling
	m.templates, ok = b.templatesOf(r.ResponseTemplates, r.ResponseTemplateSources, r.Source)
	for t := range r.ResponseTemplates {
		if t != anyType {
			m.types = append(m.types, t)
		}
	}
	slices.SortFunc(m.types, func(a, c string) int {
		if (a == jsonType) != (c == jsonType) {
			return map[bool]int{true: -1, false: 1}[a == jsonType]
		}
		return strings.Compare(a, c)
	})
	var err error
	if m.status, err = strconv.Atoi(r.StatusCode); err != nil || m.status < 200 || m.status > 599 {
		b.errorf("invalid-status", r.Source, "", "the status code %q cannot be answered; it must be from 200 to 599", r.StatusCode)
		ok = false
	}
	if r.SelectionPattern != "" {
		if m.pattern, err = vtl.ParseRegexp(r.SelectionPattern); err != nil {
			b.errorf("invalid-pattern", r.Source, "", "the regular expression %q cannot be used: %v", r.SelectionPattern, err)
			ok = false
		}
	}
	for _, mapping := range r.ResponseParameters {
		p, right := b.parameterOf(mapping, true)
		m.parameters, ok = append(m.parameters, p), ok && right
	}
	return m, ok
}

// templatesOf compiles templates by their content types; those that leave bodies as they
// are become nil.
func (b *stageCompiler) templatesOf(texts map[string]string, sources map[string]gateway.TextSource, at gateway.Position) (map[string]*vtl.Template, bool) {
	compiled, ok := map[string]*vtl.Template{}, true
	for _, contentType := range sortedKeys(texts) {
		text := texts[contentType]
		if gateway.PassesThrough(text) {
			compiled[contentType] = nil
			continue
		}
		source, known := sources[contentType]
		if !known {
			source.Start = at
		}
		template := b.template(text, source)
		compiled[contentType], ok = template, ok && template != nil
	}
	return compiled, ok
}

// parsedTemplate is a template with what is wrong with it.
type parsedTemplate struct {
	template *vtl.Template
	problems []vtl.Problem
}

// template compiles a template. Stages that share a deployment share its templates.
func (b *stageCompiler) template(text string, source gateway.TextSource) *vtl.Template {
	parsed, known := b.parsed[text]
	if !known {
		parsed.template, parsed.problems = vtl.Parse(text)
		b.parsed[text] = parsed
	}
	for _, p := range parsed.problems {
		pos, exact := source.At(p.Line, p.Column)
		report, where := b.found.Errorf, ""
		if p.Warning {
			report = b.found.Warnf
		}
		if !exact {
			where = " (line " + strconv.Itoa(p.Line) + ", column " + strconv.Itoa(p.Column) + " of the template)"
		}
		report(p.Code, pos, "", p.Hint, "%s%s", p.Message, where)
	}
	return parsed.template
}

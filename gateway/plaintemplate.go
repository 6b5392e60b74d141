package gateway

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// replyVariable is a reference in the template of a gateway response.
var replyVariable = regexp.MustCompile(`\$(\{)?(context|stageVariables|method\.request)\.` + VariableName)

// ExpandReply makes something of the template of a gateway response, which has variables
// and no directives: text of what stands between them, and variable of each, such as
// context and error.message.
func ExpandReply(template string, text func(string) string, variable func(space, name string) string) string {
	return expand(replyVariable, template, text, func(m []int) string {
		return variable(template[m[4]:m[5]], nameOf(template, m))
	})
}

// ExpandPlain does the same for a template that needs no template engine: its references
// are those of TemplateVariable, and parameter is for $input.params('name').
func ExpandPlain(template string, text func(string) string, variable func(space, name string) string, parameter func(name string) string) string {
	return expand(TemplateVariable, template, text, func(m []int) string {
		if m[12] >= 0 {
			return parameter(template[m[12]:m[13]])
		}
		return variable(template[m[4]:m[5]], nameOf(template, m))
	})
}

func expand(reference *regexp.Regexp, template string, text func(string) string, value func(match []int) string) string {
	var b strings.Builder
	last := 0
	for _, m := range reference.FindAllStringSubmatchIndex(template, -1) {
		b.WriteString(text(template[last:m[0]]))
		last = afterReference(template, m)
		b.WriteString(value(m))
	}
	b.WriteString(text(template[last:]))
	return b.String()
}

// nameOf is the whole name that a match of a variable has in its third to fifth group.
func nameOf(template string, match []int) string {
	name := template[match[6]:match[7]]
	for group := 8; group <= 10; group += 2 {
		if match[group] >= 0 {
			name += "." + template[match[group]:match[group+1]]
		}
	}
	return name
}

// afterReference is where the text goes on behind a variable: after the closing brace
// of ${name}, right after $name.
func afterReference(template string, match []int) int {
	if match[2] >= 0 && strings.HasPrefix(template[match[1]:], "}") {
		return match[1] + 1
	}
	return match[1]
}

// UsualTemplate picks the template for clients that accept anything: that for JSON, else the
// first by name. Without any there is no content type.
func UsualTemplate(templates map[string]string) (contentType, template string) {
	if t, ok := templates["application/json"]; ok {
		return "application/json", t
	}
	if len(templates) == 0 {
		return "", ""
	}
	first := slices.Min(slices.Collect(maps.Keys(templates)))
	return first, templates[first]
}

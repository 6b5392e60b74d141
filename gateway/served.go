package gateway

import (
	"regexp"
	"slices"
)

// Envoy serves a route by itself as long as it need not look into bodies. What else there
// is behind routes, the integration service does. Both sides go by what is said here.

// NeedsService reports whether the integration service serves a route of a stage: because
// its integration does more than Envoy can, because its answers are kept, or because the
// stage traces what is sent.
func (s *Stage) NeedsService(r *Route) bool {
	in := r.Integration
	switch {
	case in == nil:
		return false
	case in.NeedsService():
		return true
	case s.RouteExecution(r.Key()).Data():
		// What is sent has to be seen by somebody who can tell it.
		return in.traceable()
	}
	return (in.Type == IntegrationHTTP || in.Type == IntegrationHTTPProxy) && s.RouteCache(r) != nil
}

// traceable reports whether the integration service can stand in for Envoy. A stream may never
// end.
func (in *Integration) traceable() bool {
	switch in.Type {
	case IntegrationHTTP, IntegrationHTTPProxy, IntegrationMock:
		return in.ResponseTransferMode != "STREAM"
	}
	return false
}

// NeedsService reports whether an integration does more than Envoy can.
func (in *Integration) NeedsService() bool {
	switch in.Type {
	case IntegrationAWS, IntegrationAWSProxy:
		return true
	case IntegrationMock:
		return !in.isPlainMock()
	case IntegrationHTTP:
		return in.mapsBodies()
	}
	return false
}

// VariableName matches a name in a template, and in more groups what may stand behind it
// in brackets: claims['https://example.com/role']. The claims of user pools that have
// a colon in them can be written as they are.
const VariableName = `(authorizer\.claims\.(?:cognito|custom):[A-Za-z0-9_.\-]*[A-Za-z0-9_]|[A-Za-z0-9_.\-]*[A-Za-z0-9_])(?:\[(?:'([^']+)'|"([^"]+)")\])?`

var (
	// TemplateVariable is a reference that needs no template engine: $context.name,
	// $stageVariables.name or $input.params('name'), with or without braces.
	TemplateVariable = regexp.MustCompile(`\$!?(\{)?(?:(context|stageVariables)\.` + VariableName + `|input\.params\(\s*['"]([^'"]+)['"]\s*\))`)
	templateSyntax   = regexp.MustCompile(`#(?:set|if|elseif|else|end|foreach|macro|define|stop|break|\*|#|\{)|\$[!{a-zA-Z]`)
)

// Overrides reports whether templates of an integration may override what is mapped.
func (in *Integration) Overrides() bool {
	switch in.Type {
	case IntegrationAWS, IntegrationHTTP, IntegrationMock:
		return true
	}
	return false
}

// isPlainMock reports whether nothing of a MOCK needs a template engine: requests choose
// the response by constant statuses, and responses are text with variables in it.
func (in *Integration) isPlainMock() bool {
	for _, template := range in.RequestTemplates {
		if templateSyntax.MatchString(template) {
			return false
		}
	}
	for i := range in.Responses {
		r := &in.Responses[i]
		if r.ContentHandling != "" || mapsFrom(r.ResponseParameters, ResponseBody, ResponseHeader, ResponseMultiHeader) {
			return false
		}
		for _, template := range r.ResponseTemplates {
			if !isPlainTemplate(template) {
				return false
			}
		}
	}
	return true
}

// callOfValue begins what goes on behind a variable: a method, an index, a member.
var callOfValue = regexp.MustCompile(`^(?:[(\[]|\.[A-Za-z])`)

// isPlainTemplate reports whether a template is text with variables in it.
func isPlainTemplate(template string) bool {
	last := 0
	for _, m := range TemplateVariable.FindAllStringIndex(template, -1) {
		if templateSyntax.MatchString(template[last:m[0]]) || callOfValue.MatchString(template[m[1]:]) {
			return false
		}
		last = m[1]
	}
	return !templateSyntax.MatchString(template[last:])
}

// mapsBodies reports whether a template, a mapping or a conversion is for a body.
func (in *Integration) mapsBodies() bool {
	if in.ContentHandling != "" || len(in.RequestTemplates) > 0 || mapsFrom(in.RequestParameters, RequestBody) {
		return true
	}
	return slices.ContainsFunc(in.Responses, func(r IntegrationResponse) bool {
		if r.ContentHandling != "" || mapsFrom(r.ResponseParameters, ResponseBody) {
			return true
		}
		for _, template := range r.ResponseTemplates {
			if !PassesThrough(template) {
				return true
			}
		}
		return false
	})
}

// PassesThrough reports whether a template leaves the body as it is.
func PassesThrough(template string) bool {
	return template == "" || template == "__passthrough__" || template == "$input.body"
}

func mapsFrom(mappings []ParameterMapping, kinds ...ExpressionKind) bool {
	return slices.ContainsFunc(mappings, func(m ParameterMapping) bool {
		value, err := ParseRESTValue(m.Source)
		return err == nil && slices.ContainsFunc(value, func(e Expression) bool { return slices.Contains(kinds, e.Kind) })
	})
}

package integration

import (
	"net/http"
	"strings"

	"gatehouse/gateway"
	"gatehouse/integration/vtl"
	"gatehouse/internal/lambdaevent"
)

// httpValue is what a mapping of an HTTP API makes a text of: one source after the other.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
type httpValue []source

// maxMappedBody is how much of a body is looked into for the parts of it.
const maxMappedBody = 100 << 10

// httpValue compiles a value; false when something is wrong with it, which is reported.
func (b *stageCompiler) httpValue(m gateway.ParameterMapping, response bool) (httpValue, bool) {
	expressions, err := gateway.ParseHTTPValue(m.Source)
	if err != nil {
		b.errorf("invalid-mapping", m.Pos, "", "%v", err)
		return nil, false
	}
	var v httpValue
	ok := true
	for _, e := range expressions {
		s := source{kind: e.Kind, name: e.Name}
		switch e.Kind {
		case gateway.StageVariable:
			s.kind, s.name = gateway.Literal, b.stage.variables[e.Name]
		case gateway.ContextVariable:
			if !knownContext(e.Name) {
				b.found.Warnf("unknown-variable", m.Pos, "", "", "$context.%s has no value here", e.Name)
			}
		case gateway.ResponseHeader, gateway.ResponseBody:
			if !response {
				b.errorf("unsupported-mapping", m.Pos, "", "a request mapping cannot use the response")
				ok = false
			}
		}
		if (e.Kind == gateway.RequestBody || e.Kind == gateway.ResponseBody) && e.Name != "" {
			if e.Name[0] == '.' || strings.Contains(e.Name, "..") || strings.Contains(e.Name, "?(") {
				b.errorf(vtl.CodeJSONPath, m.Pos, "", "the JSONPath %q cannot be used: in an HTTP API it has neither .. nor filters", e.Name)
				ok = false
			} else if s.path, err = vtl.ParsePath(jsonPathOf(e.Name)); err != nil {
				b.errorf(vtl.CodeJSONPath, m.Pos, "", "the JSONPath %q cannot be used: %v", e.Name, err)
				ok = false
			}
		}
		v = append(v, s)
	}
	return v, ok
}

// constant is the text that a value always has.
func (v httpValue) constant() (text string, ok bool) {
	for _, s := range v {
		if s.kind != gateway.Literal {
			return "", false
		}
		text += s.name
	}
	return text, true
}

// httpMapping is a request to an HTTP API, and what is answered to it, as mappings see them.
type httpMapping struct {
	*exchange
	body      []byte
	variables *vtl.Map
	// header and answer are of the integration's answer, if there is one.
	header http.Header
	answer []byte

	requestJSON, answerJSON parsedBody
}

// parsedBody is a body that is parsed once, if it is JSON.
type parsedBody struct {
	parsed   bool
	document *vtl.Document
}

// text puts a value together; "" where nothing of it is there.
func (m *httpMapping) text(v httpValue) string {
	if len(v) == 1 {
		return m.part(&v[0])
	}
	var b strings.Builder
	for i := range v {
		b.WriteString(m.part(&v[i]))
	}
	return b.String()
}

func (m *httpMapping) part(s *source) string {
	switch s.kind {
	case gateway.Literal:
		return s.name
	case gateway.RequestHeader:
		if hasInternalPrefix(s.name) {
			return ""
		}
		if strings.EqualFold(s.name, "host") {
			return m.request.Host
		}
		return strings.Join(m.request.Header.Values(s.name), ",")
	case gateway.RequestQuery:
		var values []string
		for _, f := range lambdaevent.Query(m.query, false) {
			if f.Name == s.name {
				values = append(values, f.Value)
			}
		}
		return strings.Join(values, ",")
	case gateway.RequestPath:
		if s.name == "" {
			return m.below()
		}
		return m.decodedVariables()[s.name]
	case gateway.ContextVariable:
		if m.variables == nil {
			m.variables = m.contextVariables()
		}
		return textAt(m.variables, s.name)
	case gateway.RequestBody:
		return m.ofBody(s, m.body, &m.requestJSON)
	case gateway.ResponseHeader:
		return strings.Join(m.header.Values(s.name), ",")
	case gateway.ResponseBody:
		return m.ofBody(s, m.answer, &m.answerJSON)
	}
	return ""
}

// ofBody is a body, or the part of it that a path leads to. What is not JSON has no parts.
func (m *httpMapping) ofBody(s *source, body []byte, parsed *parsedBody) string {
	if s.path == nil {
		return string(body)
	}
	if !parsed.parsed {
		parsed.parsed = true
		if d, err := vtl.ParseDocument(m.ctx(), string(body[:min(len(body), maxMappedBody)])); err == nil {
			parsed.document = d
		}
	}
	if parsed.document == nil {
		return ""
	}
	text, _, err := parsed.document.Text(s.path)
	if err != nil {
		return ""
	}
	return text
}

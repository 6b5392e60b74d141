package integration

import (
	"net/http"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"gatehouse/gateway"
	"gatehouse/integration/vtl"
	"gatehouse/internal/amazon"
	"gatehouse/internal/lambdaevent"
)

// parameter is a mapping of a REST API: a target, and where its value comes from.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html
type parameter struct {
	// kind of the target: "header", "querystring" or "path".
	kind, name string
	source     source
}

// source is where a value comes from.
type source struct {
	kind gateway.ExpressionKind
	// name of the header, parameter or variable; the value itself of a constant.
	name string
	// path leads to a value in a body; nil stands for all of it.
	path *vtl.Path
	// within is a path in the JSON that a text in the body is (errorMessage of functions).
	within *vtl.Path
}

// hiddenHeaders reach neither backends nor mappings.
var hiddenHeaders = names(
	"connection", "content-length", "content-md5", "expect", "max-forwards", "proxy-authenticate", "server", "te",
	"trailer", "transfer-encoding", "upgrade", "www-authenticate",
)

// parameterOf compiles a mapping; false when something is wrong with it, which is reported.
func (b *stageCompiler) parameterOf(m gateway.ParameterMapping, response bool) (p parameter, ok bool) {
	if response {
		p.kind = "header"
		p.name, ok = strings.CutPrefix(m.Target, "method.response.header.")
	} else {
		var target string
		target, ok = strings.CutPrefix(m.Target, "integration.request.")
		p.kind, p.name, _ = strings.Cut(target, ".")
		ok = ok && slices.Contains([]string{"header", "querystring", "path"}, p.kind)
	}
	if !ok || p.name == "" {
		what := "a request mapping"
		if response {
			what = "a response mapping"
		}
		b.errorf("invalid-mapping", m.Pos, "", "%q is not a target of %s", m.Target, what)
		return p, false
	}
	value, err := gateway.ParseRESTValue(m.Source)
	if err != nil {
		b.errorf("invalid-mapping", m.Pos, "", "%v", err)
		return p, false
	}
	p.source, ok = b.sourceOf(value[0], m.Pos, response)
	return p, ok
}

func (b *stageCompiler) sourceOf(e gateway.Expression, pos gateway.Position, response bool) (s source, ok bool) {
	s = source{kind: e.Kind, name: e.Name}
	switch e.Kind {
	case gateway.StageVariable:
		s.kind, s.name = gateway.Literal, b.stage.variables[e.Name]
	case gateway.ContextVariable:
		if !knownContext(e.Name) {
			b.found.Warnf("unknown-variable", pos, "", "", "$context.%s has no value here and sets nothing", e.Name)
		}
	case gateway.RequestBody, gateway.RequestHeader, gateway.RequestMultiHeader, gateway.RequestQuery, gateway.RequestMultiQuery, gateway.RequestPath:
		if response {
			b.errorf("unsupported-mapping", pos, "", "a response mapping cannot use the request")
			return s, false
		}
	case gateway.ResponseBody, gateway.ResponseHeader, gateway.ResponseMultiHeader:
		if !response {
			b.errorf("unsupported-mapping", pos, "", "a request mapping cannot use the response")
			return s, false
		}
	}
	if (e.Kind != gateway.RequestBody && e.Kind != gateway.ResponseBody) || e.Name == "" {
		return s, true
	}
	path, rest := e.Name, ""
	if of, found := strings.CutPrefix(e.Name, "errorMessage."); found && e.Kind == gateway.ResponseBody {
		path, rest = "errorMessage", of
	}
	for _, compiled := range []struct {
		to   **vtl.Path
		text string
	}{{&s.path, path}, {&s.within, rest}} {
		if compiled.text == "" {
			continue
		}
		var err error
		if *compiled.to, err = vtl.ParsePath(jsonPathOf(compiled.text)); err != nil {
			b.errorf(vtl.CodeJSONPath, pos, "", "the JSONPath %q cannot be used: %v", compiled.text, err)
			return s, false
		}
	}
	return s, true
}

// jsonPathOf completes a path of a mapping, which is written without its root.
func jsonPathOf(text string) string {
	switch text[0] {
	case '$':
		return text
	case '[', '.':
		return "$" + text
	}
	return "$." + text
}

// mapParameters carries the request mappings out.
func (m *mapping) mapParameters(out *outgoing) *trouble {
	for i := range m.parameters {
		p := &m.parameters[i]
		values, t := m.values(&p.source)
		if t != nil {
			return t
		}
		if len(values) == 0 {
			if p.kind == "path" {
				delete(out.path, p.name)
			}
			continue
		}
		switch p.kind {
		case "header":
			delete(out.header, http.CanonicalHeaderKey(p.name))
			if t := out.setHeader(p.name, values[0]); t != nil {
				return t
			}
		case "querystring":
			for _, value := range values {
				out.query = append(out.query, lambdaevent.Field{Name: p.name, Value: value})
			}
		case "path":
			out.path[p.name] = amazon.Encode(values[0])
			if p.source.kind == gateway.RequestPath {
				out.path[p.name] = m.pathVariables()[p.source.name]
			}
		}
	}
	return nil
}

// setHeader adds a header for the backend. Those that HTTP itself needs are not for
// templates to set.
func (out *outgoing) setHeader(name, value string) *trouble {
	name = http.CanonicalHeaderKey(name)
	if !httpguts.ValidHeaderFieldName(name) {
		return &trouble{failure: badMapping, reason: "a header for the backend would have a name that it cannot have"}
	}
	if hiddenHeaders[name] && !(out.proxied && settableByProxy[name]) || hasInternalPrefix(name) {
		return nil
	}
	out.header[name] = append(out.header[name], headerSafe(value))
	return nil
}

// headerSafe leaves out what would end a header early.
func headerSafe(value string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, value)
}

// values gives what a source has: nothing where it is missing or empty, and more than one
// value for parameters that may be repeated only.
func (m *mapping) values(s *source) ([]string, *trouble) {
	var values []string
	switch s.kind {
	case gateway.Literal:
		return one(s.name), nil
	case gateway.ContextVariable:
		return one(m.contextText(s.name)), nil
	case gateway.RequestHeader:
		values = m.headerValues(s.name)
		return values[max(len(values)-1, 0):], nil
	case gateway.RequestMultiHeader:
		return one(strings.Join(m.headerValues(s.name), ",")), nil
	case gateway.RequestQuery, gateway.RequestMultiQuery:
		for _, f := range m.query {
			if f.Name == s.name && f.Value != "" {
				values = append(values, f.Value)
			}
		}
		if s.kind == gateway.RequestQuery {
			values = values[max(len(values)-1, 0):]
		}
		return values, nil
	case gateway.RequestPath:
		return one(m.path[s.name]), nil
	case gateway.ResponseHeader:
		values = m.in.header.Values(s.name)
		return values[max(len(values)-1, 0):], nil
	case gateway.ResponseMultiHeader:
		return one(strings.Join(m.in.header.Values(s.name), ",")), nil
	case gateway.RequestBody:
		return m.ofBody(s, m.body, &m.requestJSON, &trouble{failure: badRequest, message: "Invalid JSON in request body"})
	case gateway.ResponseBody:
		return m.ofBody(s, m.in.body, &m.responseJSON, &trouble{failure: badMapping})
	}
	return nil, nil
}

func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// ofBody finds a value in a body. What does not begin as JSON does counts as an empty
// object.
func (m *mapping) ofBody(s *source, body []byte, document **vtl.Document, notJSON *trouble) ([]string, *trouble) {
	if s.path == nil {
		return one(string(body)), nil
	}
	if *document == nil {
		text := strings.TrimLeft(string(body), " \t\r\n")
		if text == "" || !strings.ContainsAny(text[:1], `{["'`) {
			text = "{}"
		}
		var err error
		if *document, err = vtl.ParseDocument(m.ctx(), text); err != nil {
			notJSON.reason = "a mapping is from a body that is not JSON: " + err.Error()
			return nil, notJSON
		}
	}
	text, _, err := (*document).Text(s.path)
	if err == nil && s.within != nil {
		if nested, invalid := vtl.ParseDocument(m.ctx(), text); invalid != nil {
			text = ""
		} else {
			text, _, err = nested.Text(s.within)
		}
	}
	if err != nil {
		return nil, &trouble{failure: badMapping, reason: "a mapping from a body: " + err.Error()}
	}
	return one(text), nil
}

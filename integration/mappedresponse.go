package integration

import (
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"gatehouse/gateway"
	"gatehouse/integration/vtl"
)

// mappedResponse is an integration response.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-integration-settings-integration-response.html
type mappedResponse struct {
	// pattern is nil for the default response.
	pattern    *vtl.Regexp
	status     int
	handling   string
	parameters []parameter
	// types are the content types that have a template, as they are written: JSON first,
	// the others by name. A template that is nil leaves the body as it is.
	types     []string
	templates map[string]*vtl.Template
}

// choose gives the response for an answer: the first whose pattern matches all of what
// the backend answered, else the default, else nil.
func (h *mapped) choose(in *incoming) *mappedResponse {
	var fallback *mappedResponse
	for i := range h.responses {
		r := &h.responses[i]
		switch {
		case r.pattern == nil && fallback == nil:
			fallback = r
		case r.pattern != nil && in.selects && r.pattern.MatchesAll(in.selector):
			return r
		}
	}
	return fallback
}

// template is the one for a client's Accept header, else that for JSON, else the first by
// name. The type is what the answer is then.
func (r *mappedResponse) template(accept string) (contentType string, template *vtl.Template) {
	if len(r.types) == 0 {
		return jsonType, nil
	}
	contentType = r.types[0]
	for _, t := range r.types {
		if strings.EqualFold(t, strings.TrimSpace(accept)) {
			contentType = t
		}
	}
	return contentType, r.templates[contentType]
}

// respond answers the client.
func (m *mapping) respond(r *mappedResponse) *trouble {
	body, isText := m.textOfResponse(r.handling)
	contentType, template := r.template(m.header("Accept"))
	if template != nil {
		if !isText {
			return &trouble{failure: badEncoding, reason: "a response template is for text, and the body is bytes"}
		}
		text, t := m.render(template, body)
		if t != nil {
			return t
		}
		body = []byte(text)
	}
	if isText {
		var err error
		if body, err = m.convertResponse(body, r.handling); err != nil {
			return &trouble{failure: badEncoding, reason: "the response's body is to be converted from base64, and it is none"}
		}
	}
	header := http.Header{"Content-Type": {contentType}}
	if encoding := m.in.header["Content-Encoding"]; len(encoding) > 0 && template == nil && r.handling == "" {
		header["Content-Encoding"] = encoding // The body is as the backend sent it.
	}
	for i := range r.parameters {
		p := &r.parameters[i]
		values, t := m.values(&p.source)
		if t != nil {
			return t
		}
		if len(values) > 0 && !setResponseHeader(header, p.name, values[:1]) {
			return &trouble{failure: badMapping, reason: "a mapping sets the header " + p.name + ", which cannot be the name of one"}
		}
	}
	status, t := m.overrideResponse(header, r.status)
	if t != nil {
		return t
	}
	out := m.w.Header()
	for name, values := range header {
		out[name] = values
	}
	if m.traced {
		out.Set("X-Amzn-Trace-Id", m.trace)
	}
	m.write(status, body)
	return nil
}

// overrideResponse puts what the templates have set over the status and the headers.
func (m *mapping) overrideResponse(header http.Header, status int) (int, *trouble) {
	o := m.overrides.Response
	// An answer with a status below 200 would be none yet.
	if o.Status >= 200 {
		status = o.Status
	}
	values := map[string][]string{}
	var order []string
	for _, p := range o.Header {
		if values[p.Name] == nil {
			order = append(order, p.Name)
		}
		values[p.Name] = append(values[p.Name], p.Value)
	}
	for _, name := range order {
		if !setResponseHeader(header, name, values[name]) {
			return 0, &trouble{failure: badMapping, reason: "a template sets a header of the response whose name cannot be one"}
		}
	}
	return status, nil
}

// setResponseHeader sets a header of the client's response; false when it cannot be one.
func setResponseHeader(header http.Header, name string, values []string) bool {
	name = http.CanonicalHeaderKey(name)
	if !httpguts.ValidHeaderFieldName(name) {
		return false
	}
	safe := make([]string, len(values))
	for i, value := range values {
		safe[i] = headerSafe(value)
	}
	switch {
	case name == "Transfer-Encoding", name == "Te", name == "Keep-Alive", hasInternalPrefix(name):
		return true
	case gateway.RemappedHeader(name):
		name = "X-Amzn-Remapped-" + name
	}
	header[name] = safe
	return true
}

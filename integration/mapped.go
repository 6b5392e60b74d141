package integration

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"gatehouse/integration/vtl"
	"gatehouse/internal/amazon"
	"gatehouse/internal/lambdaevent"
)

// mapped is an integration that is no proxy: templates and mappings make the request to its
// backend of the client's, and the client's response of what the backend answers.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/models-mappings.html
type mapped struct {
	name    string
	backend backend
	// traced responses tell the client the trace id.
	traced          bool
	passthrough     string
	contentHandling string
	templates       map[string]*vtl.Template
	parameters      []parameter
	responses       []mappedResponse
}

// backend is what is behind a mapped integration.
type backend interface {
	// call asks it. What it answers is for the integration's responses; a trouble is the
	// gateway's own.
	call(m *mapping, out *outgoing) (*incoming, *trouble)
}

// outgoing is what a backend is asked.
type outgoing struct {
	header http.Header
	query  []lambdaevent.Field
	// path are the variables of the integration's URI, encoded; wholePath replaces all of
	// its path.
	path      map[string]string
	wholePath string
	body      []byte
	// templated tells that a template has made the body.
	templated bool
	// proxied requests are the client's own, beside what is mapped.
	proxied bool
}

// incoming is what a backend answered.
type incoming struct {
	// status is that of a call, 0 where there was none.
	status int
	// selector is what the patterns of responses are matched with. Without one, only the
	// default response is left.
	selector string
	selects  bool
	header   http.Header
	body     []byte
	// json says that the body is text whatever the binary media types are.
	json bool
}

// trouble is why there is no response.
type trouble struct {
	*failure
	// message replaces that of the failure; reason is for the log.
	message, reason string
}

// mapping is one request on its way.
type mapping struct {
	*exchange
	*mapped
	trace string
	// fields are the headers as templates and mappings see them.
	fields []eventField
	query  []lambdaevent.Field
	path   map[string]string
	// body is the client's, converted; bytes says that it is no text.
	body  []byte
	bytes bool

	requestJSON, responseJSON *vtl.Document
	variables                 *vtl.Map
	overrides                 vtl.Overrides
	// in is the backend's answer, nil before there is one.
	in *incoming
}

func (h *mapped) kind() string { return h.name }

func (h *mapped) serve(x *exchange) {
	m := &mapping{exchange: x, mapped: h, trace: x.traceID()}
	if t := m.run(); t != nil {
		x.failWith(t.failure, t.message, t.reason)
	}
}

func (m *mapping) run() *trouble {
	if t := m.readRequest(); t != nil {
		return t
	}
	out, t := m.outgoing()
	if t != nil {
		return t
	}
	if m.in, t = m.backend.call(m, out); t != nil {
		return t
	}
	m.tellIntegration()
	response := m.choose(m.in)
	if response == nil {
		return &trouble{failure: noResponse, reason: "no integration response is for what the backend answered"}
	}
	return m.respond(response)
}

// readRequest reads the client's request, and converts its body.
func (m *mapping) readRequest() *trouble {
	body, failed := m.readBody()
	if failed != nil {
		return &trouble{failure: failed, reason: "the request's body could not be read"}
	}
	m.fields = m.eventHeaders(m.trace)
	m.query = lambdaevent.Query(m.exchange.query, true)
	m.path = m.decodedVariables()
	binary := len(body) > 0 && m.route.stage.binary.has(mediaType(m.header("Content-Type")))
	var err error
	if m.body, m.bytes, err = convertRequest(body, binary, m.contentHandling); err != nil {
		return &trouble{failure: badEncoding, reason: "the request's body is to be converted from base64, and it is none"}
	}
	return nil
}

// outgoing makes the backend's request.
func (m *mapping) outgoing() (*outgoing, *trouble) {
	out := &outgoing{header: http.Header{}, path: map[string]string{}}
	// Variables of the path's own names go where the URI has those.
	maps.Copy(out.path, m.pathVariables())
	template, found := m.template()
	if !found && m.refusesOthers() {
		return nil, &trouble{failure: unsupportedMedia, reason: "no request template is for the body's type"}
	}
	if t := m.mapParameters(out); t != nil {
		return nil, t
	}
	out.body = m.body
	if template != nil {
		if m.bytes {
			return nil, &trouble{failure: badEncoding, reason: "a request template is for text, and the body is bytes"}
		}
		text, t := m.render(template, m.body)
		if t != nil {
			return nil, t
		}
		out.body, out.templated = []byte(text), true
	}
	return out, m.override(out)
}

// template is the one of the body's content type; nil leaves the body as it is.
func (m *mapping) template() (template *vtl.Template, found bool) {
	contentType := mediaType(m.header("Content-Type"))
	if contentType == "" {
		contentType = jsonType
	}
	if template, found = m.templates[contentType]; !found {
		template, found = m.templates[anyType]
	}
	return template, found
}

const (
	jsonType = "application/json"
	// anyType is the key of a template for content types without one.
	anyType = "$default"
)

// refusesOthers reports whether a body without a template is answered 415.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html
func (h *mapped) refusesOthers() bool {
	return h.passthrough == "NEVER" || h.passthrough == "WHEN_NO_TEMPLATES" && len(h.templates) > 0
}

// render renders a template on a body. Its overrides stay for the next one.
func (m *mapping) render(template *vtl.Template, body []byte) (string, *trouble) {
	input := vtl.Input{
		Body:           string(body),
		Path:           func() []vtl.Pair { return sortedPairs(m.path) },
		QueryString:    m.queryPairs,
		Header:         m.headerPairs,
		Context:        m.contextVariables,
		StageVariables: func() []vtl.Pair { return sortedPairs(m.route.stage.variables) },
		Overrides:      m.overrides,
	}
	output, err := template.Render(m.ctx(), input, vtl.Limits{})
	if err != nil {
		return "", m.templateTrouble(err)
	}
	if !m.memory.take(m.ctx(), int64(len(output.Text))) {
		return "", &trouble{failure: m.noMemory(), reason: "what a template has made is too much with all else under way"}
	}
	m.overrides = output.Overrides
	m.tellIntegration()
	return output.Text, nil
}

// notJSONMessage is Amazon's, but for what its parser says besides.
const notJSONMessage = "Could not parse request body into json"

// templateTrouble is what a template that cannot be rendered is answered with. It is the
// client's mistake only if the client's body is not JSON.
func (m *mapping) templateTrouble(err error) *trouble {
	t := &trouble{failure: badTemplate, reason: "rendering a template: " + err.Error()}
	switch {
	case m.ctx().Err() != nil:
		t.failure = gone
		if errors.Is(m.ctx().Err(), context.DeadlineExceeded) {
			t.failure = timedOut
		}
	case m.in == nil && errors.Is(err, vtl.ErrBody):
		t.failure, t.message = badRequest, notJSONMessage
	}
	return t
}

func (m *mapping) queryPairs() []vtl.Pair {
	pairs := make([]vtl.Pair, 0, len(m.query))
	for _, f := range m.query {
		pairs = append(pairs, vtl.Pair{Name: f.Name, Value: f.Value})
	}
	return pairs
}

func (m *mapping) headerPairs() []vtl.Pair {
	pairs := make([]vtl.Pair, 0, len(m.fields))
	for _, f := range m.fields {
		for _, value := range f.values {
			pairs = append(pairs, vtl.Pair{Name: f.name, Value: value})
		}
	}
	return pairs
}

func sortedPairs(m map[string]string) []vtl.Pair {
	pairs := make([]vtl.Pair, 0, len(m))
	for _, name := range sortedKeys(m) {
		pairs = append(pairs, vtl.Pair{Name: name, Value: m[name]})
	}
	return pairs
}

// override puts what the templates have set in the place of what is mapped.
func (m *mapping) override(out *outgoing) *trouble {
	o := m.overrides.Request
	replaced := map[string]bool{}
	for _, p := range o.Header {
		name := http.CanonicalHeaderKey(p.Name)
		if !replaced[name] {
			replaced[name] = true
			delete(out.header, name)
		}
		if t := out.setHeader(name, p.Value); t != nil {
			return t
		}
	}
	for _, p := range o.QueryString {
		out.query = slices.DeleteFunc(out.query, func(f lambdaevent.Field) bool { return f.Name == p.Name })
	}
	for _, p := range o.QueryString {
		out.query = append(out.query, lambdaevent.Field{Name: p.Name, Value: p.Value})
	}
	for _, p := range o.Path {
		out.path[p.Name] = amazon.Encode(p.Value)
	}
	out.wholePath = o.WholePath
	return nil
}

// headerValues are all values of a client's header that mappings may see.
func (m *mapping) headerValues(name string) []string {
	for _, f := range m.fields {
		if strings.EqualFold(f.name, name) {
			return f.values
		}
	}
	return nil
}

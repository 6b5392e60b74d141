package integration

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
)

// httpProxy passes requests to an HTTP endpoint and answers on, as they are but for what is
// mapped. Envoy does that by itself; this is for routes whose answers are kept, and does to
// headers what Envoy is told to.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/setup-http-integrations.html
type httpProxy struct {
	*httpBackend
	// mappings are the parameters that it maps.
	mappings *mapped
}

// httpProxy compiles an integration of type HTTP_PROXY.
func (b *stageCompiler) httpProxy(r *gateway.Route) handler {
	h := &httpProxy{b.httpBackend(r), &mapped{}}
	ok := h.httpBackend != nil
	for _, m := range r.Integration.RequestParameters {
		p, right := b.parameterOf(m, false)
		h.mappings.parameters, ok = append(h.mappings.parameters, p), ok && right
	}
	if !ok {
		return nil
	}
	b.upstreams[h.upstream.Key()] = true
	return h
}

func (h *httpProxy) kind() string { return "http-proxy" }

func (h *httpProxy) serve(x *exchange) {
	m := &mapping{exchange: x, mapped: h.mappings, trace: x.traceID()}
	if t := h.pass(m); t != nil {
		x.failWith(t.failure, t.message, t.reason)
	}
}

// pass asks the backend, and answers what it does.
func (h *httpProxy) pass(m *mapping) *trouble {
	body, failed := m.readBody()
	if failed != nil {
		return &trouble{failure: failed, reason: "the request's body could not be read"}
	}
	m.body, m.fields, m.path = body, m.eventHeaders(m.trace), m.decodedVariables()
	m.query = lambdaevent.Query(m.exchange.query, true)
	out := &outgoing{header: http.Header{}, path: map[string]string{}, body: body, proxied: true}
	maps.Copy(out.path, m.pathVariables())
	if t := m.mapParameters(out); t != nil {
		return t
	}
	target, t := m.target(h.uri.Path, h.uri.Query, out)
	if t != nil {
		return t
	}
	// The client's own parameters come first, and stay as they are written.
	target.query = strings.Join(slices.DeleteFunc([]string{m.exchange.query, target.query}, func(part string) bool { return part == "" }), "&")
	response, body, t := h.ask(m, target, h.proxiedHeaders(m, out), body)
	if t != nil {
		return t
	}
	if response.StatusCode < http.StatusOK {
		return &trouble{failure: unreachable, reason: "the backend answers with a status that ends no request"}
	}
	header := m.w.Header()
	for name, values := range response.Header {
		if name = passedName(name, response.Header); name != "" {
			header[name] = values
		}
	}
	m.write(response.StatusCode, body)
	return nil
}

// proxiedHeaders are the client's, but for those that end here, with the mapped ones in
// their place.
func (h *httpProxy) proxiedHeaders(m *mapping, out *outgoing) http.Header {
	header := http.Header{}
	for name, values := range m.request.Header {
		if !hiddenHeaders[name] && !droppedByProxy[name] && !hasInternalPrefix(name) {
			header[name] = values
		}
	}
	maps.Copy(header, out.header)
	header["X-Amzn-Apigateway-Api-Id"] = []string{m.route.stage.api}
	if header["User-Agent"] == nil {
		header["User-Agent"] = []string{""} // net/http has one of its own otherwise.
	}
	return header
}

var (
	// droppedByProxy are dropped beside hiddenHeaders, unless a mapping sets them.
	droppedByProxy = names("content-encoding", "via")
	// settableByProxy are those of hiddenHeaders that a mapping may set all the same.
	settableByProxy = names("content-md5", "max-forwards", "proxy-authenticate", "server", "trailer", "www-authenticate")
	// endingHeaders are about the connection to the backend.
	endingHeaders = names("connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via")
	// proxyRemapped are the gateway's own in its answers.
	proxyRemapped = names("date", "server", "x-amzn-requestid")
)

// passedName is the name under which a client gets a header of a backend, "" for not at all.
func passedName(name string, all http.Header) string {
	switch {
	case endingHeaders[name], hasInternalPrefix(name):
		return ""
	case proxyRemapped[name]:
		return "X-Amzn-Remapped-" + name
	}
	for _, value := range all["Connection"] {
		for listed := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(listed), name) {
				return ""
			}
		}
	}
	return name
}

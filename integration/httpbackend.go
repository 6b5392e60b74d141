package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/integration/upstream"
	"gatehouse/internal/amazon"
)

// httpBackend calls an HTTP endpoint with what templates and mappings make. Integrations
// that map no bodies, and whose answers are not kept, Envoy serves.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/setup-http-integrations.html
type httpBackend struct {
	upstream *upstream.Upstream
	uri      *gateway.EndpointURI
	method   string
	retries  upstream.Retries
}

// http compiles an integration of type HTTP.
func (b *stageCompiler) http(r *gateway.Route) handler {
	to := b.httpBackend(r)
	if to == nil {
		b.mapped(r, "http", nil) // What is wrong besides is told, too.
		return nil
	}
	b.upstreams[to.upstream.Key()] = true
	return b.mapped(r, "http", to)
}

func (b *stageCompiler) httpBackend(r *gateway.Route) *httpBackend {
	in := r.Integration
	text, ok := b.uri(in)
	if !ok {
		return nil
	}
	uri, err := gateway.ParseEndpointURI(text)
	if err != nil {
		b.errorf("invalid-uri", in.URISource, "", "%v", err)
		return nil
	}
	up, backend, err := b.stage.snapshot.Upstream(in, uri, b.stage.from, b.stage.variables)
	if problem := (*gateway.UpstreamError)(nil); errors.As(err, &problem) {
		b.errorf(problem.Code, in.Source, problem.Hint, "%s", problem.Message)
		return nil
	}
	return &httpBackend{upstream: upstream.New(up, backend, b.stage.snapshot.ClientCertificate(up.ClientCertificate)), uri: uri, method: in.HTTPMethod, retries: upstream.RetriesOf(b.retryOf(r, backend))}
}

// retryOf is the policy of a route; those of routes go before those of backends.
func (b *stageCompiler) retryOf(r *gateway.Route, backend *gateway.Backend) (policy *gateway.Retry) {
	if backend != nil {
		policy = backend.Retry
	}
	for _, key := range []string{"*", r.Key()} {
		for i := range b.of.Settings {
			if s := &b.of.Settings[i]; s.RouteKey == key && s.Retry != nil {
				policy = s.Retry
			}
		}
	}
	return policy
}

// passedHeaders go on to backends beside what is mapped, as Envoy passes them.
var passedHeaders = []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "Traceparent", "Tracestate"}

func (h *httpBackend) call(m *mapping, out *outgoing) (*incoming, *trouble) {
	target, t := m.target(h.uri.Path, h.uri.Query, out)
	if t != nil {
		return nil, t
	}
	response, body, t := h.ask(m, target, h.headers(m, out, h.methodFor(m)), out.body)
	if t != nil {
		return nil, t
	}
	return &incoming{status: response.StatusCode, selector: strconv.Itoa(response.StatusCode), selects: true, header: response.Header, body: body}, nil
}

// methodFor is the integration's, or the client's.
func (h *httpBackend) methodFor(m *mapping) string {
	if h.method == "" || h.method == gateway.AnyMethod {
		return m.request.Method
	}
	return h.method
}

// ask sends a request, and reads all of the response.
func (h *httpBackend) ask(m *mapping, target target, header http.Header, sent []byte) (*http.Response, []byte, *trouble) {
	pool, err := m.server.upstreams.Pool(h.upstream)
	if err != nil {
		return nil, nil, &trouble{failure: unreachable, reason: err.Error()}
	}
	x := m.exchange
	if x.execution != nil {
		x.execution.Asked(h.shownURI(target), header, sent)
	}
	begin := time.Now()
	response, release, err := h.retries.Send(m.ctx(), pool, m.address, func(scheme, address string) (*http.Request, error) {
		r, err := http.NewRequestWithContext(m.ctx(), h.methodFor(m), scheme+"://"+address+"/", bytes.NewReader(sent))
		if err != nil {
			return nil, err
		}
		r.URL.Path, r.URL.RawQuery = target.path, target.query
		if !strings.HasPrefix(target.path, "//") {
			// The path as it is, where net/url would encode it anew.
			r.URL.Opaque = target.path
		}
		r.Header, r.Host = header, h.uri.Authority
		if host := header.Get("Host"); host != "" {
			r.Host = host
		}
		return r, nil
	})
	if err != nil {
		return nil, nil, backendTrouble(m.ctx(), err)
	}
	defer release()
	defer response.Body.Close()
	x.execution.Answered(response.StatusCode, time.Since(begin))
	body, t := m.readResponse(response)
	x.execution.Answer(response.Header, body)
	return response, body, t
}

// shownURI is where a request goes, for those who are told of it.
func (h *httpBackend) shownURI(to target) string {
	scheme := "http"
	if h.upstream.TLS() {
		scheme = "https"
	}
	uri := scheme + "://" + h.uri.Authority + to.path
	if to.query != "" {
		uri += "?" + to.query
	}
	return uri
}

// readResponse reads the body of what a backend answers.
func (x *exchange) readResponse(response *http.Response) ([]byte, *trouble) {
	if response.Request.Method == http.MethodHead {
		return nil, nil // What is announced is not there.
	}
	if response.ContentLength > maxBodyBytes {
		return nil, &trouble{failure: tooMuch, reason: "the backend answers with more than may be mapped or kept"}
	}
	body, failed := x.readAll(response.Body, response.ContentLength, maxBodyBytes, tooMuch)
	switch {
	case failed == gone:
		return nil, backendTrouble(x.ctx(), errors.New("it broke its answer off"))
	case failed != nil:
		return nil, &trouble{failure: failed, reason: "the backend's answer could not be read"}
	}
	return body, nil
}

// backendTrouble tells why a backend did not answer.
func backendTrouble(ctx context.Context, err error) *trouble {
	t := &trouble{failure: unreachable, reason: fmt.Sprintf("asking the backend: %v", err)}
	switch {
	case errors.Is(err, upstream.ErrBusy):
		t.failure = throttled
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, upstream.ErrTryTimeout):
		t.failure = timedOut
	case ctx.Err() != nil:
		t.failure = gone
	}
	return t
}

// headers are those that are mapped, and what every backend of such an integration gets.
func (h *httpBackend) headers(m *mapping, out *outgoing, method string) http.Header {
	header := out.header
	for _, name := range passedHeaders {
		if values := m.request.Header[name]; header[name] == nil && len(values) > 0 {
			header[name] = values
		}
	}
	m.identify(header)
	if encoding := m.header("Content-Encoding"); header["Content-Encoding"] == nil && encoding != "" && !out.templated && m.contentHandling == "" {
		header["Content-Encoding"] = []string{encoding} // The body is as the client sent it.
	}
	if contentType := m.header("Content-Type"); header["Content-Type"] == nil && contentType != "" && !hasNoType(method) {
		header["Content-Type"] = []string{contentType}
	}
	return header
}

// identify adds the headers by which the gateway makes itself known, and wants JSON unless
// a mapping says otherwise.
func (m *mapping) identify(header http.Header) {
	api := m.route.stage.api
	for name, value := range map[string]string{"Accept": jsonType, "User-Agent": "AmazonAPIGateway_" + api} {
		if header[name] == nil {
			header[name] = []string{value}
		}
	}
	header["X-Amzn-Trace-Id"] = []string{m.trace}
	header["X-Amzn-Apigateway-Api-Id"] = []string{api}
}

// hasNoType reports whether requests of a method have no Content-Type of the client's.
func hasNoType(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// target is what a backend is asked for.
type target struct{ path, query string }

// target fills the path and the query of a URI in.
func (m *mapping) target(path, query string, out *outgoing) (target, *trouble) {
	fill := func(name string) string { return out.path[name] }
	path = gateway.ReplacePlaceholders(path, asItIs, fill)
	if out.wholePath != "" {
		path = amazon.EncodePath(out.wholePath)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if amazon.HasDots(path) && !amazon.HasDots(m.exchange.path) {
		return target{}, &trouble{failure: badRequest, message: "Bad Request", reason: "the path of the backend would have . or .. in it"}
	}
	var parts []string
	if query != "" {
		parts = append(parts, gateway.ReplacePlaceholders(query, asItIs, fill))
	}
	for _, f := range out.query {
		parts = append(parts, amazon.Encode(f.Name)+"="+amazon.Encode(f.Value))
	}
	return target{path, strings.Join(parts, "&")}, nil
}

func asItIs(text string) string { return text }

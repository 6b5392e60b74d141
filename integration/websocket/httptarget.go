package websocket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/integration/upstream"
	"gatehouse/integration/vtl"
)

// endpoint is an HTTP or HTTP_PROXY integration.
type endpoint struct {
	backends *upstream.Pools
	upstream *upstream.Upstream
	retries  upstream.Retries
	method   string
	// uri has {names} in its path and query, which the parameters fill.
	uri *endpointURI
	// proxy: what the client sent goes on as it is.
	proxy      bool
	parameters []parameter
	// templates are nil for a proxy.
	templates *templates
	api       string
}

// parameter is a header, a part of the query or of the path that a mapping sets.
type parameter struct {
	in, name string
	value    value
}

func (p *endpoint) invoke(ctx context.Context, e *event) (*answer, error) {
	sent, overrides, err := p.request(ctx, e)
	if err != nil {
		return nil, &failure{http.StatusInternalServerError, messageInternal, err}
	}
	pool, err := p.backends.Pool(p.upstream)
	if err != nil {
		return nil, failed(ctx, http.StatusInternalServerError, err)
	}
	response, release, err := p.retries.Send(ctx, pool, e.about.sourceIP, func(scheme, address string) (*http.Request, error) {
		r := sent.Clone(ctx)
		r.URL.Scheme, r.URL.Host = scheme, address
		body, err := sent.GetBody()
		r.Body = body
		return r, err
	})
	switch {
	case errors.Is(err, upstream.ErrTryTimeout):
		return nil, &failure{http.StatusGatewayTimeout, messageTimeout, err}
	case err != nil:
		return nil, failed(ctx, http.StatusInternalServerError, fmt.Errorf("asking the backend: %w", err))
	}
	defer release()
	return readAnswer(ctx, response, overrides)
}

func (p *endpoint) request(ctx context.Context, e *event) (*http.Request, vtl.Overrides, error) {
	body := e.body
	parameters := p.parameters
	var overrides vtl.Overrides
	if !p.proxy {
		out, err := p.templates.render(ctx, e, e.body, vtl.Overrides{})
		if err != nil {
			return nil, overrides, err
		}
		body, overrides = []byte(out.Text), out.Overrides
		parameters = overridden(parameters, overrides.Request)
	}
	r, err := http.NewRequestWithContext(ctx, p.method, p.uri.fill(e, parameters), bytes.NewReader(body))
	if err != nil {
		return nil, overrides, err
	}
	query := []string{r.URL.RawQuery}
	if p.proxy && e.kind == eventConnect {
		query = append(query, e.handshake.rawQuery)
		for _, f := range e.handshake.shownHeaders() {
			if !p.keepsBack(f.name) {
				r.Header.Add(f.name, f.value)
			}
		}
	}
	r.Header.Set("User-Agent", "AmazonAPIGateway_"+p.api)
	r.Header.Set("X-Amzn-Apigateway-Api-Id", p.api)
	if len(body) > 0 {
		r.Header.Set("Content-Type", contentType(body))
	}
	for _, m := range parameters {
		switch m.in {
		case "header":
			r.Header.Set(m.name, m.value(e))
		case "querystring":
			query = append(query, url.QueryEscape(m.name)+"="+url.QueryEscape(m.value(e)))
		}
	}
	r.URL.RawQuery = strings.Trim(strings.Join(query, "&"), "&")
	if t := e.trace(); t != nil {
		t.Ask(r.URL.String(), r.Header, body)
	}
	return r, overrides, nil
}

// overridden are the parameters with those laid over them that a template has set in
// $context.requestOverride.
func overridden(parameters []parameter, by vtl.RequestOverride) []parameter {
	all := slices.Clone(parameters)
	for _, kind := range []struct {
		in   string
		list []vtl.Pair
	}{{"header", by.Header}, {"querystring", by.QueryString}, {"path", by.Path}} {
		for _, o := range kind.list {
			if kind.in == "header" && (reservedHeader(o.Name) || !headerName.MatchString(o.Name)) {
				continue
			}
			all = slices.DeleteFunc(all, func(p parameter) bool { return p.in == kind.in && strings.EqualFold(p.name, o.Name) })
			all = append(all, parameter{kind.in, o.Name, func(*event) string { return o.Value }})
		}
	}
	return all
}

// keepsBack are headers of the handshake that mean something else to a backend.
func (p *endpoint) keepsBack(name string) bool {
	name = strings.ToLower(name)
	return name == "host" || name == "accept-encoding" || strings.HasPrefix(name, "sec-websocket-key") ||
		name == "sec-websocket-version" || name == "sec-websocket-extensions"
}

func contentType(body []byte) string {
	if isJSON(body) {
		return "application/json"
	}
	return "text/plain; charset=utf-8"
}

// endpointURI is a URI with {names} in its path and query.
type endpointURI struct {
	// parts alternate: text, a name, text, a name, text.
	parts []string
	// query is the place in parts from which on names are filled as those of a query.
	query int
}

var placeholder = regexp.MustCompile(`\{([A-Za-z0-9_.-]+)\}`)

func parseEndpointURI(text string) (*endpointURI, error) {
	plain := placeholder.ReplaceAllString(text, "x")
	u, err := url.Parse(plain)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a URI", text)
	case u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.User != nil, u.Fragment != "":
		return nil, fmt.Errorf("%q is not a URI of the form http(s)://HOST/PATH", text)
	case strings.ContainsAny(plain, "{}"):
		return nil, fmt.Errorf("%q has a brace that belongs to no {name}", text)
	}
	out, last := &endpointURI{query: -1}, 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		out.add(text[last:m[0]])
		out.parts = append(out.parts, text[m[2]:m[3]])
		last = m[1]
	}
	out.add(text[last:])
	scheme, rest, _ := strings.Cut(text, "://")
	if slash := strings.IndexAny(rest, "/?"); placeholder.MatchString(rest) && (slash < 0 || placeholder.FindStringIndex(rest)[0] < slash) {
		return nil, fmt.Errorf("the host of %s://… cannot be a parameter", scheme)
	}
	return out, nil
}

func (u *endpointURI) add(text string) {
	if strings.Contains(text, "?") && u.query < 0 {
		u.query = len(u.parts)
	}
	u.parts = append(u.parts, text)
}

// names are those that parameters have to fill.
func (u *endpointURI) names() []string {
	var names []string
	for i := 1; i < len(u.parts); i += 2 {
		names = append(names, u.parts[i])
	}
	return names
}

func (u *endpointURI) fill(e *event, parameters []parameter) string {
	var b strings.Builder
	for i, part := range u.parts {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		for _, m := range parameters {
			if m.in != "path" || m.name != part {
				continue
			}
			if u.query >= 0 && i > u.query {
				b.WriteString(url.QueryEscape(m.value(e)))
			} else {
				b.WriteString(escapeSegment(m.value(e)))
			}
		}
	}
	return b.String()
}

// escapeSegment keeps a value within its segment of the path: . and .. would lead out of
// it.
func escapeSegment(text string) string {
	if text == "." || text == ".." {
		return strings.ReplaceAll(text, ".", "%2E")
	}
	return url.PathEscape(text)
}

var parameterTarget = regexp.MustCompile(`^integration\.request\.(header|querystring|path)\.([!#$%&'*+.^_|~0-9A-Za-z-]+)$`)

// headerName is what HTTP allows (RFC 9110, token).
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// endpoint compiles an HTTP or HTTP_PROXY integration.
func (c *compiler) endpoint(in *gateway.Integration, key string) *endpoint {
	text, _ := gateway.ResolveStageVariables(in.URI, c.variables) // Validate reports what is missing.
	uri, err := parseEndpointURI(text)
	if err != nil {
		c.errorf("invalid-uri", in.URISource, "", "%v", err)
		return nil
	}
	to, retries, ok := c.backend(in, text)
	if !ok {
		return nil
	}
	p := &endpoint{backends: c.backends, upstream: to, retries: retries, method: in.HTTPMethod, uri: uri, proxy: in.Type == gateway.IntegrationHTTPProxy, api: c.api.ID}
	if p.method == "" {
		p.method = http.MethodPost
	}
	p.parameters = c.parameters(in, key)
	for _, name := range uri.names() {
		if !slices.ContainsFunc(p.parameters, func(m parameter) bool { return m.in == "path" && m.name == name }) {
			c.errorf("unmapped-uri-parameter", in.URISource, "add integration.request.path."+name+" to requestParameters", "nothing fills {%s} of the integration URI", name)
		}
	}
	if !p.proxy {
		p.templates = c.templates(in.RequestTemplates, in.TemplateSelectionExpression, in.PassthroughBehavior, in.Source)
	}
	return p
}

// backend finds where an integration over HTTP is sent: to the hosts of its URI, to the
// backend that they stand for, or to the one that its VPC link names.
func (c *compiler) backend(in *gateway.Integration, uri string) (to *upstream.Upstream, retries upstream.Retries, ok bool) {
	parsed, err := gateway.ParseEndpointURI(uri)
	if err != nil {
		c.errorf("invalid-uri", in.URISource, "", "%v", err)
		return nil, retries, false
	}
	found, backend, err := c.snapshot.Upstream(in, parsed, c.stageOf, c.variables)
	if problem := (*gateway.UpstreamError)(nil); errors.As(err, &problem) {
		c.errorf(problem.Code, in.Source, problem.Hint, "%s", problem.Message)
		return nil, retries, false
	}
	if backend != nil {
		retries = upstream.RetriesOf(backend.Retry)
	}
	to = upstream.New(found, backend, c.snapshot.ClientCertificate(found.ClientCertificate))
	c.upstreams[to.Key()] = true
	return to, retries, true
}

// parameters compiles the mappings of an integration's request.
func (c *compiler) parameters(in *gateway.Integration, key string) (all []parameter) {
	for _, m := range in.RequestParameters {
		target := parameterTarget.FindStringSubmatch(m.Target)
		if target == nil || target[1] == "header" && reservedHeader(target[2]) {
			c.errorf("invalid-mapping", m.Pos, "write integration.request.header.NAME, …querystring.NAME or …path.NAME", "%q is nothing that a mapping of a WebSocket API can set", m.Target)
			continue
		}
		v, err := parseValue(m.Source, key, c.variables)
		if err != nil {
			c.errorf("invalid-mapping", m.Pos, "", "%v", err)
			continue
		}
		all = append(all, parameter{target[1], target[2], v})
	}
	return all
}

// reservedHeader are headers that are not for mappings to set: the message would not be
// what it says.
func reservedHeader(name string) bool {
	switch strings.ToLower(name) {
	case "host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "keep-alive", "expect":
		return true
	}
	return strings.HasPrefix(strings.ToLower(name), "x-gw-")
}

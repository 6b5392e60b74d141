package integration

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/amazon"
)

// serviceBackend calls a service of AWS with what templates and mappings make. The status of
// its answer chooses the response, as with HTTP.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-request-basic-setup.html
type serviceBackend struct {
	address amazon.URI
	place   amazon.Place
	method  string
}

// serviceBackend compiles what an integration calls; nil when something is wrong.
func (b *stageCompiler) serviceBackend(r *gateway.Route, uri string) *serviceBackend {
	in := r.Integration
	address, err := amazon.ParseURI(uri)
	if err != nil {
		b.errorf("invalid-uri", in.URISource, amazon.URIForm, "%s cannot call a service: %v", r.Key(), err)
		return nil
	}
	ok := true
	if p := address.Problem(); p != nil && p.Warning {
		b.found.Warnf(p.Code, in.URISource, "", p.Hint, "%s", p.Message)
	} else if p != nil {
		b.errorf(p.Code, in.URISource, p.Hint, "%s", p.Message)
		ok = false
	}
	for _, name := range address.Placeholders() {
		if !b.fills(r, name) {
			b.errorf("unmapped-uri-parameter", in.URISource, "name it in the path of the route, or add an integration.request.path."+name+" mapping", "nothing fills {%s} of the integration URI", name)
			ok = false
		}
	}
	for _, m := range in.RequestParameters {
		if strings.EqualFold(m.Target, "integration.request.header.Host") {
			b.found.Warnf("no-effect", m.Pos, "", "", "%s has no effect: a service is called by its own name", m.Target)
		}
	}
	role, right := b.role(r)
	if !ok || !right {
		return nil
	}
	return &serviceBackend{address, address.Place(role), in.HTTPMethod}
}

// fills reports whether something gives a {name} of the URI a value.
func (b *stageCompiler) fills(r *gateway.Route, name string) bool {
	if template, err := gateway.ParsePath(r.Path); err == nil && slices.Contains(template.Variables(), name) {
		return true
	}
	for _, template := range r.Integration.RequestTemplates {
		if strings.Contains(template, "requestOverride") {
			return true
		}
	}
	return slices.ContainsFunc(r.Integration.RequestParameters, func(m gateway.ParameterMapping) bool {
		return m.Target == "integration.request.path."+name
	})
}

func (s *serviceBackend) call(m *mapping, out *outgoing) (*incoming, *trouble) {
	method := s.method
	if method == "" || method == gateway.AnyMethod {
		method = m.request.Method
	}
	to, t := s.target(m, out)
	if t == nil && s.address.Known.SigningName == "s3" {
		to.path, t = objectPath(to.path)
	}
	if t != nil {
		return nil, t
	}
	header, body := out.header, out.body
	delete(header, "Host")
	m.identify(header)
	body = s.address.Complete(header, body)
	if hasNoType(method) {
		body = nil
	}
	if len(body) > 0 && header["Content-Type"] == nil {
		header["Content-Type"] = []string{cmp.Or(m.header("Content-Type"), jsonType)}
	}
	response, t := m.callService(s.place, method, to, header, body)
	if t != nil {
		return nil, t
	}
	defer response.Body.Close()
	answer, t := m.readResponse(response)
	if t != nil {
		return nil, t
	}
	m.calledAs = requestIDOf(response.Header)
	m.execution.Answer(response.Header, answer)
	return &incoming{status: response.StatusCode, selector: strconv.Itoa(response.StatusCode), selects: true, header: response.Header, body: answer}, nil
}

// objectPath writes a path as S3 has it in mind.
func objectPath(path string) (string, *trouble) {
	out, err := amazon.ObjectPath(path)
	if err != nil {
		return "", &trouble{failure: badRequest, message: "Bad Request", reason: err.Error()}
	}
	return out, nil
}

// target is where an action is called: at the root, with its name as a parameter.
func (s *serviceBackend) target(m *mapping, out *outgoing) (target, *trouble) {
	a := &s.address
	if a.Action == "" {
		return m.target(a.Path, a.Query, out)
	}
	out.wholePath = ""
	to, t := m.target("/", a.Query, out)
	if t != nil {
		return to, t
	}
	return target{to.path, a.ActionQuery(to.query)}, nil
}

// requestIDOf is the id that a service has given a call.
func requestIDOf(h http.Header) string {
	return cmp.Or(h.Get("X-Amzn-Requestid"), h.Get("X-Amz-Request-Id"))
}

// callService sends a service a signed request. The body of the answer is unread.
func (x *exchange) callService(place amazon.Place, method string, to target, header http.Header, body []byte) (*http.Response, *trouble) {
	service, err := x.server.services.Service(x.ctx(), place)
	if err != nil {
		return nil, serviceTrouble(x.ctx(), place, unreachable, err)
	}
	request, err := service.Request(x.ctx(), method, to.path, to.query, body)
	if err != nil {
		return nil, &trouble{failure: badMapping, reason: err.Error()}
	}
	request.Header = header
	digest := sha256.Sum256(body)
	if err := service.Sign(x.ctx(), request, hex.EncodeToString(digest[:])); err != nil {
		return nil, serviceTrouble(x.ctx(), place, refused, err)
	}
	if x.execution != nil {
		x.execution.Asked(request.URL.String(), request.Header, body)
	}
	begin := time.Now()
	// Without a client around it, which would follow redirects.
	response, err := x.server.transport.RoundTrip(request)
	if err != nil {
		return nil, serviceTrouble(x.ctx(), place, unreachable, err)
	}
	x.execution.Answered(response.StatusCode, time.Since(begin))
	return response, nil
}

// serviceTrouble tells why a service has not answered.
func serviceTrouble(ctx context.Context, place amazon.Place, otherwise *failure, err error) *trouble {
	t := backendTrouble(ctx, err)
	if t.failure == unreachable {
		t.failure = otherwise
	}
	t.reason = fmt.Sprintf("calling %s: %v", place.Name, err)
	return t
}

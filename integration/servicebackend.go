package integration

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
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
	address serviceAddress
	place   amazon.Place
	method  string
}

// onlyQuery are services whose actions are called by parameters though their API is JSON
// now: their integrations were seen to be answered in that form on Amazon.
var onlyQuery = map[string]bool{"ssm": true}

// serviceBackend compiles what an integration calls; nil when something is wrong.
func (b *stageCompiler) serviceBackend(r *gateway.Route, uri string) *serviceBackend {
	in := r.Integration
	address, err := parseServiceURI(uri)
	if err != nil {
		b.errorf("invalid-uri", in.URISource, serviceURIForm, "%s cannot call a service: %v", r.Key(), err)
		return nil
	}
	ok := true
	switch {
	case address.action != "" && !address.listed:
		b.errorf("invalid-uri", in.URISource, "write path/ with the header that the service wants, or mend its name", "%s is no service whose actions are known", address.service)
		ok = false
	case address.action != "" && address.known.Protocol == amazon.REST:
		b.errorf("invalid-uri", in.URISource, "write the path of the action behind path/, and its method as httpMethod",
			"%s has no actions that are called by a name: each has a path and a method of its own", address.known.ID)
		ok = false
	case !address.listed:
		b.found.Warnf("unknown-service", in.URISource, "", "mend its name if it is mistyped", "%s is no service that is known; it is called at %s.%s", address.service, address.service, address.region)
	}
	for _, name := range address.placeholders() {
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
	place := amazon.Place{Name: address.service, Subdomain: address.subdomain, Region: address.region, Role: role}
	if address.service == "states" && address.action == "StartSyncExecution" {
		place.Name = "sync-states"
	}
	return &serviceBackend{address, place, in.HTTPMethod}
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
	if t == nil && s.address.known.SigningName == "s3" {
		to.path, t = objectPath(to.path)
	}
	if t != nil {
		return nil, t
	}
	header, body := out.header, out.body
	delete(header, "Host")
	m.identify(header)
	if hasNoType(method) {
		body = nil
	} else if s.byJSON() && len(body) == 0 {
		body = []byte("{}")
	}
	set := func(name, value string) {
		if header[name] == nil && value != "" {
			header[name] = []string{value}
		}
	}
	if s.byJSON() {
		set("X-Amz-Target", s.address.known.TargetPrefix+"."+s.address.action)
		set("Content-Type", "application/x-amz-json-"+s.address.known.JSONVersion)
	}
	if len(body) > 0 {
		set("Content-Type", cmp.Or(m.header("Content-Type"), jsonType))
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
	m.execution.Answer(response.Header, answer)
	return &incoming{selector: strconv.Itoa(response.StatusCode), selects: true, header: response.Header, body: answer}, nil
}

// objectPath writes a path as S3 has it in mind when it checks signatures: all encoded that
// need not stand as it is, but for slashes.
func objectPath(path string) (string, *trouble) {
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return "", &trouble{failure: badRequest, message: "Bad Request", reason: "the path of the object is not well encoded"}
	}
	if hasDots(decoded) {
		return "", &trouble{failure: badRequest, message: "Bad Request", reason: "the path of the object would have . or .. in it"}
	}
	return encodePath(decoded), nil
}

// byJSON reports whether the action is named in a header, and its parameters are JSON.
func (s *serviceBackend) byJSON() bool {
	return s.address.action != "" && s.address.known.Protocol == amazon.JSON && !onlyQuery[s.address.service]
}

// target is where an action is called: at the root, with its name as a parameter.
func (s *serviceBackend) target(m *mapping, out *outgoing) (target, *trouble) {
	a := &s.address
	if a.action == "" {
		return m.target(a.path, a.query, out)
	}
	out.wholePath = ""
	to, t := m.target("/", a.query, out)
	if t != nil {
		return to, t
	}
	query := "Action=" + a.action
	if a.known.Version != "" && !strings.Contains("&"+to.query, "&Version=") {
		query += "&Version=" + a.known.Version
	}
	if to.query != "" {
		query += "&" + to.query
	}
	return target{to.path, query}, nil
}

// callService sends a service a signed request. The body of the answer is unread.
func (x *exchange) callService(place amazon.Place, method string, to target, header http.Header, body []byte) (*http.Response, *trouble) {
	service, err := x.server.services.Service(x.ctx(), place)
	if err != nil {
		return nil, serviceTrouble(x.ctx(), place, unreachable, err)
	}
	request, err := serviceRequest(x.ctx(), service, method, to, body)
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

// serviceRequest has the path as it is, where net/url would encode it anew.
func serviceRequest(ctx context.Context, service *amazon.Service, method string, to target, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, service.Base+"/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the request of the service cannot be made: its method or its address is not valid")
	}
	raw := strings.TrimSuffix(request.URL.EscapedPath(), "/") + to.path
	decoded, err := url.PathUnescape(raw)
	if err != nil {
		return nil, fmt.Errorf("the path of the service is not well encoded")
	}
	request.URL.Path, request.URL.RawPath, request.URL.RawQuery = decoded, raw, to.query
	if request.URL.EscapedPath() != raw {
		return nil, fmt.Errorf("the path of the service has characters that a path cannot have")
	}
	if service.Host != "" {
		request.Host = service.Host
	}
	return request, nil
}

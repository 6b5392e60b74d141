package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
	"gatehouse/translator"
)

// Offline tells what becomes of a request on a snapshot that could be served. The error is of
// the question, or of the snapshot.
func Offline(s *gateway.Snapshot, q Question) (*Explanation, error) {
	p, err := Prepare(s)
	if err != nil {
		return nil, err
	}
	return p.Offline(q)
}

// Prepared is a snapshot that many questions are asked about.
type Prepared struct {
	snapshot *gateway.Snapshot
	out      *translator.Output
}

// Prepare translates a snapshot. The error is of the snapshot.
func Prepare(s *gateway.Snapshot) (*Prepared, error) {
	out, diags := translator.New().Translate(s)
	if out == nil {
		return nil, fmt.Errorf("the definitions cannot be served: %v", diags)
	}
	return &Prepared{s, out}, nil
}

// Offline is Offline on the snapshot. The error is of the question.
func (p *Prepared) Offline(q Question) (*Explanation, error) {
	a, err := q.read()
	if err != nil {
		return nil, err
	}
	out := p.out
	ex := &offline{Explanation: &Explanation{}, snapshot: p.snapshot, asked: a, body: q.Body}
	if a.refused != "" {
		ex.add("path", Failed, gateway.Position{}, a.refused)
		ex.answer(400, "", `{"message":"Bad Request"}`)
		return ex.Explanation, nil
	}
	vh, err := ex.host(out, q.Gateway)
	if err != nil {
		return nil, err
	}
	if vh == nil {
		ex.add("host", Failed, gateway.Position{}, fmt.Sprintf("no API and no domain has the name %s%s", a.host, ex.knownHosts(out, q.Gateway)))
		ex.answer(403, "", forbidden)
		return ex.Explanation, nil
	}
	ex.follow(out, vh)
	return ex.Explanation, nil
}

// forbidden is what is said of hosts and paths that are nobody's.
const forbidden = `{"message":"Forbidden"}`

// offline is an explanation in the making.
type offline struct {
	*Explanation
	snapshot *gateway.Snapshot
	asked    *asked
	body     []byte

	route      *routev3.Route
	api        *gateway.API
	stage      *gateway.Stage
	deployment *gateway.Deployment
	variables  map[string]string
	of         *gateway.Route
	// base is the path below which the route's begins, and template the route's.
	base     string
	template gateway.PathTemplate
	// key is the name of the API key that was let in, empty for none.
	key string
	// parameters are the path parameters.
	parameters map[string]string
}

// answer is the gateway's, if everything before it is passed.
func (ex *offline) answer(status int, t gateway.ResponseType, body string) {
	ex.Answer = Answer{Status: status, Certain: ex.settled(), ResponseType: t, Body: body, From: FromGateway}
}

// refuse ends an explanation with a gateway response.
func (ex *offline) refuse(name string, at gateway.Position, t gateway.ResponseType, message, text string) {
	ex.add(name, Failed, at, text)
	status, body := ex.response(t, message)
	if ex.api.Protocol == gateway.HTTP {
		t = ""
	}
	ex.answer(status, t, body)
}

// response is what the API answers for a type: its own, or the built-in. The message may be
// empty for the usual.
func (ex *offline) response(t gateway.ResponseType, message string) (status int, body string) {
	d := gateway.ResponseDefaults[t]
	if ex.api.Protocol == gateway.HTTP {
		switch t {
		case gateway.AccessDenied:
			return 403, forbidden
		case gateway.AuthorizerFailure, gateway.AuthorizerConfigurationError, gateway.APIConfigurationError:
			return 500, `{"message":"Internal Server Error"}`
		}
	}
	status = d.Status
	message = cmp.Or(message, d.Message)
	body = fmt.Sprintf(`{"%s":%q}`, t.MessageKey(), message)
	if message == "" {
		body = `{"message":null}`
	}
	own := ex.deployment.ResolveGatewayResponse(t)
	if ex.api.Protocol == gateway.HTTP || own == nil {
		return status, body
	}
	if own.StatusCode != "" {
		_, _ = fmt.Sscan(own.StatusCode, &status) // three digits
	}
	if template, ok := own.Templates["application/json"]; ok {
		body = template
	}
	return status, body
}

// host finds the gateway and its virtual host. An error says that the question leaves open
// which gateway is meant.
func (ex *offline) host(out *translator.Output, name string) (*routev3.VirtualHost, error) {
	var found *routev3.VirtualHost
	var of []string
	domain := ""
	for i := range ex.snapshot.Gateways {
		g := &ex.snapshot.Gateways[i]
		if name != "" && g.Name != name {
			continue
		}
		at, vh := hostsOf(out.Gateways[g.Name]).find(ex.asked.host)
		if name != "" {
			ex.Gateway = g.Name
		}
		// Every gateway has the hosts of the path form: that one counts that has the API.
		if vh == nil || name == "" && leads(vh, ex.asked, out.Gateways[g.Name]) == nil && len(ex.snapshot.Gateways) > 1 {
			continue
		}
		of = append(of, g.Name)
		if found == nil {
			found, domain, ex.Gateway = vh, at, g.Name
		}
	}
	switch {
	case name != "" && ex.Gateway == "":
		return nil, fmt.Errorf("there is no gateway %q", name)
	case len(of) > 1:
		return nil, fmt.Errorf("%s is served by the gateways %s: say which", ex.asked.host, strings.Join(of, ", "))
	case found == nil:
		return nil, nil
	}
	text := fmt.Sprintf("%s is served by the gateway %s", ex.asked.host, ex.Gateway)
	if domain != ex.asked.host {
		text += ", by the domain " + domain
	}
	ex.add("host", Passed, ex.domainSource(domain), text)
	return found, nil
}

// leads gives the route that a request leads to that is an API's; nil for none.
func leads(vh *routev3.VirtualHost, a *asked, resources translator.Resources) *routev3.Route {
	for range 2 {
		r := route(vh, a)
		if r == nil || about(r, wire.MetadataAPI) != "" {
			return r
		}
		if r.GetRoute().GetCluster() != wire.PathFormCluster {
			return nil
		}
		a = again(r, a)
		if _, vh = hostsOf(resources).find(a.host); vh == nil {
			return nil
		}
	}
	return nil
}

func (ex *offline) domainSource(domain string) gateway.Position {
	for i := range ex.snapshot.Domains {
		if d := &ex.snapshot.Domains[i]; strings.EqualFold(d.Name, domain) {
			return d.Source
		}
	}
	return gateway.Position{}
}

// knownHosts tells a few names that there are.
func (ex *offline) knownHosts(out *translator.Output, name string) string {
	var all []string
	for i := range ex.snapshot.Gateways {
		if g := ex.snapshot.Gateways[i].Name; name == "" || g == name {
			for domain := range hostsOf(out.Gateways[g]) {
				all = append(all, domain)
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	const shown = 8
	if len(all) > shown {
		return fmt.Sprintf("; there are %s and %d more", strings.Join(all[:shown], ", "), len(all)-shown)
	}
	return "; there are " + strings.Join(all, ", ")
}

// follow goes from a virtual host to the end.
func (ex *offline) follow(out *translator.Output, vh *routev3.VirtualHost) {
	r := route(vh, ex.asked)
	if r != nil && r.GetRoute().GetCluster() == wire.PathFormCluster {
		next := again(r, ex.asked)
		ex.add("path form", Noted, gateway.Position{}, fmt.Sprintf("the path names an API: it is served as http://%s%s", next.host, next.path))
		ex.asked = next
		if _, vh = hostsOf(out.Gateways[ex.Gateway]).find(next.host); vh == nil {
			ex.add("host", Failed, gateway.Position{}, fmt.Sprintf("there is no API %s", strings.SplitN(next.host, ".", 2)[0]))
			ex.answer(403, "", forbidden)
			return
		}
		r = route(vh, next)
	}
	switch {
	case r == nil:
		ex.add("route", Failed, gateway.Position{}, "nothing of the host takes it")
		ex.answer(403, "", forbidden)
		return
	case about(r, wire.MetadataAPI) == "":
		ex.add("stage", Failed, gateway.Position{}, fmt.Sprintf("nothing is served below %s: no stage, and no mapping of the domain, begins like that", ex.asked.path))
		ex.answer(int(r.GetDirectResponse().GetStatus()), "", replyBody(r))
		return
	}
	ex.route = r
	if !ex.understand(r) {
		return
	}
	ex.explainRoute()
}

// replyBody is what a route answers by itself.
func replyBody(r *routev3.Route) string {
	d := r.GetDirectResponse()
	if text := d.GetBodyFormat().GetTextFormatSource().GetInlineString(); text != "" {
		return text
	}
	return d.GetBody().GetInlineString()
}

// understand finds what a route of Envoy's is of the definitions; false at the end.
func (ex *offline) understand(r *routev3.Route) bool {
	ex.API, ex.Stage = about(r, wire.MetadataAPI), about(r, wire.MetadataStage)
	ex.Canary = about(r, wire.MetadataCanary) == "true"
	ex.api = ex.snapshot.API(ex.API)
	if ex.api != nil {
		ex.APIName, ex.stage = ex.api.Name, ex.api.Stage(ex.Stage)
	}
	if ex.stage == nil {
		ex.add("stage", Failed, gateway.Position{}, "the stage is not in the definitions")
		return false
	}
	ex.deployment, ex.variables = ex.stage.Deployment, ex.stage.Variables
	at, text := ex.stage.Source, fmt.Sprintf("stage %s of the %s API %s", ex.Stage, ex.api.Protocol, ex.api.Name)
	if c := ex.stage.Canary; c != nil {
		at = c.Source
		if ex.Canary {
			ex.variables = ex.stage.CanaryVariables()
			if c.Deployment != nil {
				ex.deployment = c.Deployment
			}
			text += ", its canary"
		}
		text += canaryText(c)
	}
	ex.add("stage", Passed, at, text)
	name := about(r, wire.MetadataRoute)
	for i := range ex.deployment.Routes {
		if ex.deployment.Routes[i].Key() == name {
			ex.of, ex.Route = &ex.deployment.Routes[i], name
		}
	}
	return true
}

func canaryText(c *gateway.Canary) string {
	var parts []string
	if c.Percent > 0 {
		parts = append(parts, fmt.Sprintf("%g%% of all requests", c.Percent))
	}
	if c.Header != nil {
		header := c.Header.Name
		if c.Header.Value != "" {
			header += ": " + c.Header.Value
		}
		parts = append(parts, "those with the header "+header)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (the canary gets " + strings.Join(parts, ", and ") + ")"
}

// explainRoute is about a request that has come to a stage.
func (ex *offline) explainRoute() {
	ex.base = ex.findBase()
	if ex.of == nil {
		ex.withoutRoute()
		return
	}
	ex.template, _ = gateway.ParsePath(ex.of.Path)
	ex.parameters = lambdaevent.PathVariables(ex.template, ex.below())
	ex.PathParameters = ex.parameters
	text := "the route " + ex.of.Key()
	if ex.of.OperationName != "" {
		text += " (" + ex.of.OperationName + ")"
	}
	for i, name := range ex.template.Variables() {
		text += map[bool]string{true: ", where ", false: ", "}[i == 0] + fmt.Sprintf("{%s} is %q", name, ex.parameters[name])
	}
	ex.add("route", Passed, ex.of.Source, text)
	if !ex.checks() {
		return
	}
	ex.limits()
	ex.integrate()
}

// below is the path below the base.
func (ex *offline) below() string {
	return cmp.Or(strings.TrimPrefix(ex.asked.path, ex.base), "/")
}

// findBase is the path below which the stage's routes begin.
func (ex *offline) findBase() string {
	if suffix := ".execute-api."; strings.HasPrefix(ex.asked.host, ex.api.ID+suffix) {
		if ex.Stage == gateway.DefaultStage {
			return ""
		}
		return "/" + ex.Stage
	}
	base := ""
	for i := range ex.snapshot.Domains {
		d := &ex.snapshot.Domains[i]
		for _, m := range d.Mappings {
			at := "/" + m.Path
			if m.Path != "" && m.API == ex.API && m.Stage == ex.Stage && len(at) > len(base) &&
				(ex.asked.path == at || strings.HasPrefix(ex.asked.path, at+"/")) {
				base = at
			}
		}
	}
	return base
}

// withoutRoute is about a request that no route of the stage takes.
func (ex *offline) withoutRoute() {
	status := int(ex.route.GetDirectResponse().GetStatus())
	switch name := about(ex.route, wire.MetadataRoute); {
	case name == "preflight":
		ex.add("CORS", Passed, corsSource(ex.deployment), "the gateway answers a preflight request by itself")
		ex.answer(cmp.Or(status, 204), "", "")
	case ex.route.GetRoute() != nil:
		ex.add("route", Passed, ex.stage.Source, "the stage's own endpoint: "+name)
		ex.Answer = Answer{Certain: ex.settled(), From: FromIntegration}
	case name == "unknown encoding":
		ex.add("route", Failed, ex.stage.Source, "the body has a Content-Encoding that the API does not take")
		ex.answer(status, "", replyBody(ex.route))
	default:
		ex.add("route", Failed, ex.deployment.Source, fmt.Sprintf("no route of the stage takes %s %s%s", ex.asked.method, ex.below(), nearestRoutes(ex.deployment, ex.asked.method, ex.below())))
		t := gateway.MissingAuthenticationToken
		if ex.api.Protocol != gateway.REST {
			t = ""
		}
		ex.answer(status, t, replyBody(ex.route))
	}
}

func corsSource(d *gateway.Deployment) gateway.Position {
	if d.CORS != nil {
		return d.CORS.Source
	}
	return gateway.Position{}
}

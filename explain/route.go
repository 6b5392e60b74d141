package explain

import (
	"cmp"
	"fmt"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
	"gatehouse/translator"
)

// follow goes from a virtual host to the end.
func (ex *offline) follow(out *translator.Output, vh *routev3.VirtualHost) {
	r := route(vh, ex.asked)
	if r != nil && r.GetRoute().GetCluster() == wire.PathFormCluster {
		next := again(r, ex.asked)
		ex.add("path form", Noted, gateway.Position{}, fmt.Sprintf("the path names an API: it is served as http://%s%s", next.host, next.path))
		ex.asked, ex.domain = next, nil
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
	ex.vh, ex.route = vh, r
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
	if m := ex.mapping(); m != nil && m.Rule != nil {
		text += ", by the routing rule " + m.Rule.ID
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
	if !ex.certificate() {
		return
	}
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
	ex.integrate()
}

// below is the path below the base.
func (ex *offline) below() string {
	return cmp.Or(strings.TrimPrefix(ex.asked.path, ex.base), "/")
}

// mapping is that of the host's domain by which a request comes to the stage, as Envoy takes
// them: those with a rule first, then the longest path. It is nil on the API's own host.
func (ex *offline) mapping() (first *gateway.DomainMapping) {
	if ex.domain == nil {
		return nil
	}
	for i := range ex.domain.Mappings {
		m := &ex.domain.Mappings[i]
		if m.API == ex.API && m.Stage == ex.Stage && ex.isBelow(m.Path) && ex.follows(m.Rule) &&
			(first == nil || cmp.Or(gateway.ByPriority(m.Rule, first.Rule), cmp.Compare(len(first.Path), len(m.Path))) < 0) {
			first = m
		}
	}
	return first
}

// isBelow reports whether the path is that of a mapping or a rule, or goes on from there.
func (ex *offline) isBelow(path string) bool {
	return path == "" || ex.asked.path == "/"+path || strings.HasPrefix(ex.asked.path, "/"+path+"/")
}

// follows reports whether the request is what a rule asks for.
func (ex *offline) follows(r *gateway.RoutingRule) bool {
	if r == nil {
		return true
	}
	for _, h := range r.Headers {
		values := ex.asked.header.Values(h.Name)
		if strings.EqualFold(h.Name, "host") {
			values = []string{ex.asked.host}
		}
		// Envoy takes the values of a header together.
		if len(values) == 0 || !globMatches(h.Value, strings.Join(values, ",")) {
			return false
		}
	}
	return ex.isBelow(r.Path)
}

// globMatches is about a value with a * at its beginning, at its end, at both or nowhere.
func globMatches(glob, value string) bool {
	text, before := strings.CutPrefix(glob, "*")
	text, after := strings.CutSuffix(text, "*")
	switch {
	case before && after:
		return strings.Contains(value, text)
	case before:
		return strings.HasSuffix(value, text)
	case after:
		return strings.HasPrefix(value, text)
	}
	return value == text
}

// findBase is the path below which the stage's routes begin.
func (ex *offline) findBase() string {
	switch m := ex.mapping(); {
	case m != nil && m.Path != "":
		return "/" + m.Path
	case m == nil && ex.Stage != gateway.DefaultStage:
		return "/" + ex.Stage
	}
	return ""
}

// withoutRoute is about a request that no route of the stage takes.
func (ex *offline) withoutRoute() {
	if !ex.within(translator.BodyLimitsOf(ex.vh, ex.route).First) {
		return
	}
	status := int(ex.route.GetDirectResponse().GetStatus())
	switch name := about(ex.route, wire.MetadataRoute); {
	case name == "preflight":
		ex.add("CORS", Passed, corsSource(ex.deployment), "the gateway answers a preflight request by itself")
		ex.answer(cmp.Or(status, 204), "", "")
	case name == gateway.ConnectRoute:
		ex.add("route", Passed, ex.stage.Source, lacksRoute(name)+": who comes here is let in")
		if ex.upgraded() {
			ex.Answer = Answer{Certain: ex.settled(), From: FromIntegration}
		}
	case ex.route.GetRoute() != nil:
		ex.add("route", Passed, ex.stage.Source, "the stage's own endpoint: "+name)
		if name == gateway.ConnectionsRoute && !ex.signature(ex.stage.Source) {
			return
		}
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

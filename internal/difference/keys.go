package difference

import (
	"cmp"
	"fmt"
	"reflect"

	"gatehouse/gateway"
)

// keyed says what the elements of lists are called, and by which name they are the same
// as another's.
type keyed struct {
	noun string
	of   func(reflect.Value) string
	// ordered: their order counts, but for where the one is that is called theRest.
	ordered bool
}

// theRest is the response to answers that no other is for, wherever it stands.
const theRest = "the rest"

// named makes the entry of a type.
func named[T any](noun string, of func(*T) string) (reflect.Type, keyed) {
	return reflect.TypeFor[T](), keyed{noun: noun, of: func(v reflect.Value) string {
		element, _ := v.Interface().(T)
		return of(&element)
	}}
}

// inOrder is an entry of a type whose elements' order counts.
func inOrder(t reflect.Type, k keyed) (reflect.Type, keyed) {
	k.ordered = true
	return t, k
}

// keys are those of the model's types whose elements have names.
var keys = func() map[reflect.Type]keyed {
	m := map[reflect.Type]keyed{}
	add := func(t reflect.Type, k keyed) { m[t] = k }
	add(named("gateway", func(g *gateway.Gateway) string { return g.Name }))
	add(named("listener", func(l *gateway.Listener) string { return fmt.Sprintf("%s:%d", l.Address, l.Port) }))
	add(named("API", func(a *gateway.API) string { return a.ID }))
	add(named("stage", func(s *gateway.Stage) string { return s.Name }))
	add(named("settings of", func(s *gateway.RouteSettings) string { return s.RouteKey }))
	add(named("route", func(r *gateway.Route) string { return r.Key() }))
	add(named("parameter", func(p *gateway.Parameter) string { return p.In + "." + p.Name }))
	add(named("response", func(r *gateway.MethodResponse) string { return r.StatusCode }))
	add(named("", func(m *gateway.ParameterMapping) string { return m.Target }))
	add(named("mappings of", func(m *gateway.StatusMappings) string { return m.StatusCode }))
	// The first that is for an answer is taken.
	add(inOrder(named("response to", func(r *gateway.IntegrationResponse) string { return cmp.Or(r.SelectionPattern, theRest) })))
	add(named("authorizer", func(a *gateway.Authorizer) string { return a.Name }))
	add(named("model", func(m *gateway.Model) string { return m.Name }))
	add(named("request validator", func(v *gateway.RequestValidator) string { return v.Name }))
	add(named("gateway response", func(r *gateway.GatewayResponse) string { return string(r.Type) }))
	add(named("backend", func(b *gateway.Backend) string { return b.Name }))
	add(named("domain", func(d *gateway.Domain) string { return d.Name }))
	add(named("mapping of", func(m *gateway.DomainMapping) string {
		if m.Rule != nil {
			return fmt.Sprint("rule ", m.Rule.Priority)
		}
		return "/" + m.Path
	}))
	add(named("usage plan", func(p *gateway.UsagePlan) string { return p.Name }))
	add(named("stage", func(s *gateway.PlanStage) string { return s.API + "/" + s.Stage }))
	add(named("throttle of", func(t *gateway.RouteThrottle) string { return t.RouteKey }))
	add(named("API key", func(k *gateway.APIKey) string { return k.Name }))
	add(named("issuer", func(i *gateway.Issuer) string { return i.URL }))
	add(named("function", func(f *gateway.Function) string { return f.Name }))
	add(named("client certificate", func(c *gateway.ClientCertificate) string { return c.ID }))
	add(named("VPC link", func(l *gateway.VPCLink) string { return l.ID }))
	// Tools, and what portals have, are listed in their order.
	add(inOrder(named("tool", func(t *gateway.Tool) string { return t.Name })))
	add(inOrder(named("argument", func(a *gateway.ToolArgument) string { return a.Name })))
	add(named("portal", func(p *gateway.Portal) string { return p.Name }))
	add(inOrder(named("published", func(a *gateway.PortalAPI) string { return a.API + "/" + a.Stage })))
	add(inOrder(named("group", func(g *gateway.PortalGroup) string { return g.Title })))
	add(inOrder(named("page", func(p *gateway.PortalPage) string { return p.Name })))
	add(named("credential", func(c *gateway.Credential) string { return c.AccessKeyID }))
	return m
}()

package gateway

import (
	"slices"
	"strings"
)

// maxTools bounds the tools of a stage. Each is shown to agents with its schema.
const maxTools = 10_000

// mcp checks what a stage shows to agents.
func (v *validation) mcp(a *API, s *Stage) {
	m := s.MCP
	if m == nil || s.Deployment == nil || a.Protocol == "" {
		return
	}
	if a.Protocol == WebSocket {
		v.errorf("mcp-websocket", m.Source, "remove mcp", "tools call a REST or an HTTP API; %s is a WebSocket API", a.ID)
		return
	}
	v.mcpPath(s)
	for _, list := range [][]ToolSelector{m.Include, m.Exclude} {
		for _, selector := range list {
			if selector.Pattern != "" && !selector.means(s.Deployment) {
				v.errorf("unknown-tool", selector.Source, `write the name of a tool, or a route key such as "GET /pets"; * stands for any text`,
					"%q is no operation of the stage %s/%s that can be a tool", selector.Pattern, a.ID, s.Name)
			}
		}
	}
	tools := s.Tools()
	switch {
	case len(tools) == 0:
		v.errorf("no-tools", m.Source, "tools are the operations of the definition that have a method of their own",
			"the stage %s/%s has no operations that agents could call", a.ID, s.Name)
		return
	case len(tools) > maxTools:
		v.errorf("too-many-tools", m.Source, "choose fewer with include", "the stage %s/%s has %d tools; there may be %d", a.ID, s.Name, len(tools), maxTools)
	}
	if m.Access != "" && m.Access != MCPOpen && s.Deployment.Route(m.Access) == nil {
		v.errorf("unknown-route", m.AccessSource, `write a route key such as "GET /pets", or open`, "the stage %s/%s has no route %q", a.ID, s.Name, m.Access)
		return
	}
	endpoint, err := s.MCPRoute()
	if err != nil {
		v.errorf("mcp-access", m.Source, `say with access: who may list the tools: those who may call a route, as in access: "GET /pets", or all, with access: open`,
			"it is not clear who may list the tools of %s/%s: %v", a.ID, s.Name, err)
		return
	}
	v.signedTools(s, endpoint, tools)
}

// signedTools checks that calls of tools which want signed requests have a signer: that is
// who has signed the message, where the endpoint asks for that.
func (v *validation) signedTools(s *Stage, endpoint *Route, tools []*Tool) {
	routes := s.Deployment.routesByKey()
	for _, t := range tools {
		r := routes[t.Route]
		switch {
		case r == nil:
		case r.signed() && !endpoint.signed():
			v.errorf("signed-tool", s.MCP.Source, `have all who use the endpoint sign, with access: "`+t.Route+`", or leave it out with exclude: [`+t.Name+"]",
				"%s (%s) wants signed requests, and the MCP endpoint does not: nobody could call it", t.Route, r.Source)
		case endpoint.signed() && s.Deployment.readsAuthorization(r):
			v.found.Warnf("signed-tool", s.MCP.Source, "", "leave it out with exclude: ["+t.Name+"]",
				"%s (%s) reads the header Authorization, which has the signature that the MCP endpoint wants: nobody can call it", t.Route, r.Source)
		}
	}
}

// readsAuthorization reports whether the authorizer of a route reads the header that
// signatures are in.
func (d *Deployment) readsAuthorization(r *Route) bool {
	if r.Authorization == nil || r.signed() {
		return false
	}
	a := d.Authorizer(r.Authorization.Authorizer)
	return a != nil && slices.ContainsFunc(a.IdentitySources, func(source string) bool {
		return strings.HasSuffix(strings.ToLower(source), ".header.authorization")
	})
}

// mcpPath checks that the endpoint is a path that nothing else of the stage has.
func (v *validation) mcpPath(s *Stage) {
	path := s.MCP.Endpoint()
	t, err := ParsePath(path)
	if err != nil || len(t) == 0 || len(t.Variables()) > 0 || strings.HasSuffix(path, "/") || !basePathPattern.MatchString(path) || path != cleaned(path) {
		v.errorf("invalid-path", s.MCP.Source, "such as /mcp", "%q cannot be the path of an MCP endpoint", path)
		return
	}
	for _, d := range s.Deployments() {
		for i := range d.Routes {
			r := &d.Routes[i]
			if at := strings.TrimSuffix(r.Path, "/"); at == path || at == path+MCPMetadataSuffix {
				v.errorf("mcp-route", s.MCP.Source, "give the endpoint another one with mcp: {path: /agents}", "the path %s is that of a route, %s at %s", at, r.Key(), r.Source)
				return
			}
		}
	}
}

// cleaned is a path without segments that mean others.
func cleaned(path string) string {
	for _, part := range strings.Split(path, "/") {
		if part == "." || part == ".." {
			return ""
		}
	}
	return path
}

// means reports whether a selector chooses some operation.
func (s ToolSelector) means(d *Deployment) bool {
	for i := range d.Tools {
		if matches, _ := s.matches(&d.Tools[i]); matches {
			return true
		}
	}
	return false
}

// mcpDomains warns of endpoints that are not there because a domain wants certificates.
func (v *validation) mcpDomains() {
	for i := range v.snapshot.Domains {
		d := &v.snapshot.Domains[i]
		if d.TLS == nil || d.TLS.ClientCA == "" {
			continue
		}
		for _, m := range d.Mappings {
			a := v.apisByID[m.API]
			if a == nil {
				continue
			}
			if s := a.Stage(m.Stage); s != nil && s.MCP != nil {
				v.found.Warnf("mcp-client-certificate", m.Source, "", "map the stage to a domain without clientCA, too", "the domain %s has no MCP endpoint of %s/%s: a call of a tool cannot show the client's certificate", d.Name, m.API, m.Stage)
			}
		}
	}
}

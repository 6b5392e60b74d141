package gateway

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// DefaultMCPPath is where the MCP endpoint of a stage is, below the stage.
const DefaultMCPPath = "/mcp"

// MCPMetadataSuffix follows the path of an endpoint in that of what says who issues the
// tokens that it asks for. See RFC 9728, section 3.
const MCPMetadataSuffix = "/.well-known/oauth-protected-resource"

// MCPOpen is the MCP.Access of an endpoint that everybody may list tools of.
const MCPOpen = "open"

// MCP makes the operations of a stage tools that agents call by the Model Context
// Protocol. Each call of a tool is a request to the stage, which checks it as any other.
// See https://modelcontextprotocol.io/specification
type MCP struct {
	// Path of the endpoint, below the stage; empty means DefaultMCPPath.
	Path string
	// Include and Exclude choose operations. Without Include those that are neither
	// deprecated nor internal are tools.
	Include, Exclude []ToolSelector
	// Access is the route whose callers may use the endpoint, MCPOpen, or empty for what
	// all tools ask for.
	Access       string
	AccessSource Position
	// Origins are the pages that may use the endpoint, as CORS.AllowOrigins has them, where
	// OwnOrigins says so, and else those of the API's CORS.
	Origins    []string
	OwnOrigins bool
	Source     Position
}

// Endpoint is the path of the endpoint.
func (m *MCP) Endpoint() string { return cmp.Or(m.Path, DefaultMCPPath) }

// A ToolSelector chooses operations by tool name or by route key; a star stands for any
// text.
type ToolSelector struct {
	Pattern string
	Source  Position
}

// matches reports whether the selector means a tool, and whether by its whole name.
func (s ToolSelector) matches(t *Tool) (matches, exact bool) {
	for _, name := range []string{t.Name, t.Route} {
		if name == s.Pattern {
			return true, true
		}
		matches = matches || glob(s.Pattern, name)
	}
	return matches, false
}

// glob reports whether a pattern, in which stars stand for any text, is for a text.
func glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 || len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return len(parts) == 1 && pattern == text
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}

// Tool is what an operation of an OpenAPI document looks like to an agent.
type Tool struct {
	// Name is the operationId, or made of method and path: letters, digits, _ and -.
	Name string
	// Route is the key of the route that is called.
	Route              string
	Title, Description string
	// InputSchema is a JSON schema of an object, without references.
	InputSchema string
	Arguments   []ToolArgument
	// BodyType is the content type of the request body, which is the argument BodyName;
	// empty for none.
	BodyType, BodyName string
	// Deprecated and Internal operations are tools only if they are asked for by name.
	Deprecated, Internal bool
	Source               Position
}

// ToolArgument says which part of a request an argument is.
type ToolArgument struct {
	// Name of the argument; Parameter is the name in the request.
	Name, Parameter string
	// In is "path", "querystring" or "header".
	In       string
	Required bool
	// Separator stands between the items of a list; empty repeats the parameter.
	Separator string
	// Style is ToolJSON, ToolDeepObject, or empty: how values that are no scalars are
	// written.
	Style string
}

// Styles of arguments.
const (
	// ToolJSON writes the value as JSON text.
	ToolJSON = "json"
	// ToolDeepObject writes each property as a parameter of its own, name[property].
	ToolDeepObject = "deepObject"
)

// Tools are the operations of a stage that are tools, in the order of the document. A
// stage without MCP has none.
func (s *Stage) Tools() []*Tool {
	if s.MCP == nil || s.Deployment == nil {
		return nil
	}
	var tools []*Tool
	for i := range s.Deployment.Tools {
		if t := &s.Deployment.Tools[i]; s.MCP.exposes(t) {
			tools = append(tools, t)
		}
	}
	return tools
}

func (m *MCP) exposes(t *Tool) bool {
	for _, s := range m.Exclude {
		if matches, _ := s.matches(t); matches {
			return false
		}
	}
	if len(m.Include) == 0 {
		return !t.Deprecated && !t.Internal
	}
	for _, s := range m.Include {
		if matches, exact := s.matches(t); exact || matches && !t.Deprecated && !t.Internal {
			return true
		}
	}
	return false
}

// Route finds a route by its key, or nil.
func (d *Deployment) Route(key string) *Route {
	for i := range d.Routes {
		if d.Routes[i].Key() == key {
			return &d.Routes[i]
		}
	}
	return nil
}

// signed reports whether the route takes signed requests only.
func (r *Route) signed() bool {
	return r.Authorization != nil && r.Authorization.Type == AuthorizationIAM
}

// routesByKey finds routes of which many are looked for.
func (d *Deployment) routesByKey() map[string]*Route {
	routes := make(map[string]*Route, len(d.Routes))
	for i := range d.Routes {
		routes[d.Routes[i].Key()] = &d.Routes[i]
	}
	return routes
}

// MCPRoute is the endpoint as a route of the stage: who may use it is said as for any
// other. Whoever may not call any of the tools need not know what they are, so that it
// asks for what all of them ask for, unless Access says otherwise. It is an error when
// that is not clear. A stage without MCP has none.
func (s *Stage) MCPRoute() (*Route, error) {
	if s.MCP == nil || s.Deployment == nil {
		return nil, nil
	}
	route := &Route{Method: "POST", Path: s.MCP.Endpoint(), OperationName: "MCP", Source: s.MCP.Source}
	switch s.MCP.Access {
	case MCPOpen:
		return route, nil
	case "":
	default:
		like := s.Deployment.Route(s.MCP.Access)
		if like == nil {
			return nil, fmt.Errorf("the API has no route %q", s.MCP.Access)
		}
		route.Authorization, route.APIKeyRequired, route.APIKeySource = like.Authorization, like.APIKeyRequired, like.APIKeySource
		return route, nil
	}
	var called []*Route
	routes := s.Deployment.routesByKey()
	for _, t := range s.Tools() {
		if r := routes[t.Route]; r != nil {
			called = append(called, r)
		}
	}
	if len(called) == 0 {
		return route, nil
	}
	first := called[0]
	if slices.ContainsFunc(called, func(r *Route) bool { return r.Authorization == nil && !r.APIKeyRequired }) {
		return route, nil // some may call without anything
	}
	keyed := !slices.ContainsFunc(called, func(r *Route) bool { return !r.APIKeyRequired })
	for _, r := range called {
		if (r.Authorization == nil) != (first.Authorization == nil) || r.Authorization != nil && (r.Authorization.Type != first.Authorization.Type || r.Authorization.Authorizer != first.Authorization.Authorizer) {
			if keyed {
				// The key is what they have in common.
				route.APIKeyRequired, route.APIKeySource = true, first.APIKeySource
				return route, nil
			}
			return nil, fmt.Errorf("%s and %s ask for different proofs of their callers", first.Key(), r.Key())
		}
	}
	if a := first.Authorization; a != nil {
		common := *a
		if slices.ContainsFunc(called, func(r *Route) bool { return !slices.Equal(r.Authorization.Scopes, a.Scopes) }) {
			common.Scopes = nil
		}
		route.Authorization = &common
	}
	route.APIKeyRequired = keyed
	if keyed {
		route.APIKeySource = first.APIKeySource
	}
	return route, nil
}

// MCPIssuers are the issuers of the tokens that the endpoint of a stage, its MCPRoute, asks
// for. There are none where it asks for no token.
func (s *Snapshot) MCPIssuers(st *Stage, endpoint *Route) []string {
	if endpoint.Authorization == nil {
		return nil
	}
	a := st.Deployment.Authorizer(endpoint.Authorization.Authorizer)
	if a == nil || !a.ChecksTokens() {
		return nil
	}
	issuers, err := s.AuthorizerIssuers(a, st.Variables)
	if err != nil {
		return nil // Validate reports errors.
	}
	return issuers
}

// MCPScopes are those that the endpoint of a stage, its MCPRoute, and its tools ask for of
// the endpoint's authorizer, each once.
func (s *Stage) MCPScopes(endpoint *Route) []string {
	scopes := slices.Clone(endpoint.Authorization.Scopes)
	routes := s.Deployment.routesByKey()
	for _, t := range s.Tools() {
		if r := routes[t.Route]; r != nil && r.Authorization != nil && r.Authorization.Authorizer == endpoint.Authorization.Authorizer {
			scopes = append(scopes, r.Authorization.Scopes...)
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

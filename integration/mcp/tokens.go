package mcp

import (
	"strings"

	"gatehouse/gateway"
)

// protectedResource says who issues the tokens that an endpoint asks for.
// See RFC 9728, section 2.
type protectedResource struct {
	// Resource is the URL of the endpoint, as the client wrote it.
	Resource             string   `json:"resource"`
	Name                 string   `json:"resource_name,omitempty"`
	AuthorizationServers []string `json:"authorization_servers"`
	Scopes               []string `json:"scopes_supported,omitempty"`
	Methods              []string `json:"bearer_methods_supported"`
}

// protectedResourceOf is nil for a stage whose endpoint asks for no token.
func protectedResourceOf(s *gateway.Snapshot, api *gateway.API, st *gateway.Stage) *protectedResource {
	route, err := st.MCPRoute()
	if err != nil {
		return nil // Validate reports errors.
	}
	issuers := s.MCPIssuers(st, route)
	if len(issuers) == 0 {
		return nil
	}
	return &protectedResource{Name: api.Name, AuthorizationServers: issuers, Scopes: st.MCPScopes(route), Methods: []string{"header"}}
}

// tellIssuers answers a request for the path of the metadata.
func (e *endpoint) tellIssuers(asked headers, path string) *answer {
	switch {
	case asked[":method"] == "OPTIONS" && asked["access-control-request-method"] != "" && e.cors.Allows(asked["origin"]):
		return &answer{status: 204, outcome: "answered", preflight: true}
	case asked[":method"] != "GET":
		return notAllowed("GET", "this is read by GET")
	case e.tokens == nil:
		return failure(404, nil, codeInvalidRequest, "this endpoint asks for no tokens")
	}
	told := *e.tokens
	told.Resource = asked["x-forwarded-proto"] + "://" + asked[":authority"] + strings.TrimSuffix(path, gateway.MCPMetadataSuffix)
	return &answer{status: 200, outcome: "answered", body: encode(told)}
}

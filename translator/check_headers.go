package translator

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"gatehouse/gateway"
)

// headerTargets are what stands before the header's name in the target of a mapping,
// whatever the kind of API.
var headerTargets = regexp.MustCompile(`^(?:integration\.request\.|method\.response\.|gatewayresponse\.|(?:append|overwrite|remove):)header\.`)

// headerName is what HTTP allows (RFC 9110, token). Names that begin with a colon are
// Envoy's for the parts of the request line.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// checkHeaders refuses what can stand in no HTTP message: it would be an invalid one
// at best, and another one at worst.
func (c *stageCompiler) checkHeaders(mappings []gateway.ParameterMapping) {
	for _, m := range mappings {
		prefix := headerTargets.FindString(m.Target)
		if prefix == "" {
			continue // Other targets are checked where they are compiled.
		}
		name := m.Target[len(prefix):]
		if !headerName.MatchString(name) {
			c.errorf("invalid-mapping", m.Pos, "", "%q cannot be the name of a header", name)
		}
		if strings.ContainsFunc(m.Source, control) {
			c.errorf("invalid-mapping", m.Pos, "", "the value of the header %q has a line break or another control character in it", name)
		}
	}
}

// control reports what would end a header, or confuse those who read it.
func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// checkMediaTypes does the same for templates, whose keys become content types.
func (c *stageCompiler) checkMediaTypes(templates map[string]string, pos gateway.Position) {
	for _, name := range slices.Sorted(maps.Keys(templates)) {
		if name == "" || strings.ContainsFunc(name, control) {
			c.errorf("invalid-media-type", pos, `such as "application/json"`, "%q is not a media type that a template can be for", name)
		}
	}
}

// checkIntegrationHeaders looks at all mappings and templates of a route.
func (c *stageCompiler) checkIntegrationHeaders(in *gateway.Integration) {
	c.checkHeaders(in.RequestParameters)
	c.checkMediaTypes(in.RequestTemplates, in.Source)
	for _, resp := range in.Responses {
		c.checkHeaders(resp.ResponseParameters)
		c.checkMediaTypes(resp.ResponseTemplates, resp.Source)
	}
	for _, status := range in.ResponseParameters {
		c.checkHeaders(status.Mappings)
	}
}

// checkGatewayResponses looks at an API's customised replies, whether or not a request
// can lead to them.
func (c *stageCompiler) checkGatewayResponses() {
	for _, g := range c.deployment.GatewayResponses {
		if g.StatusCode != "" && !statusPattern.MatchString(g.StatusCode) {
			c.errorf("invalid-status", g.Source, "", "the status code %q cannot be answered; it must be from 200 to 599", g.StatusCode)
		}
		c.checkHeaders(g.Parameters)
		c.checkMediaTypes(g.Templates, g.Source)
		for _, m := range g.Parameters {
			if strings.EqualFold(m.Target, "gatewayresponse.header.Host") {
				c.errorf("invalid-mapping", m.Pos, "", "a response has no Host header")
			}
		}
	}
}

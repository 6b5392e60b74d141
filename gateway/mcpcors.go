package gateway

import (
	"net/url"
	"slices"
	"strings"
)

// mcpHeaders are those that agents in browsers send: what the protocol has of its own, and
// what callers prove themselves by.
// See https://modelcontextprotocol.io/specification/2025-11-25/basic/transports
var mcpHeaders = []string{
	"content-type", "last-event-id", "mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id",
	"authorization", "x-api-key", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token",
}

// MCPCORS is the cross-origin setting of the stage's endpoint for agents, nil where no page
// may use it: the API's own, for the pages that MCP.Origins names if it names some, and with
// the headers that agents need.
func (s *Stage) MCPCORS() *CORS {
	if s.MCP == nil || s.Deployment == nil {
		return nil
	}
	var cors CORS
	if own := s.Deployment.CORS; own != nil {
		cors = *own
	}
	if s.MCP.OwnOrigins {
		cors.AllowOrigins = s.MCP.Origins
	}
	if len(cors.AllowOrigins) == 0 {
		return nil
	}
	// Pages of everywhere must not call with what a browser knows of its user.
	cors.AllowCredentials = cors.AllowCredentials && !slices.Contains(cors.AllowOrigins, "*")
	cors.AllowMethods = []string{"POST"}
	cors.AllowHeaders = withNames(cors.AllowHeaders, mcpHeaders...)
	// It leads to who issues tokens.
	cors.ExposeHeaders = withNames(cors.ExposeHeaders, "www-authenticate")
	return &cors
}

// withNames adds the names of headers that a list does not have yet.
func withNames(list []string, names ...string) []string {
	list = slices.Clone(list)
	for _, name := range names {
		if !slices.ContainsFunc(list, func(known string) bool { return strings.EqualFold(known, name) }) {
			list = append(list, name)
		}
	}
	return list
}

// Allows reports whether pages of an origin are allowed; * in what is allowed stands for any
// text.
func (c *CORS) Allows(origin string) bool {
	return c != nil && slices.ContainsFunc(c.AllowOrigins, func(allowed string) bool { return glob(allowed, origin) })
}

// IsCORSOrigin reports whether a text is what AllowOrigins may have in it: "*", a scheme with
// any host ("https://*"), or one origin.
func IsCORSOrigin(text string) bool {
	if text == "*" || text == "https://*" || text == "http://*" {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && u.Scheme != "" && u.Host != "" && text == u.Scheme+"://"+u.Host && !strings.Contains(u.Host, "*")
}

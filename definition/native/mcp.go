package native

import (
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// parseMCP reads mcp: true, or an object that says more.
func parseMCP(v source.Value) *gateway.MCP {
	if v.IsNull() {
		return nil
	}
	if v.IsScalar() {
		if !v.Bool(false) {
			return nil
		}
		return &gateway.MCP{Source: v.Pos()}
	}
	o := v.Object()
	m := &gateway.MCP{Source: v.Pos(), Include: parseSelectors(o.Get("include")), Exclude: parseSelectors(o.Get("exclude"))}
	if path := o.Get("path"); path.Exists() {
		m.Path = path.NonEmpty()
	}
	if access := o.Get("access"); access.Exists() {
		m.Access, m.AccessSource = access.NonEmpty(), access.Pos()
	}
	if origins := o.Get("origins"); origins.Exists() {
		m.OwnOrigins = true
		for _, item := range origins.List() {
			origin := item.NonEmpty()
			if origin != "" && !gateway.IsCORSOrigin(origin) {
				item.Errorf("invalid-origin", "write *, https://*, or scheme://host[:port] without a path", "%q is not an origin", origin)
				continue
			}
			m.Origins = append(m.Origins, origin)
		}
	}
	o.Done()
	return m
}

func parseSelectors(v source.Value) (list []gateway.ToolSelector) {
	for _, item := range v.List() {
		list = append(list, gateway.ToolSelector{Pattern: item.NonEmpty(), Source: item.Pos()})
	}
	return list
}

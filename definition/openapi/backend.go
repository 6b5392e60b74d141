package openapi

import (
	"regexp"
	"slices"
	"strings"

	"gatehouse/gateway"
)

// backendIntegration makes the integration of an operation that has none: a proxy
// to the backend named beside the document. Without one the route stays bare.
func (p *parser) backendIntegration(r *gateway.Route, item *pathItem) *gateway.Integration {
	if p.opts.Backend == "" {
		return nil
	}
	in := &gateway.Integration{
		Type:           gateway.IntegrationHTTPProxy,
		HTTPMethod:     gateway.AnyMethod,
		ConnectionType: gateway.ConnectionInternet,
		URI:            strings.TrimRight(p.opts.Backend, "/"),
		Source:         r.Source,
		URISource:      r.Source,
	}
	// A stage variable stands for a URL.
	if !strings.Contains(p.opts.Backend, "://") && !strings.Contains(p.opts.Backend, "${") {
		in.ConnectionType = gateway.ConnectionVPCLink
		in.ConnectionID = p.opts.Backend
		in.URI = "http://" + p.opts.Backend
	}
	if r.Path != gateway.DefaultRoute {
		in.URI += strings.ReplaceAll(r.Path, "+}", "}")
	}
	if p.protocol == gateway.REST {
		in.PassthroughBehavior = "WHEN_NO_MATCH"
		p.mapPathVariables(r, in, item.template)
		return in
	}
	in.PayloadFormatVersion = "1.0"
	// The $default route's URI has no path to fill in, and a private integration
	// would be sent the stage in the path: both get the request's path, below the
	// backend's own.
	if r.Path == gateway.DefaultRoute || in.ConnectionType == gateway.ConnectionVPCLink {
		path := "$request.path"
		if _, base, ok := strings.Cut(in.URI, "://"); ok && r.Path == gateway.DefaultRoute {
			if i := strings.IndexByte(base, '/'); i >= 0 {
				path = base[i:] + "${request.path}"
			}
		}
		in.RequestParameters = []gateway.ParameterMapping{{Target: "overwrite:path", Source: path, Pos: r.Source}}
	}
	return in
}

// uriVariable finds {name} in an integration's URI, not ${stageVariables.name}.
var uriVariable = regexp.MustCompile(`(^|[^$])\{([A-Za-z0-9._$-]+)\+?\}`)

// mapPathVariables adds the mapping of every variable in the URI that has none,
// from the path's variable of that name, as an import by AWS does for HTTP_PROXY.
func (p *parser) mapPathVariables(r *gateway.Route, in *gateway.Integration, template gateway.PathTemplate) {
	variables := template.Variables()
	for _, m := range uriVariable.FindAllStringSubmatch(in.URI, -1) {
		name := m[2]
		target := "integration.request.path." + name
		mapped := slices.ContainsFunc(in.RequestParameters, func(pm gateway.ParameterMapping) bool { return pm.Target == target })
		if mapped || !slices.Contains(variables, name) {
			continue
		}
		in.RequestParameters = append(in.RequestParameters, gateway.ParameterMapping{
			Target: target, Source: "method.request.path." + name, Pos: in.URISource,
		})
	}
}

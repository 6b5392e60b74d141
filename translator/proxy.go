package translator

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// proxy sends a route to its HTTP or HTTP_PROXY integration.
func (c *stageCompiler) proxy(r *parsedRoute, route *routev3.Route) bool {
	uri, ok := c.integrationURI(r)
	if !ok {
		return false
	}
	up, backend, ok := c.upstreamOf(r, uri)
	if !ok {
		return false
	}
	c.site.upstreams[up] = true
	action := &routev3.RouteAction{
		ClusterSpecifier:            &routev3.RouteAction_Cluster{Cluster: up.name()},
		ClusterNotFoundResponseCode: routev3.RouteAction_SERVICE_UNAVAILABLE,
		Timeout:                     c.timeout(r),
		IdleTimeout:                 c.silence(r),
		RetryPolicy:                 retryPolicy(r, backend),
		HashPolicy:                  hashPolicy(backend),
		UpgradeConfigs:              upgrades(),
	}
	if !uri.Private {
		action.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: uri.Authority}
	}
	route.Action = &routev3.Route_Route{Route: action}

	program := c.mappingProgram(r)
	if program.needsPath(r, uri) {
		program.buildPath(c, r, uri)
	} else if !c.rewritePath(r, route.Match, action, uri) {
		return false
	}
	program.appendQuery(c, r, uri)
	program.rewriteHost(action, uri)
	if constants, ok := program.constants(); ok {
		route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, constants...)
	} else if config, ok := program.config(); ok {
		route.TypedPerFilterConfig[filterMapping] = enabled(config)
		if program.mapsResponses() {
			route.Metadata.FilterMetadata[wire.MetadataNamespace].Fields[wire.MetadataMapped] = structpb.NewStringValue("true")
		}
	}
	c.backendHeaders(r, route)
	if program.strict() {
		route.TypedPerFilterConfig[filterResponses] = enabled(c.strictResponses())
	}
	c.answerCORS(route)

	var extra []extraFilter
	c.compress(r.Integration, &extra)
	c.keepRequestIDs(r, &extra)
	// Behind decompression: the limit is for what the backend gets.
	c.limitBody(r, route, &extra)
	setExtra(route, extra)
	return true
}

func (c *stageCompiler) integrationURI(r *parsedRoute) (*gateway.EndpointURI, bool) {
	text, missing := gateway.ResolveStageVariables(r.Integration.URI, c.variables)
	if len(missing) > 0 {
		c.errorf("unset-stage-variable", r.Integration.URISource, fmt.Sprintf("add it to the variables of stage %s", c.stage.Name),
			"the stage variable %s of the integration URI is not set in stage %s/%s", strings.Join(missing, ", "), c.api.ID, c.stage.Name)
		return nil, false
	}
	if c.isPrivate(r, text) {
		return c.privateURI(), true
	}
	uri, err := gateway.ParseEndpointURI(text)
	if err != nil {
		c.errorf("invalid-uri", r.Integration.URISource, "", "%v", err)
		return nil, false
	}
	return uri, true
}

// isPrivate tells the URIs that HTTP APIs have for what is behind a VPC link: the ARN of
// a load balancer's listener, or of a Cloud Map service.
func (c *stageCompiler) isPrivate(r *parsedRoute, uri string) bool {
	return !c.rest() && r.Integration.ConnectionType == gateway.ConnectionVPCLink && strings.HasPrefix(uri, "arn:")
}

// privateURI stands for such an ARN. The backend is the VPC link's; it is sent the
// path below the stage's name, and the client's Host header.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-private.html
func (c *stageCompiler) privateURI() *gateway.EndpointURI {
	uri := &gateway.EndpointURI{Scheme: "http", Private: true}
	if c.stage.Name != gateway.DefaultStage {
		uri.Path = "/" + c.stage.Name
	}
	return uri
}

// upstreamOf finds what an integration is sent to.
func (c *stageCompiler) upstreamOf(r *parsedRoute, uri *gateway.EndpointURI) (upstream, *gateway.Backend, bool) {
	up, backend, err := c.snapshot.Upstream(r.Integration, uri, c.stage, c.variables)
	if problem := (*gateway.UpstreamError)(nil); errors.As(err, &problem) {
		c.errorf(problem.Code, r.Integration.Source, problem.Hint, "%s", problem.Message)
	}
	return upstream(up), backend, err == nil
}

func retryPolicy(r *parsedRoute, b *gateway.Backend) *routev3.RetryPolicy {
	retry := r.settings.Retry
	if retry == nil && b != nil {
		retry = b.Retry
	}
	if retry == nil || retry.Attempts == 0 {
		return nil
	}
	p := &routev3.RetryPolicy{
		RetryOn:    cmp.Or(retry.On, "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"),
		NumRetries: wrapperspb.UInt32(retry.Attempts),
	}
	if retry.On == "" {
		p.RetriableStatusCodes = []uint32{503}
	}
	if retry.PerTryTimeoutMillis > 0 {
		p.PerTryTimeout = millis(retry.PerTryTimeoutMillis)
	}
	return p
}

// upgrades lets WebSockets through to the backend.
func upgrades() []*routev3.RouteAction_UpgradeConfig {
	return []*routev3.RouteAction_UpgradeConfig{{UpgradeType: "websocket"}}
}

// rewritePath makes the backend's path of the request's, by the cheapest of Envoy's
// ways: a replaced prefix, or a regular expression with a group for each variable.
func (c *stageCompiler) rewritePath(r *parsedRoute, match *routev3.RouteMatch, action *routev3.RouteAction, uri *gateway.EndpointURI) bool {
	path := cmp.Or(uri.Path, "/")
	names := gateway.Placeholders(path)
	if r.Path == gateway.DefaultRoute || uri.Private {
		return c.rewriteDefault(action, uri)
	}
	if _, exact := match.PathSpecifier.(*routev3.RouteMatch_Path); exact && len(names) == 0 {
		if path != match.GetPath() {
			action.PrefixRewrite = path
		}
		return true
	}
	if c.sendsAsAsked(r, path) {
		return true
	}
	var substitution strings.Builder
	groups := map[string]int{}
	for i, name := range r.template.Variables() {
		groups[name] = i + 1
	}
	substitution.WriteString(gateway.ReplacePlaceholders(path,
		func(literal string) string { return strings.ReplaceAll(literal, `\`, `\\`) },
		func(name string) string { return fmt.Sprintf(`\%d`, groups[pathSource(r.Integration, name)]) }))
	action.RegexRewrite = &envoymatcherv3.RegexMatchAndSubstitute{
		Pattern:      &envoymatcherv3.RegexMatcher{Regex: c.pathPattern(r.template, true)},
		Substitution: substitution.String(),
	}
	return true
}

// sendsAsAsked reports whether a backend is sent the path that clients ask for, whatever the
// values of its variables are. What has a slash at its end only for clients is sent another.
func (c *stageCompiler) sendsAsAsked(r *parsedRoute, path string) bool {
	if c.rest() && !r.template.Greedy() {
		return false
	}
	// Placeholders of a URI have no plus.
	asked := c.base + strings.Replace(r.template.String(), "+}", "}", 1)
	return asked == gateway.ReplacePlaceholders(path,
		func(literal string) string { return literal },
		func(name string) string { return "{" + pathSource(r.Integration, name) + "}" })
}

// rewriteDefault is for an HTTP API's $default route, and for private integrations:
// the request's path goes on behind the URI's.
func (c *stageCompiler) rewriteDefault(action *routev3.RouteAction, uri *gateway.EndpointURI) bool {
	prefix := strings.TrimSuffix(uri.Path, "/")
	if c.base == prefix && (prefix == "" || uri.Private) {
		return true
	}
	action.RegexRewrite = &envoymatcherv3.RegexMatchAndSubstitute{
		Pattern:      &envoymatcherv3.RegexMatcher{Regex: "^" + regexp.QuoteMeta(c.base) + "/?(.*)$"},
		Substitution: strings.ReplaceAll(prefix, `\`, `\\`) + `/\1`,
	}
	return true
}

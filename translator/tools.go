package translator

import (
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_proc/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// A stage with MCP has an endpoint for agents. The last filter of its route asks the
// integration service, which answers a message, or makes a call of a tool the request that
// it stands for. That is not routed again here, where the first match has settled which
// filters look at it: it always goes to a listener inside Envoy that has the whole chain,
// and is matched and checked there like any other.

// filterToolCalls is what the filter is called, in the chain of the route's own.
const filterToolCalls = "tool-calls"

// toolEndpoint is the endpoint of the stage, if it has one, and what says who issues the
// tokens that it asks for. A canary leaves it to the stage: a list of tools that changes from
// one request to the next is of no use.
func (c *stageCompiler) toolEndpoint() []candidate {
	if c.site.mutualTLS {
		// Inside Envoy there is no handshake, and what mappings, functions and authorizers are
		// to be told of the certificate would be what the client says in headers.
		return nil
	}
	endpoint, err := c.stage.MCPRoute()
	if endpoint == nil || err != nil {
		return nil // Validate reports errors.
	}
	template, err := gateway.ParsePath(endpoint.Path)
	if err != nil {
		return nil
	}
	own := *c
	own.share, own.deployment, own.variables, own.custom, own.refused = nil, c.stage.Deployment, c.stage.Variables, nil, nil
	own.policyParsed = false
	r := &parsedRoute{Route: endpoint, template: template}
	own.checkAuthorization(r)
	route := own.toolRoute(r)
	out := []candidate{{base: c.base, template: template, routes: []*routev3.Route{route}}}
	if len(c.snapshot.MCPIssuers(c.stage, endpoint)) > 0 {
		at := endpoint.Path + gateway.MCPMetadataSuffix
		if template, err = gateway.ParsePath(at); err == nil {
			route.Metadata.FilterMetadata[wire.MetadataNamespace].Fields[wire.MetadataAgents] = structpb.NewStringValue(c.base + at)
			out = append(out, candidate{base: c.base, template: template, routes: []*routev3.Route{own.tokenIssuersRoute(r, c.base+at)}})
		}
	}
	return out
}

// tokenIssuersRoute has the integration service say who issues the tokens that the endpoint asks
// for, to everybody: who has none yet has to know.
func (c *stageCompiler) tokenIssuersRoute(r *parsedRoute, path string) *routev3.Route {
	route := c.newRoute(r.Key(), &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Path{Path: path}})
	untraced(route)
	// The service answers everything that comes here.
	route.Action = &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 404}}
	setExtra(route, []extraFilter{{filterToolCalls, c.toolCalls(r)}})
	return route
}

// toolRoute leads to the listener for calls.
func (c *stageCompiler) toolRoute(r *parsedRoute) *routev3.Route {
	match := &routev3.RouteMatch{
		PathSpecifier: &routev3.RouteMatch_Path{Path: c.base + r.Path},
		// A call of a tool is no message, whatever its path is.
		Headers: []*routev3.HeaderMatcher{{
			Name: wire.ToolHeader, HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}, InvertMatch: true,
		}},
	}
	route := c.newRoute(r.Key(), match)
	untraced(route)
	route.Action = &routev3.Route_Route{Route: &routev3.RouteAction{
		ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: wire.ToolCluster},
		// The route that is called has its own.
		Timeout:     millis(0),
		IdleTimeout: longestSilence(*c.stage),
	}}
	route.RequestHeadersToAdd = []*corev3.HeaderValueOption{
		setHeader(wire.ToolHeader, "true"),
		setHeader(wire.ClientAddressHeader, "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"),
		clientConnection(),
	}
	route.RequestHeadersToRemove = []string{wire.KeyHeader}
	tellNetworks(route)
	if r.Authorization != nil && r.Authorization.Type == gateway.AuthorizationIAM {
		c.tellSigner(route)
	}
	c.letIn(r, c.checksOf(r), route)
	answerPages(c.stage.MCPCORS(), route)
	setExtra(route, []extraFilter{{filterToolCalls, c.toolCalls(r)}})
	return route
}

// tellSigner has calls tell who has signed their message, which the endpoint has found out.
// The signature itself is of no use to them, and would be to a backend.
func (c *stageCompiler) tellSigner(route *routev3.Route) {
	c.site.tellsSigners = true
	route.RequestHeadersToAdd = append(route.RequestHeadersToAdd,
		setHeader(wire.SignerHeader, "%DYNAMIC_METADATA("+wire.AuthorizationMetadata+":"+wire.AnswerIdentity+":accessKey)%"))
	route.RequestHeadersToRemove = append(route.RequestHeadersToRemove, "authorization", "x-amz-security-token", "x-amz-date", "x-amz-content-sha256")
}

// toolCalls is the filter that asks the integration service about messages.
func (c *stageCompiler) toolCalls(r *parsedRoute) *extprocv3.ExternalProcessor {
	cluster := wire.ToolServiceCluster
	if c.site.integrationApart {
		cluster = wire.ApartIntegrationCluster
	} else {
		c.site.integratesThere = true
	}
	c.site.hasTools = true
	id := wire.RouteIdentity{API: c.api.ID, Stage: c.stage.Name, Base: c.base, Route: r.Key()}
	return &extprocv3.ExternalProcessor{
		GrpcService: &corev3.GrpcService{
			TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: cluster, SkipEnvoyHeaders: true}},
			InitialMetadata: []*corev3.HeaderValue{{Key: wire.RouteHeader, Value: formatLiteral(id.String())}},
		},
		ProcessingMode: &extprocv3.ProcessingMode{
			RequestHeaderMode:   extprocv3.ProcessingMode_SEND,
			RequestBodyMode:     extprocv3.ProcessingMode_FULL_DUPLEX_STREAMED,
			RequestTrailerMode:  extprocv3.ProcessingMode_SEND,
			ResponseHeaderMode:  extprocv3.ProcessingMode_SEND,
			ResponseBodyMode:    extprocv3.ProcessingMode_FULL_DUPLEX_STREAMED,
			ResponseTrailerMode: extprocv3.ProcessingMode_SEND,
		},
		// The service says how long the body is that it sends.
		AllowContentLengthHeader: true,
		// Which host a request goes to, and what only Envoy says, is not the service's.
		MutationRules: &mutationv3.HeaderMutationRules{
			AllowAllRouting:    wrapperspb.Bool(true),
			DisallowExpression: &envoymatcherv3.RegexMatcher{Regex: "(?i)(:authority|host|:scheme|x-gw-.*|x-forwarded-.*)"},
		},
		RouteCacheAction: extprocv3.ExternalProcessor_RETAIN,
		StatusOnError:    &typev3.HttpStatus{Code: typev3.StatusCode_ServiceUnavailable},
	}
}

// addToolListener adds the listener that calls of tools come to, and what leads there.
func addToolListener(g *gateway.Gateway, scoped bool, chain string, out *gatewayResources) {
	inner := innerListener(chain, wire.ToolCluster, toolManager(g, scoped))
	out.add(inner.Name, inner, g.Source)
	cluster := innerCluster(wire.ToolCluster)
	out.add(cluster.Name, cluster, g.Source)
}

// toolManager serves the calls of tools, under the host name that the message came to.
func toolManager(g *gateway.Gateway, scoped bool) *hcmv3.HttpConnectionManager {
	return innerManager(g, scoped, toolPass, "tools", wire.ToolHeader)
}

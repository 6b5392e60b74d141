package translator

import (
	"cmp"
	_ "embed"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherconfigv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tracev3 "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/type/metadata/v3"
	tracingv3 "github.com/envoyproxy/go-control-plane/envoy/type/tracing/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Where a gateway has a collector, its Envoys make a span of each request, and report
// those that are sampled; one of the call of a backend they make only of these. Which ones
// are is said by routes: those of stages without tracing, and what no route is for, never.
// Envoy decides when it knows the route and before any filter runs, so that the context of
// a trace has to be in place before:
//
//   - Envoy reads the W3C's header, and has X-Ray's turned into that one.
//   - It follows the sampling of a client only if the request has a client's trace id,
//     which is its word for a trace that a client has begun. Without one, a part of the
//     requests is sampled, and of those only the ones whose context says so, if any.
//
// Envoy's own way of passing the context on is not used: it does so on all routes, and
// would tell the backends of stages that are not traced that the client's trace is not
// sampled. tracing.lua does it on routes that are traced.

const (
	// filterTraceIDs writes down which trace Envoy has made of a request, and which span
	// (header_mutation); filterTracing tells about it (lua, one constant script).
	filterTraceIDs = "gw.trace-ids"
	filterTracing  = "gw.tracing"
	// filterTracedURL keeps what was asked for, which is rewritten on the way.
	filterTracedURL = "gw.traced-url"
	// filterTracedRouter asks the backends of requests that are sampled, in place of
	// filterRouter, and makes a span of that (composite).
	filterTracedRouter = "gw.traced-router"

	// clientTraceHeader is how Envoy is told to follow a client.
	clientTraceHeader = "x-client-trace-id"
	traceHeader       = wire.InternalHeaderPrefix + "trace"
	// reportTimeout is how long the collector may take to receive a report, and maxReports how
	// many are on their way, of hundreds of spans each. What more there is Envoy drops.
	reportTimeout = 10 * time.Second
	maxReports    = 32
	// maxTracePath bounds what a span has of a path.
	maxTracePath = 256
)

// tracingFilters are what routes that are traced switch on.
var tracingFilters = []string{filterTraceIDs, filterTracing, filterTracedURL, filterTracedRouter}

// tracingScript is the program that passes the context of a trace on.
//
//go:embed tracing.lua
var tracingScript string

// X-Ray's header, as expressions of CEL that give the W3C's: "" where it is not there. In
// the first, whoever wrote it has decided about sampling. In the second not. The parent may
// be missing in both, for which there has to be one nevertheless. Lengths are for Envoy to
// check when it reads the result: a pattern that counts is too large for it.
var (
	xrayDecided = xrayAs(
		xrayOrder{xrayRoot + xrayNext + xrayParent + xrayNext + xraySampled, `\\1\\2-\\3-0\\4`},
		xrayOrder{xrayRoot + xrayNext + xraySampled + xrayNext + xrayParent, `\\1\\2-\\4-0\\3`},
		xrayOrder{xraySampled + xrayNext + xrayRoot + xrayNext + xrayParent, `\\2\\3-\\4-0\\1`},
		xrayOrder{xraySampled + xrayNext + xrayRoot, `\\2\\3-` + noParent + `-0\\1`},
		xrayOrder{xrayRoot + xrayNext + xraySampled, `\\1\\2-` + noParent + `-0\\3`},
	)
	xrayOpen = xrayAs(
		xrayOrder{xrayRoot + xrayNext + xrayParent, `\\1\\2-\\3-01`},
		xrayOrder{xrayRoot, `\\1\\2-` + noParent + `-01`},
	)
)

// noParent is the id of the span that a new trace hangs on whose root the client has chosen.
const noParent = "0000000000000001"

// The fields that matter, and what may be between two of them: others, but no other header.
const (
	xrayRoot    = `Root=1-([0-9a-f]*)-([0-9a-f]*)`
	xrayParent  = `Parent=([0-9a-f]*)`
	xraySampled = `Sampled=([01])`
	xrayNext    = `;(?:[^,]*;)? *`
)

// An xrayOrder is one that fields come in, and what becomes of them behind the W3C's version.
type xrayOrder struct{ fields, as string }

// xrayAs takes the first order that there is. Envoy's CEL does not join texts, so that each is to
// be written at once.
func xrayAs(orders ...xrayOrder) string {
	const header = "request.headers['x-amzn-trace-id']"
	expression := "''"
	for _, o := range slices.Backward(orders) {
		expression = header + ".matches('" + o.fields + "') ? re.extract(" + header + ", '" + o.fields + "', '00-" + o.as + "') : (" + expression + ")"
	}
	return "%CEL('x-amzn-trace-id' in request.headers && size(" + header + ") < 256 ? (" + expression + ") : '')%"
}

// traceContext are the changes to a request's headers by which Envoy understands its
// context. Their order matters.
func traceContext() []*mutationv3.HeaderMutation {
	return []*mutationv3.HeaderMutation{
		mutateRemove(clientTraceHeader),
		mutateIfAbsent(clientTraceHeader, "%REQ(TRACEPARENT)%"),
		mutateIfAbsent(clientTraceHeader, xrayDecided),
		mutateIfAbsent("traceparent", "%REQ("+clientTraceHeader+")%"),
		mutateIfAbsent("traceparent", xrayOpen),
	}
}

// traceRequests has a listener trace what routes want to be traced.
func traceRequests(m *hcmv3.HttpConnectionManager, g *gateway.Gateway) {
	if g.Tracing == nil {
		return
	}
	never := &typev3.Percent{}
	m.Tracing = &hcmv3.HttpConnectionManager_Tracing{
		ClientSampling: never, RandomSampling: never, OverallSampling: never,
		// In place of Envoy's own, which have the query in them: signatures, keys and tokens
		// travel there.
		MaxPathTagLength: uint32Value(0),
		CustomTags: []*tracingv3.CustomTag{
			logTag("http.url", kept(filterTracedURL)),
			routeTag("gatehouse.api", wire.MetadataAPI), routeTag("gatehouse.stage", wire.MetadataStage),
		},
		UpstreamOperation:    "integration",
		NoContextPropagation: true,
		Provider: &tracev3.Tracing_Http{
			Name: "envoy.tracers.opentelemetry",
			ConfigType: &tracev3.Tracing_Http_TypedConfig{TypedConfig: anyOf(&tracev3.OpenTelemetryConfig{
				ServiceName: cmp.Or(g.Tracing.ServiceName, g.Name),
				GrpcService: &corev3.GrpcService{
					TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: wire.TracingCluster}},
					InitialMetadata: collectorHeaders(g.Tracing),
				},
			})},
		},
	}
	m.HttpFilters = append(traceFilters(), m.HttpFilters...)
	m.HttpFilters = slices.Insert(m.HttpFilters, len(m.HttpFilters)-1, tracedRouter())
}

// tracedRouter takes requests that tracing.lua calls sampled to their backends. What Envoy
// has for spans of calls is for all requests of a listener, and costs those which are not
// reported more than all else of tracing.
func tracedRouter() *hcmv3.HttpFilter {
	traced := router()
	//lint:ignore SA1019 what is to be used in its place is for whole listeners
	traced.StartChildSpan = true
	return &hcmv3.HttpFilter{
		Name: filterTracedRouter, Disabled: true,
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(&compositev3.Composite{Matcher: &matcherconfigv3.Matcher{
			MatcherType: &matcherconfigv3.Matcher_MatcherList_{MatcherList: &matcherconfigv3.Matcher_MatcherList{
				Matchers: []*matcherconfigv3.Matcher_MatcherList_FieldMatcher{{
					Predicate: headerMatches("traceparent", &matcherconfigv3.StringMatcher{MatchPattern: &matcherconfigv3.StringMatcher_Suffix{Suffix: "-01"}}),
					OnMatch: &matcherconfigv3.Matcher_OnMatch{OnMatch: &matcherconfigv3.Matcher_OnMatch_Action{
						Action: &xdscorev3.TypedExtensionConfig{Name: filterRouter, TypedConfig: anyOf(&compositev3.ExecuteFilterAction{
							TypedConfig: &corev3.TypedExtensionConfig{Name: filterRouter, TypedConfig: anyOf(traced)},
						})},
					}},
				}},
			}},
		}})},
	}
}

func collectorHeaders(t *gateway.Tracing) []*corev3.HeaderValue {
	var headers []*corev3.HeaderValue
	for _, h := range t.Headers {
		headers = append(headers, &corev3.HeaderValue{Key: h.Name, Value: h.Value.Reveal()})
	}
	return headers
}

func routeTag(name, key string) *tracingv3.CustomTag {
	return &tracingv3.CustomTag{Tag: name, Type: &tracingv3.CustomTag_Metadata_{Metadata: &tracingv3.CustomTag_Metadata{
		Kind: &metadatav3.MetadataKind{Kind: &metadatav3.MetadataKind_Route_{Route: &metadatav3.MetadataKind_Route{}}},
		MetadataKey: &metadatav3.MetadataKey{Key: wire.MetadataNamespace, Path: []*metadatav3.MetadataKey_PathSegment{
			{Segment: &metadatav3.MetadataKey_PathSegment_Key{Key: key}},
		}},
	}}}
}

// traceFilters come first: refusals are part of a trace, and what the services and
// mappings behind them see of its headers is what backends get.
func traceFilters() []*hcmv3.HttpFilter {
	url := keepTexts(filterTracedURL, keepText(filterTracedURL, "%REQ(X-FORWARDED-PROTO)%://%REQ(:AUTHORITY)%%PATH(NQ):"+strconv.Itoa(maxTracePath)+"%"))
	url.Disabled = true
	return []*hcmv3.HttpFilter{
		{
			Name: filterTraceIDs, Disabled: true,
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(&headermutationv3.HeaderMutation{Mutations: &headermutationv3.Mutations{
				RequestMutations: []*mutationv3.HeaderMutation{
					mutateRemove(clientTraceHeader),
					mutateAppend(traceHeader, "%TRACE_ID% %SPAN_ID%"),
				},
			}})},
		},
		{
			Name: filterTracing, Disabled: true,
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: anyOf(&luav3.Lua{
				DefaultSourceCode: inlineString(tracingScript),
				ClearRouteCache:   wrapperspb.Bool(false),
			})},
		},
		url,
	}
}

// trace has requests of a route traced, where its stage wants that.
func (c *stageCompiler) trace(route *routev3.Route, name string) {
	if !c.site.tracing {
		return
	}
	if c.stage.Tracing == nil {
		route.RequestHeadersToRemove = append(route.RequestHeadersToRemove, clientTraceHeader)
		return
	}
	always := &typev3.FractionalPercent{Numerator: 100}
	route.Tracing = &routev3.Tracing{
		ClientSampling: always, OverallSampling: always, RandomSampling: sampled(c.stage.Tracing.Percent),
		Operation:  formatLiteral(name),
		CustomTags: templateTag(name),
	}
	for _, name := range tracingFilters {
		route.TypedPerFilterConfig[name] = enabled(nil)
	}
}

// templateTag is the template of the path of a route with this key; none where it has none, as
// $default. The method is told apart: products for traces put it before the template.
// See https://opentelemetry.io/docs/specs/semconv/http/http-spans/
func templateTag(key string) []*tracingv3.CustomTag {
	_, template, _ := strings.Cut(key, " ")
	if !strings.HasPrefix(template, "/") {
		return nil
	}
	return []*tracingv3.CustomTag{{Tag: "http.route", Type: &tracingv3.CustomTag_Literal_{Literal: &tracingv3.CustomTag_Literal{Value: template}}}}
}

// sampled is a share of requests in ten-thousandths. Envoy draws a number below 10,000 to
// sample a request, so that one in any finer unit would be a hundred times as many.
// See https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/runtime
func sampled(percent float64) *typev3.FractionalPercent {
	return &typev3.FractionalPercent{Numerator: uint32(math.Round(percent * 100)), Denominator: typev3.FractionalPercent_TEN_THOUSAND}
}

// untraced leaves a request to its next pass, which is traced.
func untraced(route *routev3.Route) {
	route.Tracing = nil
	for _, name := range tracingFilters {
		delete(route.TypedPerFilterConfig, name)
	}
}

// collectorCluster leads to a gateway's collector. Whether it is well only shows when
// something is sent to it.
func collectorCluster(t *gateway.Tracing) *clusterv3.Cluster {
	c := serviceCluster(wire.TracingCluster, nil, &t.Collector)
	c.HealthChecks, c.CommonLbConfig, c.CloseConnectionsOnHostHealthFailure = nil, nil, false
	// Envoy waits without end for a report to be taken, and makes the next ones meanwhile.
	protocol := serviceProtocol()
	protocol.CommonHttpProtocolOptions = &corev3.HttpProtocolOptions{MaxStreamDuration: durationpb.New(reportTimeout)}
	c.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] = anyOf(protocol)
	c.CircuitBreakers = &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
		MaxRequests: uint32Value(maxReports), MaxPendingRequests: uint32Value(maxReports),
	}}}
	return c
}

package translator

import (
	"cmp"
	"slices"
	"strings"

	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"

	"gatehouse/gateway"
)

// Headers of REST APIs, as recorded against Amazon API Gateway (reference: header
// forwarding rules). Envoy takes care of hop-by-hop headers and of Content-Length.
var (
	// droppedRequestHeaders reach no backend, and no mapping sees them.
	droppedRequestHeaders = []string{
		"content-md5", "max-forwards", "proxy-authenticate", "server", "trailer", "www-authenticate",
	}
	// hiddenRequestHeaders are no mapping's to see either; Envoy deals with them.
	hiddenRequestHeaders = []string{"connection", "content-length", "expect", "te", "transfer-encoding", "upgrade"}
	// droppedByHTTPProxy are dropped in addition by HTTP_PROXY.
	droppedByHTTPProxy = []string{"content-encoding", "via"}
	// keptByHTTP are what a non-proxy integration passes on unmapped: Envoy's own
	// framing and tracing, and the type of the body.
	keptByHTTP = []string{
		"content-type", "content-length", "content-encoding", "transfer-encoding", "x-request-id",
		"x-forwarded-for", "x-forwarded-proto", "x-envoy-expected-rq-timeout-ms", "traceparent", "tracestate",
	}
	// keptOfHTTPResponse is what a non-proxy integration lets through of a response.
	keptOfHTTPResponse = []string{"content-length", "content-encoding", "transfer-encoding", "x-amzn-requestid"}
	// failingTargets are request headers whose mapping AWS deploys and then answers
	// with 500 at run time. Gatehouse refuses them when the definition is read.
	failingTargets = []string{"content-length", "transfer-encoding", "x-amzn-trace-id", "x-amzn-apigateway-api-id"}
)

// restRequest compiles integration.request.* mappings.
func (c *stageCompiler) restRequest(r *parsedRoute, p *program) {
	var headers, query []any
	for _, m := range r.Integration.RequestParameters {
		value, err := gateway.ParseRESTValue(m.Source)
		if err != nil {
			c.errorf("invalid-mapping", m.Pos, "", "%v", err)
			continue
		}
		kind, name, _ := strings.Cut(strings.TrimPrefix(m.Target, "integration.request."), ".")
		switch {
		case !strings.HasPrefix(m.Target, "integration.request.") || name == "":
			c.errorf("invalid-mapping", m.Pos, "", "%q is not a target of a request mapping", m.Target)
		case kind == "path":
			// Used where the URI has the placeholder.
		case kind == "header":
			if slices.Contains(failingTargets, strings.ToLower(name)) {
				c.errorf("forbidden-mapping", m.Pos, "", "the header %s cannot be mapped; on Amazon API Gateway every request would fail", name)
				continue
			}
			parts, ok := c.parts(r, value, m.Pos, p, false)
			switch {
			case !ok:
			case strings.EqualFold(name, "host"):
				p.host = parts
			default:
				headers = append(headers, map[string]any{"op": "set", "name": strings.ToLower(name), "parts": parts})
			}
		case kind == "querystring":
			if parts, ok := c.parts(r, value, m.Pos, p, false); ok {
				query = append(query, map[string]any{
					"op": "append", "name": name, "parts": parts, "repeated": value[0].Kind == gateway.RequestMultiQuery,
				})
			}
		default:
			c.errorf("invalid-mapping", m.Pos, "", "%q is not a target of a request mapping", m.Target)
		}
	}
	if r.Integration.Type == gateway.IntegrationHTTP {
		p.request["keep"] = toSet(keptByHTTP...)
		p.request["drop_query"] = true
		p.request["trace"] = true
	} else if dropped := droppedBeforeMapping(r.Integration); len(dropped) > 0 {
		p.request["drop"] = toList(dropped)
	}
	if len(headers) > 0 {
		p.request["headers"] = headers
	}
	if len(query) > 0 {
		p.request["query"] = query
	}
}

// droppedBeforeMapping lists what an HTTP_PROXY integration drops and a mapping sets: the
// script drops it, which knows the client's value from the mapping's.
func droppedBeforeMapping(in *gateway.Integration) []string {
	return slices.DeleteFunc(slices.Concat(droppedRequestHeaders, droppedByHTTPProxy),
		func(name string) bool { return !setsHeader(in, name) })
}

// restResponses compiles the integration responses of an HTTP integration: which is
// chosen for a status, the status it answers, and the headers it sets. A backend's
// other headers go no further, its content type included.
func (c *stageCompiler) restResponses(r *parsedRoute, p *program) {
	if r.Integration.Type != gateway.IntegrationHTTP {
		return
	}
	patterns, rules := []string{}, []any{}
	for _, resp := range r.Integration.Responses {
		patterns = append(patterns, resp.SelectionPattern)
		contentType, _ := gateway.UsualTemplate(resp.ResponseTemplates)
		rule := map[string]any{
			"status": resp.StatusCode, "strip": toSet(keptOfHTTPResponse...),
			"content_type": cmp.Or(contentType, "application/json"),
		}
		if headers := c.restResponseHeaders(r, resp, p); len(headers) > 0 {
			rule["headers"] = headers
		}
		rules = append(rules, rule)
	}
	p.response["select"] = statuses(patterns)
	p.response["rules"] = rules
	p.response["strict"] = true
	p.response["trace"] = true
}

func (c *stageCompiler) restResponseHeaders(r *parsedRoute, resp gateway.IntegrationResponse, p *program) []any {
	var headers []any
	for _, m := range resp.ResponseParameters {
		name, ok := strings.CutPrefix(m.Target, "method.response.header.")
		value, err := gateway.ParseRESTValue(m.Source)
		if !ok || err != nil || name == "" {
			c.errorf("invalid-mapping", m.Pos, "", "%q from %q is not a response mapping", m.Target, m.Source)
			continue
		}
		if parts, ok := c.parts(r, value, m.Pos, p, true); ok {
			headers = append(headers, map[string]any{"op": "set", "name": remappedName(name), "parts": parts})
		}
	}
	return headers
}

// remappedName is the name under which a mapping sets a response header.
func remappedName(name string) string {
	name = strings.ToLower(name)
	if gateway.RemappedHeader(name) {
		return "x-amzn-remapped-" + name
	}
	return name
}

// apiIDHeader tells REST backends which API calls them.
const apiIDHeader = "x-amzn-apigateway-api-id"

// backendHeaders adds and removes what every request to a backend gains and loses,
// by the kind of API and of integration.
func (c *stageCompiler) backendHeaders(r *parsedRoute, route *routev3.Route) {
	if !c.rest() {
		route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, appendHeader("forwarded",
			"for=%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%;host=%REQ(:AUTHORITY)%;proto=%REQ(X-FORWARDED-PROTO)%"))
		return
	}
	// Removed first, so that appending sets it: cheaper than to overwrite.
	route.RequestHeadersToRemove = append(route.RequestHeadersToRemove, apiIDHeader)
	route.RequestHeadersToAdd = append(route.RequestHeadersToAdd, appendHeader(apiIDHeader, c.api.ID))
	if r.Integration.Type == gateway.IntegrationHTTPProxy {
		for _, name := range slices.Concat(droppedRequestHeaders, droppedByHTTPProxy) {
			// A mapping may set such a header again; see droppedBeforeMapping.
			if !setsHeader(r.Integration, name) {
				route.RequestHeadersToRemove = append(route.RequestHeadersToRemove, name)
			}
		}
		route.TypedPerFilterConfig[filterHeaders] = enabled(remappedResponseHeaders)
		// Here, not in the filter, which sees the gateway's own id already.
		route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, appendHeader("x-amzn-remapped-x-amzn-requestid", "%RESP(X-AMZN-REQUESTID)%"))
		return
	}
	route.RequestHeadersToAdd = append(route.RequestHeadersToAdd,
		absentHeader("accept", "application/json"),
		absentHeader("user-agent", "AmazonAPIGateway_"+c.api.ID))
}

func setsHeader(in *gateway.Integration, name string) bool {
	return slices.ContainsFunc(in.RequestParameters, func(m gateway.ParameterMapping) bool {
		return strings.EqualFold(m.Target, "integration.request.header."+name)
	})
}

// remappedResponseHeaders keeps a backend's own Date, Server and request id apart
// from the gateway's, as HTTP_PROXY integrations of REST APIs do. See also renamesAll.
var remappedResponseHeaders = func() *headermutationv3.HeaderMutationPerRoute {
	var mutations []*mutationv3.HeaderMutation
	for _, h := range renamed {
		mutations = append(mutations, mutateAppend(h.Header.Key, h.Header.Value))
	}
	for _, name := range removedResponseHeaders {
		mutations = append(mutations, mutateRemove(name))
	}
	return &headermutationv3.HeaderMutationPerRoute{Mutations: &headermutationv3.Mutations{ResponseMutations: mutations}}
}()

func mutateAppend(name, value string) *mutationv3.HeaderMutation {
	return &mutationv3.HeaderMutation{Action: &mutationv3.HeaderMutation_Append{Append: appendHeader(name, value)}}
}

// mutateIfAbsent sets a header that is not there.
func mutateIfAbsent(name, value string) *mutationv3.HeaderMutation {
	header := setHeader(name, value)
	header.AppendAction = corev3.HeaderValueOption_ADD_IF_ABSENT
	return &mutationv3.HeaderMutation{Action: &mutationv3.HeaderMutation_Append{Append: header}}
}

func mutateRemove(name string) *mutationv3.HeaderMutation {
	return &mutationv3.HeaderMutation{Action: &mutationv3.HeaderMutation_Remove{Remove: name}}
}

func appendHeader(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD,
	}
}

func absentHeader(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_ADD_IF_ABSENT,
	}
}

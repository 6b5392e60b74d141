package openapi

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/restapi"
)

// defaultRESTTimeout is how long the integration of a REST API may take, in
// milliseconds, unless something else is said.
const defaultRESTTimeout = 29000

// restIntegration writes an integration. As Amazon's exports do, it has the timeout in any
// case, and other defaults not at all.
func restIntegration(r *restapi.Resource, in *restapi.Integration) *object {
	o := &object{}
	o.set("type", strings.ToLower(in.Type))
	o.text("credentials", in.Credentials)
	o.text("httpMethod", in.HTTPMethod)
	o.text("uri", in.URI)
	o.object("responses", restIntegrationResponses(in.IntegrationResponses))
	o.object("requestParameters", textObject(in.RequestParameters))
	o.object("requestTemplates", textObject(in.RequestTemplates))
	o.text("passthroughBehavior", strings.ToLower(in.PassthroughBehavior))
	if in.ConnectionType == gateway.ConnectionVPCLink {
		o.set("connectionType", in.ConnectionType)
		o.text("connectionId", in.ConnectionID)
	}
	o.text("integrationTarget", in.IntegrationTarget)
	o.set("timeoutInMillis", cmp.Or(in.TimeoutInMillis, defaultRESTTimeout))
	if in.CacheNamespace != r.ID {
		o.text("cacheNamespace", in.CacheNamespace)
	}
	o.texts("cacheKeyParameters", slices.Sorted(slices.Values(in.CacheKeyParameters)))
	o.text("contentHandling", in.ContentHandling)
	if in.TLSConfig != nil && in.TLSConfig.InsecureSkipVerification {
		tls := &object{}
		tls.set("insecureSkipVerification", true)
		o.set("tlsConfig", tls)
	}
	if in.ResponseTransferMode == "STREAM" {
		o.set("responseTransferMode", in.ResponseTransferMode)
	}
	return o
}

// samples are answers that have nothing in common: status codes, and messages of functions.
var samples = []string{"200", "404", "503", "Something went wrong: [x]\n\tat y", "Bad Request"}

// takesEverything tells patterns such as ".*".
func takesEverything(pattern string) bool {
	re, err := regexp.Compile("(?s)^(?:" + pattern + ")$")
	if err != nil || pattern == "" {
		return false
	}
	return !slices.ContainsFunc(samples, func(s string) bool { return !re.MatchString(s) })
}

// defaultResponse is the key of the response for all answers that no other's pattern
// takes.
const defaultResponse = "default"

// width orders patterns: those that take one text only come first, those that take everything
// last.
func width(pattern string) int {
	switch {
	case pattern != "" && pattern == regexp.QuoteMeta(pattern):
		return 0
	case takesEverything(pattern):
		return 2
	}
	return 1
}

// restIntegrationResponses writes responses in the order in which they are tried: the first that
// an answer matches is taken, and what is kept has no order but that of its status codes. Amazon
// says nothing of answers that several match; here the narrow patterns are before the wide, which
// would leave them nothing, and each kind is in the order of the status codes. Of two with the same
// pattern the second would never be taken.
func restIntegrationResponses(responses map[string]restapi.IntegrationResponse) *object {
	out := &object{}
	widths := map[string]int{}
	for status, response := range responses {
		widths[status] = width(response.SelectionPattern)
	}
	for _, status := range slices.SortedFunc(maps.Keys(responses), func(a, b string) int {
		return cmp.Or(widths[a]-widths[b], strings.Compare(a, b))
	}) {
		response := responses[status]
		key := cmp.Or(response.SelectionPattern, defaultResponse)
		if out.get(key) != nil {
			continue
		}
		o := &object{}
		o.set("statusCode", status)
		o.object("responseParameters", textObject(response.ResponseParameters))
		o.object("responseTemplates", textObject(response.ResponseTemplates))
		o.text("contentHandling", response.ContentHandling)
		out.set(key, o)
	}
	return out
}

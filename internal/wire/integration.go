package wire

import "strings"

// The integration service is an upstream of Envoy's: it gets a request as the client sent
// it, and by headers of its own what the gateway has found out. Only Envoy sets those;
// clients' headers of such names are removed first of all.

// IntegrationCluster is where Envoy reaches the integration service: the static cluster
// of its bootstrap that leads beside the control plane.
const IntegrationCluster = "gatehouse-integration"

// ApartIntegrationCluster is where Envoy reaches an integration service that runs apart
// from the control plane.
const ApartIntegrationCluster = "gw-integration"

// ToolServiceCluster is the same place by gRPC, for questions about calls of tools.
const ToolServiceCluster = "gatehouse-tools"

// WebSocketCluster and ApartWebSocketCluster are the same places by HTTP/1.1, which
// WebSockets are an upgrade of.
const (
	WebSocketCluster      = "gatehouse-websocket"
	ApartWebSocketCluster = "gw-websocket"
)

// IntegrationHealthPath is what health checks of the integration service ask for, without
// a RouteHeader.
const IntegrationHealthPath = "/-/healthy"

// Headers of a request to the integration service.
const (
	// RouteHeader is the RouteIdentity.
	RouteHeader = InternalHeaderPrefix + "route"
	// ClientHeader is when the request began, in milliseconds since 1970, its protocol and
	// the client's address, with blanks between.
	ClientHeader = InternalHeaderPrefix + "client"
	// PathHeader is the request's path with its query where clients may have written it in
	// any way: HTTP servers refuse what is not encoded as it should be. Without it, both are
	// where they always are.
	PathHeader = InternalHeaderPrefix + "path"
	// AuthorizerHeader, ClaimsHeader and IdentityHeader are JSON objects: the context of a
	// Lambda authorizer, the claims of a token, and what a signature tells of the caller.
	AuthorizerHeader = InternalHeaderPrefix + "authorizer"
	// TypedHeader is a JSON list: the names in the context of a Lambda authorizer whose text
	// is JSON itself.
	TypedHeader    = InternalHeaderPrefix + "typed"
	ClaimsHeader   = InternalHeaderPrefix + "claims"
	IdentityHeader = InternalHeaderPrefix + "identity"
	// InvalidateHeader is "true" where the caller may have an answer that is kept made anew.
	InvalidateHeader = InternalHeaderPrefix + "invalidate"
	// CertificateHeader is the certificate that the client has shown, as PEM text,
	// percent-encoded.
	CertificateHeader = InternalHeaderPrefix + "certificate"
)

// ReplyMalformed is the value of ReplyHeader for a function's result that is no response.
// It is no type of gateway response, but the class DEFAULT_5XX is for it, too.
const ReplyMalformed = "MALFORMED_RESPONSE"

// ReplyOverloaded is the same for the service having too much to do.
const ReplyOverloaded = "OVERLOADED"

// RouteIdentity tells the integration service which route a request was matched to.
type RouteIdentity struct {
	API, Stage string
	Canary     bool
	// Base is the path below which the route's own begins.
	Base string
	// Route is the route key.
	Route string
}

// String is the form for RouteHeader: api|stage|canary|base|route. Only a route key may
// have a bar in it, and comes last.
func (r RouteIdentity) String() string {
	canary := ""
	if r.Canary {
		canary = "canary"
	}
	return strings.Join([]string{r.API, r.Stage, canary, r.Base, r.Route}, "|")
}

// ParseRouteIdentity reads what String writes.
func ParseRouteIdentity(text string) (r RouteIdentity, ok bool) {
	var canary string
	for _, part := range []*string{&r.API, &r.Stage, &canary, &r.Base} {
		if *part, text, ok = strings.Cut(text, "|"); !ok {
			return r, false
		}
	}
	r.Canary, r.Route = canary == "canary", text
	return r, text != "" && (canary == "" || r.Canary)
}

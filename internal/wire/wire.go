// Package wire holds the names that Envoy's configuration and the services beside
// it must agree on.
package wire

// MetadataNamespace is the namespace of route metadata: which API, stage and route
// a request was matched to. It is the one source for logs, metrics, throttles and
// mappings.
const MetadataNamespace = "gw"

// Keys of the route metadata.
const (
	MetadataAPI      = "api"
	MetadataStage    = "stage"
	MetadataRoute    = "route"
	MetadataProtocol = "protocol"
	// MetadataCanary is "true" on the routes of a canary.
	MetadataCanary = "canary"
	// MetadataMapped is "true" on routes that map backend responses.
	MetadataMapped = "mapped"
)

// InternalHeaderPrefix begins the names of headers that Envoy and the services
// beside it exchange. Clients' headers of such names are removed first of all.
const InternalHeaderPrefix = "x-gw-"

// LocalReplyHeader marks, inside Envoy only, replies that the gateway gives itself
// on routes with MetadataMapped. mapping.lua knows it by the same name.
const LocalReplyHeader = "x-gw-local-reply"

// ReplyHeader is set, inside Envoy only, by mapping.lua on a backend's answer that the
// gateway must not pass on; its value is the type of the gateway response to give.
const ReplyHeader = "x-gw-reply"

// PathFormCluster is the cluster, and the internal listener, by which path-form
// requests reach an API's own host.
const PathFormCluster = "gw-path-form"

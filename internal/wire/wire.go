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
)

// PathFormCluster is the cluster, and the internal listener, by which path-form
// requests reach an API's own host.
const PathFormCluster = "gw-path-form"

package xds

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
)

// The resource types served, by type URL. LDS, SRDS and CDS are subscribed to as
// a whole ("wildcard"), the others by name:
// https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol#resource-types
const (
	ListenerType        = resource.ListenerType
	ScopedRouteType     = resource.ScopedRouteType
	RouteType           = resource.RouteType
	ClusterType         = resource.ClusterType
	EndpointType        = resource.EndpointType
	SecretType          = resource.SecretType
	ExtensionConfigType = resource.ExtensionConfigType
)

// Resources are what the Envoys of one gateway are sent: type URL, then resource
// name. A message that did not change since the last Set should be the same
// message: it is then recognised without being looked into.
type Resources = map[string]map[string]proto.Message

// Revision is one state of the whole configuration.
type Revision struct {
	// ID identifies the revision in Status, Wait, logs and events.
	ID string
	// Gateways are the resources by gateway name, which is what an Envoy of
	// that gateway says in its bootstrap's node.cluster.
	Gateways map[string]Resources
}

var (
	// makeTypes have to be in place before anything refers to them. They are in
	// the order in which they are put in the caches: what is referred to first.
	makeTypes = []string{SecretType, EndpointType, ClusterType}
	// fitTypes are in between: they refer to clusters, and routes count on them.
	fitTypes = []string{ExtensionConfigType}
	// useTypes refer to the former. Their order matters likewise.
	useTypes = []string{RouteType, ScopedRouteType, ListenerType}
	// breakTypes are those of which nothing is removed before every Envoy let go
	// of it: users before used. (SRDS and LDS removals are not here: Envoy takes
	// them together with additions, so that a listener or scope may be renamed.)
	breakTypes = []string{RouteType, ExtensionConfigType, ClusterType, EndpointType, SecretType}
	allTypes   = slices.Concat(makeTypes, fitTypes, useTypes)
)

// wildcard tells whether an Envoy that names no resource wants all of a type.
func wildcard(typeURL string) bool {
	return typeURL == ListenerType || typeURL == ScopedRouteType || typeURL == ClusterType
}

var shortNames = map[string]string{
	ListenerType:        "LDS",
	ScopedRouteType:     "SRDS",
	RouteType:           "RDS",
	ClusterType:         "CDS",
	EndpointType:        "EDS",
	SecretType:          "SDS",
	ExtensionConfigType: "ECDS",
}

// TypeName gives the usual short name of a type URL ("LDS"), or the URL itself
// for a type that is not served.
func TypeName(typeURL string) string {
	if n, ok := shortNames[typeURL]; ok {
		return n
	}
	return typeURL
}

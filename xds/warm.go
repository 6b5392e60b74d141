package xds

import (
	"net/netip"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
)

// warmsUnseen tells whether a cluster will not be ready for a while after it was
// acknowledged, without anything on the stream saying when. Envoy answers
// requests to a cluster that it has not warmed up with 503:
// https://www.envoyproxy.io/docs/envoy/v1.40.0/intro/arch_overview/upstream/cluster_manager#cluster-warming
func (e *entry) warmsUnseen() bool {
	c, ok := e.msg.(*clusterv3.Cluster)
	if !ok {
		return false
	}
	// The first round of health checks is part of warming.
	if len(c.GetHealthChecks()) > 0 {
		return true
	}
	// So is the secret of a TLS context that comes over the stream.
	for _, ref := range e.refs {
		if ref.TypeURL == SecretType {
			return true
		}
	}
	switch {
	case c.GetClusterType() != nil: // An extension: anything is possible.
		return true
	case c.GetType() == clusterv3.Cluster_STRICT_DNS, c.GetType() == clusterv3.Cluster_LOGICAL_DNS:
		return !literalAddresses(c)
	}
	return false
}

// literalAddresses tells whether there is no name for DNS to resolve.
func literalAddresses(c *clusterv3.Cluster) bool {
	for _, locality := range c.GetLoadAssignment().GetEndpoints() {
		for _, lb := range locality.GetLbEndpoints() {
			address := lb.GetEndpoint().GetAddress().GetSocketAddress().GetAddress()
			if _, err := netip.ParseAddr(address); err != nil {
				return false
			}
		}
	}
	return true
}

package xds

import (
	"cmp"
	"fmt"

	"google.golang.org/protobuf/proto"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// Reference is a resource's mention of another.
type Reference struct {
	TypeURL string
	Name    string
}

func (r Reference) compare(o Reference) int {
	return cmp.Or(cmp.Compare(r.TypeURL, o.TypeURL), cmp.Compare(r.Name, o.Name))
}

// collectReferences adds what one message, leaving aside the messages in it,
// expects to be served under another name. Envoy takes a mention of something
// that is missing without complaint and then answers 503 (clusters), keeps the
// listener closed (routes, secrets) or answers 500 (filters).
func collectReferences(m proto.Message, refs map[Reference]struct{}) {
	add := func(typeURL, name string) {
		if name != "" {
			refs[Reference{typeURL, name}] = struct{}{}
		}
	}
	switch m := m.(type) {
	case *routev3.RouteAction:
		add(ClusterType, m.GetCluster())
	case *routev3.WeightedCluster_ClusterWeight:
		add(ClusterType, m.GetName())
	case *routev3.RouteAction_RequestMirrorPolicy:
		add(ClusterType, m.GetCluster())
	case *corev3.GrpcService_EnvoyGrpc:
		add(ClusterType, m.GetClusterName())
	case *corev3.HttpUri:
		add(ClusterType, m.GetCluster())
	case *tcpproxyv3.TcpProxy:
		add(ClusterType, m.GetCluster())
	case *routev3.ScopedRouteConfiguration:
		add(RouteType, m.GetRouteConfigurationName())
	case *hcmv3.Rds:
		if overADS(m.GetConfigSource()) {
			add(RouteType, m.GetRouteConfigName())
		}
	case *hcmv3.HttpFilter:
		if overADS(m.GetConfigDiscovery().GetConfigSource()) {
			add(ExtensionConfigType, m.GetName())
		}
	case *listenerv3.Filter:
		if overADS(m.GetConfigDiscovery().GetConfigSource()) {
			add(ExtensionConfigType, m.GetName())
		}
	case *listenerv3.ListenerFilter:
		if overADS(m.GetConfigDiscovery().GetConfigSource()) {
			add(ExtensionConfigType, m.GetName())
		}
	case *tlsv3.SdsSecretConfig:
		if overADS(m.GetSdsConfig()) {
			add(SecretType, m.GetName())
		}
	case *clusterv3.Cluster:
		add(EndpointType, endpointsOf(m))
	}
}

// endpointsOf names the endpoints that a cluster is to get over ADS, "" if none.
func endpointsOf(c *clusterv3.Cluster) string {
	eds := c.GetEdsClusterConfig()
	if c.GetType() != clusterv3.Cluster_EDS || !overADS(eds.GetEdsConfig()) {
		return ""
	}
	return cmp.Or(eds.GetServiceName(), c.GetName())
}

func overADS(c *corev3.ConfigSource) bool { return c.GetAds() != nil || c.GetSelf() != nil }

// checkReferences finds the references among a gateway's resources that lead
// nowhere. Clusters of the bootstrap (static) may be referred to as well.
func checkReferences(gateway string, want map[string]map[string]*entry, static map[string]struct{}) []Problem {
	var problems []Problem
	for _, typeURL := range allTypes {
		for name, e := range want[typeURL] {
			for _, ref := range e.refs {
				if _, ok := want[ref.TypeURL][ref.Name]; ok {
					continue
				}
				if _, ok := static[ref.Name]; ok && ref.TypeURL == ClusterType {
					continue
				}
				problems = append(problems, Problem{
					Gateway: gateway, TypeURL: typeURL, Name: name, Target: &ref,
					Err: fmt.Errorf("refers to %s %q, which does not exist", TypeName(ref.TypeURL), ref.Name),
				})
			}
		}
	}
	return problems
}

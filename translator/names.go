package translator

import "strconv"

// Names of Envoy resources. They are stable: a resource that keeps its name is
// updated in place by Envoy, one that changes it is replaced.

func routeConfigurationName(host string) string { return "host/" + host }

// ListenerName is what Envoy knows the listener on an address by.
func ListenerName(address string, port uint32) string {
	return "listener/" + address + ":" + strconv.FormatUint(uint64(port), 10)
}

// wildcardRouteConfiguration holds a gateway's virtual hosts when it has a wildcard
// or catch-all domain: scoped routes know exact hosts only.
const wildcardRouteConfiguration = "hosts"

func backendClusterName(name string) string { return "backend/" + name }

func domainSecretName(domain string) string { return "certificate/domain/" + domain }

func truststoreSecretName(domain string) string { return "truststore/domain/" + domain }

func listenerSecretName(listener string) string { return "certificate/" + listener }

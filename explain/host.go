package explain

import (
	"fmt"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/translator"
)

// host finds the gateway and its virtual host. An error says that the question leaves open
// which gateway is meant.
func (ex *offline) host(out *translator.Output, name string) (*routev3.VirtualHost, error) {
	var found *routev3.VirtualHost
	var of []string
	domain := ""
	for i := range ex.snapshot.Gateways {
		g := &ex.snapshot.Gateways[i]
		if name != "" && g.Name != name {
			continue
		}
		at, vh := hostsOf(out.Gateways[g.Name]).find(ex.asked.host)
		if name != "" {
			ex.Gateway = g.Name
		}
		// Every gateway has the hosts of the path form: that one counts that has the API.
		if vh == nil || name == "" && leads(vh, ex.asked, out.Gateways[g.Name]) == nil && len(ex.snapshot.Gateways) > 1 {
			continue
		}
		of = append(of, g.Name)
		if found == nil {
			found, domain, ex.Gateway = vh, at, g.Name
		}
	}
	switch {
	case name != "" && ex.Gateway == "":
		return nil, fmt.Errorf("there is no gateway %q", name)
	case len(of) > 1:
		return nil, fmt.Errorf("%s is served by the gateways %s: say which", ex.asked.host, strings.Join(of, ", "))
	case found == nil:
		return nil, nil
	}
	text := fmt.Sprintf("%s is served by the gateway %s", ex.asked.host, ex.Gateway)
	if domain != ex.asked.host {
		text += ", by the domain " + domain
	}
	at := gateway.Position{}
	if ex.domain = ex.domainOf(domain); ex.domain != nil {
		at = ex.domain.Source
	}
	ex.add("host", Passed, at, text)
	return found, nil
}

// leads gives the route that a request leads to that is an API's; nil for none.
func leads(vh *routev3.VirtualHost, a *asked, resources translator.Resources) *routev3.Route {
	for range 2 {
		r := route(vh, a)
		if r == nil || about(r, wire.MetadataAPI) != "" {
			return r
		}
		if r.GetRoute().GetCluster() != wire.PathFormCluster {
			return nil
		}
		a = again(r, a)
		if _, vh = hostsOf(resources).find(a.host); vh == nil {
			return nil
		}
	}
	return nil
}

// domainOf is the domain of a name that the gateway has; nil for the APIs' own hosts.
func (ex *offline) domainOf(name string) *gateway.Domain {
	for i := range ex.snapshot.Domains {
		if d := &ex.snapshot.Domains[i]; strings.EqualFold(d.Name, name) && (d.Gateway == "" || d.Gateway == ex.Gateway) {
			return d
		}
	}
	return nil
}

// knownHosts tells a few names that there are.
func (ex *offline) knownHosts(out *translator.Output, name string) string {
	var all []string
	for i := range ex.snapshot.Gateways {
		if g := ex.snapshot.Gateways[i].Name; name == "" || g == name {
			for domain := range hostsOf(out.Gateways[g]) {
				all = append(all, domain)
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	const shown = 8
	if len(all) > shown {
		return fmt.Sprintf("; there are %s and %d more", strings.Join(all[:shown], ", "), len(all)-shown)
	}
	return "; there are " + strings.Join(all, ", ")
}

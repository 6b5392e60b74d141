package cli

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"gatehouse/gateway"
)

// sampleURLs gives, for every listener of a gateway, a URL that answers.
func sampleURLs(s *gateway.Snapshot, gatewayName string) []string {
	var urls []string
	for _, g := range s.Gateways {
		if g.Name != gatewayName {
			continue
		}
		for _, l := range g.Listeners {
			urls = append(urls, sampleURL(s, g, l))
		}
	}
	return urls
}

func sampleURL(s *gateway.Snapshot, g gateway.Gateway, l gateway.Listener) string {
	scheme, standard := "http", uint32(80)
	if l.TLS != nil {
		scheme, standard = "https", 443
	}
	host, path := samplePlace(s, g, l, scheme == "https")
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if l.Port != standard {
		host = fmt.Sprintf("%s:%d", host, l.Port)
	}
	return scheme + "://" + host + path
}

// samplePlace gives a host and a path that lead to a stage. The shortest is that of
// the domain for every host name. The path form works with any resolver, but a
// certificate asks for a domain's name.
func samplePlace(s *gateway.Snapshot, g gateway.Gateway, l gateway.Listener, secure bool) (host, path string) {
	direct := "localhost"
	if ip, err := netip.ParseAddr(l.Address); err == nil && !ip.IsUnspecified() && !ip.IsLoopback() {
		direct = l.Address
	}
	var domains []gateway.Domain
	for _, d := range s.Domains {
		// What a routing rule leads to may need headers.
		d.Mappings = slices.DeleteFunc(slices.Clone(d.Mappings), func(m gateway.DomainMapping) bool { return m.Rule != nil })
		if (d.Gateway == "" || d.Gateway == g.Name) && len(d.Mappings) > 0 {
			domains = append(domains, d)
		}
	}
	if i := slices.IndexFunc(domains, func(d gateway.Domain) bool { return d.Name == "*" }); i >= 0 && !secure {
		return direct, mappedPath(domains[i])
	}
	stagePath, hasStage := "", false
	for _, api := range s.APIs {
		served := len(api.Gateways) == 0 || slices.Contains(api.Gateways, g.Name)
		if served && !api.DisableExecuteAPIEndpoint && len(api.Stages) > 0 {
			stagePath, hasStage = "/_aws/execute-api/"+api.ID+"/", true
			if stage := api.Stages[0].Name; stage != gateway.DefaultStage {
				stagePath += stage + "/"
			}
			break
		}
	}
	if len(domains) > 0 && (secure || !hasStage) {
		if domains[0].Name == "*" {
			return direct, mappedPath(domains[0])
		}
		return strings.Replace(domains[0].Name, "*", "any", 1), mappedPath(domains[0])
	}
	if hasStage {
		return direct, stagePath
	}
	return direct, "/"
}

// mappedPath is the base path of a domain's mapping that takes everything, or else
// of its first.
func mappedPath(d gateway.Domain) string {
	path := d.Mappings[0].Path
	if path == "" || slices.ContainsFunc(d.Mappings, func(m gateway.DomainMapping) bool { return m.Path == "" }) {
		return "/"
	}
	return "/" + path + "/"
}

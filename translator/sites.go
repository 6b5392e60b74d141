package translator

import (
	"cmp"
	"slices"
	"strings"

	"gatehouse/gateway"
)

// A site is what one host name serves: stages mounted below base paths.
type site struct {
	// host is a name, *.suffix or *.
	host   string
	kind   siteKind
	mounts []mount
	// api is the API whose own host this is.
	api *gateway.API
	// mutualTLS: clients have to show a certificate on connections to this host.
	mutualTLS bool
	// source is the line that asks for the host.
	source gateway.Position
}

type siteKind string

const (
	// executeAPI is an API's own host: {apiId}.execute-api.{suffix}.
	executeAPI siteKind = "execute-api"
	// customDomain is a domain of the user's with base path mappings.
	customDomain siteKind = "domain"
	// pathForm is localhost and 127.0.0.1, where /_aws/execute-api/{apiId} leads to
	// the API's own host.
	pathForm siteKind = "path-form"
)

// A mount puts a stage below a base path.
type mount struct {
	// path is "" for the root, else "/a/b".
	path  string
	api   *gateway.API
	stage *gateway.Stage
	// rule is what requests have to be, besides; nil for any.
	rule *gateway.RoutingRule
}

// pathFormPrefix is where the path form of addresses begins.
const pathFormPrefix = "/_aws/execute-api"

// userRequestPrefix is where the path form of emulators begins.
const userRequestPrefix = "/restapis"

var pathFormHosts = []string{"127.0.0.1", "localhost"}

// apiHost is the name of an API's own host on a gateway.
func apiHost(g *gateway.Gateway, api *gateway.API) string {
	return api.ID + ".execute-api." + cmp.Or(g.Suffix, "localhost")
}

// servedBy reports whether a gateway serves an API.
func servedBy(g *gateway.Gateway, api *gateway.API) bool {
	return len(api.Gateways) == 0 || slices.Contains(api.Gateways, g.Name)
}

// sitesOf lists a gateway's hosts, sorted by name. A domain that is named like
// another site is laid over it, mapping by mapping.
func sitesOf(s *gateway.Snapshot, g *gateway.Gateway) []site {
	var sites []site
	for i := range s.APIs {
		api := &s.APIs[i]
		if servedBy(g, api) {
			sites = append(sites, site{host: apiHost(g, api), kind: executeAPI, mounts: stageMounts(api), api: api, source: api.Source})
		}
	}
	for i := range s.Domains {
		d := &s.Domains[i]
		if d.Gateway == g.Name || d.Gateway == "" {
			sites = append(sites, site{host: strings.ToLower(d.Name), kind: customDomain, mounts: domainMounts(s, d), mutualTLS: d.TLS != nil && d.TLS.ClientCA != "", source: d.Source})
		}
	}
	slices.SortStableFunc(sites, func(a, b site) int { return strings.Compare(a.host, b.host) })
	return sites
}

// stageMounts mounts every stage under its name; a $default stage at the root.
func stageMounts(api *gateway.API) []mount {
	if api.DisableExecuteAPIEndpoint {
		return nil
	}
	var mounts []mount
	for i := range api.Stages {
		st := &api.Stages[i]
		path := "/" + st.Name
		if st.Name == gateway.DefaultStage {
			path = ""
		}
		mounts = append(mounts, mount{path: path, api: api, stage: st})
	}
	return sortMounts(mounts)
}

func domainMounts(s *gateway.Snapshot, d *gateway.Domain) []mount {
	var mounts []mount
	for _, m := range d.Mappings {
		api := s.API(m.API)
		if api == nil || api.Stage(m.Stage) == nil {
			continue // Validate reports it.
		}
		path := ""
		if m.Path != "" {
			path = "/" + m.Path
		}
		mounts = append(mounts, mount{path, api, api.Stage(m.Stage), m.Rule})
	}
	return sortMounts(mounts)
}

// sortMounts puts rules first, by priority, then the longer base path: the longest that matches
// wins.
func sortMounts(mounts []mount) []mount {
	slices.SortStableFunc(mounts, func(a, b mount) int {
		return cmp.Or(gateway.ByPriority(a.rule, b.rule), cmp.Compare(strings.Count(b.path, "/"), strings.Count(a.path, "/")), strings.Compare(a.path, b.path))
	})
	return mounts
}

// exact reports whether the site's host is one name, not a pattern.
func (s *site) exact() bool { return exactHost(s.host) }

func exactHost(host string) bool { return !strings.Contains(host, "*") }

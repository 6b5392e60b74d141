package translator

import (
	"regexp"
	"strings"

	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	"google.golang.org/protobuf/proto"

	"gatehouse/gateway"
)

// Whether a client has to show a certificate is decided by the name in the TLS
// handshake, which API answers by the Host header. A client that names one domain in
// the former and another in the latter must not get past the other's truststore.

// A serverNameSet has the names in a handshake by which a connection may ask for what a
// domain with mutual TLS serves. Plaintext has no name at all.
type serverNameSet struct {
	// Name is a host name, *.suffix or *.
	Name string
	// Except are domains below a wildcard that have a certificate, and so a handshake, of
	// their own.
	Except []string
}

// serverNames are those of a site; nil where clients need no certificate.
func serverNames(s *gateway.Snapshot, g *gateway.Gateway, st *site) *serverNameSet {
	if !st.mutualTLS {
		return nil
	}
	names := &serverNameSet{Name: st.host}
	for _, d := range domainsOf(s, g) {
		other := strings.ToLower(d.Name)
		if d.TLS != nil && other != st.host && wildcardCovers(st.host, other) {
			names.Except = append(names.Except, other)
		}
	}
	return names
}

// wildcardCovers reports whether a wildcard stands for all names of another domain.
func wildcardCovers(wildcard, name string) bool {
	suffix, ok := strings.CutPrefix(wildcard, "*")
	return ok && strings.HasSuffix(strings.TrimPrefix(name, "*"), suffix)
}

// onlyBySNI refuses requests over connections that were made to another name.
func onlyBySNI(names *serverNameSet) proto.Message {
	refused := []*rbacconfigv3.Permission{{Rule: &rbacconfigv3.Permission_NotRule{NotRule: serverName(names.Name)}}}
	for _, other := range names.Except {
		refused = append(refused, serverName(other))
	}
	return &rbacv3.RBACPerRoute{Rbac: &rbacv3.RBAC{Rules: &rbacconfigv3.RBAC{
		Action: rbacconfigv3.RBAC_DENY,
		Policies: map[string]*rbacconfigv3.Policy{refusedServerName: {
			Permissions: refused,
			Principals:  []*principal{{Identifier: &rbacconfigv3.Principal_Any{Any: true}}},
		}},
	}}}
}

func serverName(domain string) *rbacconfigv3.Permission {
	name := exactText(domain)
	if suffix, wildcard := strings.CutPrefix(domain, "*"); wildcard {
		// Envoy's choice of a certificate takes any number of labels for the star.
		name = regexMatcher(".+" + regexp.QuoteMeta(suffix))
	}
	return &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_RequestedServerName{RequestedServerName: name}}
}

package gateway

import (
	"net/netip"
	"net/url"
	"strings"
)

// issuers checks the issuers, and that every authorizer's can be told.
func (v *validation) issuers() {
	urls, pools := map[string]Position{}, map[string]Position{}
	for i := range v.snapshot.Issuers {
		issuer := &v.snapshot.Issuers[i]
		if issuer.URL == "" {
			continue
		}
		v.unique(urls, "issuer", issuer.URL, issuer.Source)
		if issuer.UserPool != "" {
			v.unique(pools, "issuer of user pool", issuer.UserPool, issuer.Source)
		}
		if err := checkIssuerURL(issuer.URL); err != nil {
			v.errorf("invalid-issuer", issuer.Source, "", "%v", err)
		}
		if u, err := url.Parse(issuer.JWKSURI); err == nil && u.User != nil {
			v.errorf("invalid-issuer", issuer.Source, "key sets are public: serve it without a password", "the jwksUri of %s has a user in it", issuer.URL)
		}
	}
	for i := range v.snapshot.Issuers {
		v.checkIntrospection(&v.snapshot.Issuers[i])
	}
	uses, found := v.snapshot.IssuerUses()
	v.found = append(v.found, found...)
	for _, use := range uses {
		v.plainKeys(use)
	}
}

// plainKeys warns of keys that anyone between here and there can replace.
func (v *validation) plainKeys(use IssuerUse) {
	from := use.Issuer.JWKSURI
	if from == "" {
		from = use.Issuer.URL
	}
	if use.Issuer.JWKS == "" && use.Issuer.Introspection == nil && plainHTTP(from) {
		v.found.Warnf("insecure-issuer", use.Issuer.Source, "", "use https, or write the key set into jwks",
			"the keys of %s are fetched unencrypted: whoever is on that network can make tokens", use.Issuer.URL)
	}
}

// plainHTTP reports whether what a URL leads to travels unencrypted over a network,
// not just within this machine.
func plainHTTP(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" {
		return false
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	return host != "localhost" && !strings.HasSuffix(host, ".localhost") && (err != nil || !ip.IsLoopback())
}

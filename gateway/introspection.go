package gateway

import (
	"errors"
	"net/url"
)

// Introspection is where an issuer is asked about its tokens (RFC 7662), which need
// not be JWTs then, and can be withdrawn.
type Introspection struct {
	// Endpoint is the URL of the issuer's introspection endpoint; empty means where its
	// metadata says. Until it is filled in, every token is refused.
	Endpoint string
	// Discovered tells that Endpoint was filled in, and may be replaced by another one.
	Discovered bool
	// ClientID and ClientSecret are what the gateway itself logs in there with.
	ClientID     string
	ClientSecret Secret
	// Auth is how: IntrospectionBasic or IntrospectionPost.
	Auth string
	// CacheMillis is how long answers are used again; 0 for not at all.
	CacheMillis int64
	Source      Position
}

// How the gateway logs in at an introspection endpoint.
const (
	// IntrospectionBasic: by HTTP Basic authentication.
	IntrospectionBasic = "basic"
	// IntrospectionPost: by client_id and client_secret among the form's parameters.
	IntrospectionPost = "post"
)

// DefaultIntrospectionCacheMillis is how long answers are used again unless the
// definition says.
const DefaultIntrospectionCacheMillis = 60_000

// Introspects reports whether some of the issuers are asked about their tokens.
func (s *Snapshot) Introspects(issuers []string) bool {
	for _, url := range issuers {
		if i := s.Issuer(url); i != nil && i.Introspection != nil {
			return true
		}
	}
	return false
}

// IntrospectedIssuer gives the issuer that is asked about an authorizer's tokens; nil
// if they are verified by keys. The errors are those of AuthorizerIssuers, and
// ErrSeveralIssuers.
func (s *Snapshot) IntrospectedIssuer(a *Authorizer, variables map[string]string) (*Issuer, error) {
	issuers, err := s.AuthorizerIssuers(a, variables)
	switch {
	case !s.Introspects(issuers):
		return nil, err
	case err == nil && len(issuers) > 1:
		return nil, ErrSeveralIssuers
	case err != nil:
		return nil, err
	}
	return s.Issuer(issuers[0]), nil
}

// ErrSeveralIssuers says that it cannot be known which issuer to ask about a token:
// nothing in an opaque token tells whose it is, and others must not get to see it.
var ErrSeveralIssuers = errors.New("it takes tokens of several issuers, one of which has introspection: nothing in such a token tells whose it is")

// checkIntrospection looks at where an issuer is asked, and warns when a token, and
// the gateway's own secret, can be read on the way there.
func (v *validation) checkIntrospection(issuer *Issuer) {
	in := issuer.Introspection
	if in == nil {
		return
	}
	if in.Endpoint == "" {
		if plainHTTP(issuer.URL) {
			v.found.Warnf("insecure-issuer", in.Source, "", "write the endpoint, with https",
				"where tokens of %s are asked about is fetched unencrypted: whoever is on that network can have them sent elsewhere", issuer.URL)
		}
		return
	}
	u, err := url.Parse(in.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		v.errorf("invalid-issuer", in.Source, "", "the introspection endpoint of %s is not a URL", issuer.URL)
	case u.User != nil:
		v.errorf("invalid-issuer", in.Source, "write clientId and clientSecret", "the introspection endpoint of %s has a user in its URL", issuer.URL)
	case u.Fragment != "":
		v.errorf("invalid-issuer", in.Source, "", "the introspection endpoint of %s has a fragment", issuer.URL)
	case plainHTTP(in.Endpoint):
		v.found.Warnf("insecure-issuer", in.Source, "", "use https",
			"tokens are sent to the introspection endpoint of %s unencrypted, and so is the client's secret: whoever is on that network can use them", issuer.URL)
	}
}

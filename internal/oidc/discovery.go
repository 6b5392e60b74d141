package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// discoveryURL is where an issuer's discovery document is.
// See https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationRequest
func discoveryURL(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}

// serverMetadataURL is where an authorization server that is no OpenID provider has its
// metadata.
// See https://www.rfc-editor.org/rfc/rfc8414#section-3
func serverMetadataURL(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return issuer
	}
	host := url.URL{Scheme: u.Scheme, Host: u.Host}
	return host.String() + "/.well-known/oauth-authorization-server" + strings.TrimSuffix(u.EscapedPath(), "/")
}

// What a discovery document has the places of.
const (
	keysMember          = "jwks_uri"
	introspectionMember = "introspection_endpoint"
)

// parseDiscovery gives the place of the key set, or of another thing. The document must
// be of the very issuer that was asked: another one's keys would vouch for this one's
// tokens.
func parseDiscovery(data []byte, issuer, member string) (place string, err error) {
	var document map[string]json.RawMessage
	if err := json.Unmarshal(data, &document); err != nil || document == nil {
		return "", errors.New("the discovery document is not a JSON object")
	}
	var of string
	if err := json.Unmarshal(document["issuer"], &of); err != nil {
		return "", errors.New("the discovery document has no issuer")
	}
	if of != issuer {
		return "", fmt.Errorf("the discovery document is of the issuer %q, not of %q: both must be the same to the letter", shortened(of), issuer)
	}
	if err := json.Unmarshal(document[member], &place); err != nil || place == "" {
		return "", fmt.Errorf("the discovery document has no %s", member)
	}
	if err := checkPlace(place, issuer); err != nil {
		return "", fmt.Errorf("the %s of the discovery document %w", member, err)
	}
	return place, nil
}

// checkPlace holds the place of a key set or an endpoint against that of its issuer: what
// is asked for by https must not depend on anything that is not.
func checkPlace(text, issuer string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("is not a URL")
	case u.User != nil:
		return errors.New("has a user in it")
	case u.Scheme == "http" && strings.HasPrefix(issuer, "https:"):
		return fmt.Errorf("%s is not https, as the issuer is", location(u))
	}
	return nil
}

// location is a URL without what may be secret: user, query and fragment.
func location(u *url.URL) string {
	return shortened((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String())
}

// shortened bounds what strangers put into logs.
func shortened(text string) string {
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

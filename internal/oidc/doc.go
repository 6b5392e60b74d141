// Package oidc keeps the key sets of token issuers.
//
// Envoy verifies tokens with key sets that stand in its configuration, so that no
// request ever waits for an issuer. A Keeper gets these sets, by OpenID discovery or
// from where the definition says, and keeps them fresh:
//
//	issuer -> Keeper -> Fill -> snapshot with key sets -> translator -> Envoy
//	             |
//	             +-> OnChange: definitions are to be filled again
//
// An issuer that cannot be reached keeps nothing from being served. Its last keys,
// which outlive restarts in a file, are used on; without any, its tokens are refused
// until it answers. Everything an issuer says is bounded in size and time, and only
// public keys that can verify signatures go on from here (package jwks).
package oidc

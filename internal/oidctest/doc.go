// Package oidctest has an issuer of tokens for tests: discovery document, key set,
// and tokens with whatever claims and keys a test asks for. It is small and starts
// at once; where a test must meet somebody else's idea of OpenID Connect, it needs a
// real provider.
package oidctest

// Package portal serves sites for those who develop against published APIs: documentation
// that calls can be tried out from, requests for API keys, which the owner approves, and
// what the keys have used. What a portal publishes, definitions say; requests are kept in
// the management store, where the keys are made.
//
// Portals listen on a plain port of their own. A domain of the gateway leads there, so that
// its TLS, throttles and logs hold for them as for any API.
package portal

// Package extauthz answers the checks that Envoy cannot make by itself: Lambda
// authorizers, opaque tokens, AWS signatures, full resource policies, and API keys that
// come from an authorizer; and whether the body of a request is what its model says. It
// is Envoy's ext_authz service (envoy.service.auth.v3), and any Envoy may use it whose
// routes name themselves in context extensions (see internal/wire).
//
// Compile makes of a snapshot what a check needs, without touching what serves; Swap
// takes it into use at once and as a whole. A check finds its route, and takes the
// request through the route's evaluators in Amazon's order, each in a file of its own:
//
//	resource policy -> signature, opaque token or Lambda authorizer -> permission -> API key
//
// About the body Envoy asks apart, by another filter behind the limits, and gets an answer
// about nothing else.
//
// The first that refuses answers, in the very words of Amazon's, with a Code for those
// who want to know why. Nothing that goes wrong here lets a request in: what cannot be
// decided is refused with a 500.
package extauthz

// Package integration is the upstream that does what Envoy cannot: it calls Lambda
// functions. Envoy sends it the requests of such routes as they came, over HTTP/2, with
// headers that say which route it is and what was found out about the caller (see
// internal/wire).
//
// Compile makes of a snapshot what its routes need, without touching what serves; Swap
// takes it into use at once and as a whole. Each kind of integration is a handler in a
// file of its own; handlerOf chooses.
//
// What goes wrong here is answered as Amazon's gateway does; where an API customises that
// answer, it is marked, and Envoy puts the API's own in its place.
package integration

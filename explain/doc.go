// Package explain tells why a request is answered as it is: which gateway and host take it,
// which route, what that asks of callers and whether they have it, where it goes, and what
// the client gets.
//
// Which route it is, is found in the routes that Envoy is sent, by the rules that Envoy goes
// by: so that there is one routing, the translator's. The rest is read from the Snapshot. What
// only a running gateway can know, such as whether a token's signature is good, is said to be
// so, and not guessed.
package explain

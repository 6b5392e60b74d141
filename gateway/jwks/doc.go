// Package jwks reads key sets of token issuers (RFC 7517), which come from the
// network, and keeps what a gateway may verify signatures with: public RSA, EC and
// OKP keys. What is left is written in one way only, so that a set that did not
// change gives the same bytes, and has no private member, whatever the issuer sent.
package jwks

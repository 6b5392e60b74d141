// Package introspection asks an authorization server about a token, as RFC 7662 says.
// Its answers come from the network and are taken for hostile: bounded in size and
// time, and read strictly, since whoever misreads one lets somebody in.
package introspection

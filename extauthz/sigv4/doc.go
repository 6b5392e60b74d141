// Package sigv4 verifies AWS Signature Version 4 on incoming requests: it is the
// server's side of what the AWS SDKs, the aws CLI and curl --aws-sigv4 do. It is
// pure: it reads no network, no clock and no file, and keeps nothing but a small
// cache of derived keys.
//
// Both forms are understood: the Authorization header, and the query of a
// pre-signed URL. The canonical request is that of every service but S3: the path
// is freed of ".", ".." and empty segments and then percent-encoded once more, as
// AWS's botocore does it. Two things follow, here as on AWS. A signature of /a/b
// vouches for /a//b as well, so access must be decided on the path that is routed,
// never on the one that was signed. And whatever changes path, query or signed
// headers on the way from the client breaks the signature, so a Request has to hold
// them as the client sent them.
//
// Clients do not agree about everything, and AWS's documentation leaves gaps. Where
// a client signs the exact bytes that it sends instead of their canonical form –
// curl and the Go SDK keep // in paths, botocore keeps the query of a given URL –
// that is accepted too. It vouches for those bytes only, so it is the stricter form.
//
// An Error is what REST APIs and the management API answer. HTTP APIs answer every
// refusal with 403 {"message":"Forbidden"}, which is left to the caller.
//
// What is not there: signatures are not remembered, so within its lifetime a request
// can be sent again, as on AWS. Chunk-signed bodies (STREAMING-…) and SigV4A are
// refused with an error that says so.
package sigv4

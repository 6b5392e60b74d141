// Package iampolicy is the AWS IAM policy language as Amazon API Gateway uses it:
// the resource policy of a REST API (x-amazon-apigateway-policy), the policy that a
// Lambda authorizer answers with, and the policies of identities in a local
// credential store.
//
// Parse reads a document, reports all that is wrong with it, and compiles it once.
// Policy.Evaluate then answers Allow, Deny or Neither for one request; Combine makes
// the outcome of that and of what the method's authorization said; DenialText is what
// a refused client reads. AddressRules tells whether a policy asks for nothing but
// client addresses, methods and paths, so that Envoy can decide it by itself.
//
// The rule behind every choice here: nothing in a policy is passed over. A condition
// that is not understood, a value that can never match, a resource that lies outside
// the API, are refused when the policy is read, since a statement that silently does
// nothing opens a door (when it denies) or closes one (when it allows).
//
// The package is pure: no I/O, no clock, no logging. A Policy is immutable and may be
// used by any number of goroutines.
package iampolicy

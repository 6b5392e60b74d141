// Package xds brings Envoy resources to Envoys: an aggregated delta xDS server
// (one gRPC stream per Envoy), the book-keeping of what every Envoy accepted or
// refused, and the writer of the bootstrap file that points an Envoy here.
//
// It knows nothing of APIs or routes. Whoever has resources calls Server.Set
// with a Revision and learns from Server.Wait what became of it:
//
//	Set: diff -> validate -> check references        a refusal changes nothing
//	     SDS, EDS, CDS          added and changed    "make"
//	     wait: acknowledged, names resolved          only if something was made
//	     ECDS                   added and changed    "fit"
//	     wait: acknowledged                          likewise
//	     RDS, SRDS, LDS         added and changed    "use"
//	     everything unused      later, once acknowledged and idle   "break"
//
// The order is Envoy's own advice for updates that drop no traffic:
// https://www.envoyproxy.io/docs/envoy/v1.40.0/api-docs/xds_protocol#eventual-consistency-considerations
//
// An Envoy that comes back from a time without a control plane is taken through
// the same order by itself, see reconnect.go.
//
// A resource's version is a hash of its deterministic bytes, so a control plane
// that restarts with the same resources resends none of them: Envoy says on
// reconnecting which versions it has. Messages given to Set must therefore be
// built deterministically too, down to the bytes inside every google.protobuf.Any,
// and must not be changed afterwards.
//
// One thing no order can mend: a scope (SRDS) that is pointed at a route
// configuration the Envoy does not have yet answers 404 until it arrives, some
// milliseconds later. To change a host's routes without dropping requests, change
// its route configuration and leave that its name.
package xds

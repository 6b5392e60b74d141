package wire

import "strings"

// LoggedRequestAttribute is the attribute of a log record that has a LoggedRequest. It is one
// attribute because each costs Envoy as much as the values of ten. Give it another name with
// every change of the fields or of their order: an Envoy may tell about open connections in
// another version's words for a while, and those must not be taken for these.
const LoggedRequestAttribute = "request-3"

// LoggedRequest is what an Envoy tells about a request that has ended, beside when it began.
// All fields are text as Envoy's access log writes it; "" stands for nothing.
// See https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
type LoggedRequest struct {
	// Route is a LoggedRoute, or the name of a route of no API.
	Route string
	// Asked is what the client asked for, or empty where nobody kept it.
	Asked string
	// Method, Path and UserAgent are those of the request at its end, which Envoy may have
	// rewritten on the way to a backend. The path is without its query.
	Method, Path, UserAgent string
	// Protocol is HTTP/1.1 or the like, and of a request that was passed on inside Envoy what
	// ConnectionFormat writes of its client. Client is the client's address.
	Protocol, RequestID, Client string
	// Status is 0 where no answer was begun. Details says what Envoy did, and Flags has its
	// short words for what went wrong, with commas between.
	Status, Details, Flags string
	// The sizes are in bytes.
	RequestHeadersSize, RequestBodySize, ResponseHeadersSize, ResponseBodySize string
	// Took is how many microseconds passed until the response's last byte was sent, and
	// TookAtAll how many milliseconds the request lasted, also one that was never answered.
	Took, TookAtAll string
	// IntegrationTook is how many microseconds passed from the first byte to the upstream to
	// its first one back.
	IntegrationTook string
	// UpstreamCluster is the one that the route leads to. UpstreamHost is an address, with its
	// port where it has one, and empty where none was chosen: the request has gone nowhere.
	UpstreamCluster, UpstreamHost string
	// ErrorType is a header of the response, which names a gateway response.
	ErrorType string
	// TLSVersion and TLSCipher are as OpenSSL writes them. Certificate is what the client has
	// shown, as PEM text, percent-encoded.
	TLSVersion, TLSCipher, Certificate string
	// SourceVPC and SourceVPCE are what the listener that the request came by says of where it
	// comes from.
	SourceVPC, SourceVPCE string
	// Authorization, Tokens, Trace and Integration are the objects of metadata of these names, as
	// JSON.
	Authorization, Tokens, Trace, Integration string
}

// fields are in the order in which they are written, a line each. Nobody gets a line feed into
// one: no version of HTTP lets one into what clients and backends send, and Envoy writes others
// as underscores, or as JSON does.
func (r *LoggedRequest) fields() [30]*string {
	return [...]*string{
		&r.Route, &r.Asked, &r.Method, &r.Path, &r.UserAgent, &r.Protocol, &r.RequestID, &r.Client,
		&r.Status, &r.Details, &r.Flags,
		&r.RequestHeadersSize, &r.RequestBodySize, &r.ResponseHeadersSize, &r.ResponseBodySize,
		&r.Took, &r.TookAtAll, &r.IntegrationTook,
		&r.UpstreamCluster, &r.UpstreamHost,
		&r.ErrorType,
		&r.TLSVersion, &r.TLSCipher, &r.Certificate, &r.SourceVPC, &r.SourceVPCE,
		&r.Authorization, &r.Tokens, &r.Trace, &r.Integration,
	}
}

// String is what ParseLoggedRequest reads. Fields may be Envoy's format commands.
func (r *LoggedRequest) String() string {
	fields := r.fields()
	return joinFields(fields[:], "\n")
}

// ParseLoggedRequest reads what String writes; false where it is something else.
func ParseLoggedRequest(text string) (LoggedRequest, bool) {
	var r LoggedRequest
	fields := r.fields()
	// The last field has no line feed in it either: more lines are those of another version.
	if strings.Count(text, "\n") >= len(fields) || !splitFields(text, fields[:], "\n") {
		return LoggedRequest{}, false
	}
	return r, true
}

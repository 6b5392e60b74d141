package wire

import "strings"

// ApartTelemetryCluster is where Envoy reaches a telemetry service that runs apart from
// the control plane.
const ApartTelemetryCluster = "gw-telemetry"

// TelemetryService is the gRPC service that is told about requests, and that health checks
// ask about: OpenTelemetry's for logs. Envoy tells it each request for half of what its own
// access log service takes.
const TelemetryService = "opentelemetry.proto.collector.logs.v1.LogsService"

// RemappedRequestIDHeader is the response header in which REST APIs pass on the id that a
// backend at Amazon has given a request.
const RemappedRequestIDHeader = "x-amzn-remapped-x-amzn-requestid"

// Response headers in which services of Amazon's give the id of a request. HTTP APIs pass
// all of them on as they are. Where a log of a stage wants them, they are kept by these names
// in IntegrationMetadata.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
const (
	AWSRequestIDHeader  = "x-amzn-requestid"
	AWSStorageIDHeader  = "x-amz-request-id"
	AWSStorageID2Header = "x-amz-id-2"
)

// ErrorTypeHeader is the response header that names a gateway response.
const ErrorTypeHeader = "x-amzn-errortype"

// Asked is what a client asked for, without the query, and who it says to be. All fields are
// text, and may be Envoy's format commands.
type Asked struct {
	Method, Host, Path, UserAgent string
	// Key is the value of KeyHeader, of requests whose key was looked at.
	Key string
}

// String is what ParseAsked reads.
func (a Asked) String() string {
	text := a.Method + " " + a.Host + " " + a.Path + askedSeparator + a.UserAgent
	if a.Key != "" {
		text = AskedWithKey(text, a.Key)
	}
	return text
}

// AskedWithKey adds a key to the text of an Asked that has none.
func AskedWithKey(asked, key string) string { return asked + askedSeparator + key }

// askedSeparator is in no path or header: no version of HTTP lets control characters other than
// tabs in.
const askedSeparator = "\x1f"

// ParseAsked reads what String writes. Neither a method nor a host that Envoy lets in has a
// space in it.
func ParseAsked(text string) (a Asked) {
	text, rest, _ := strings.Cut(text, askedSeparator)
	a.Method, text, _ = strings.Cut(text, " ")
	a.Host, a.Path, _ = strings.Cut(text, " ")
	splitFields(rest, []*string{&a.UserAgent, &a.Key}, askedSeparator)
	return a
}

// ConnectionFormat writes the version of HTTP that a client speaks, and the version and cipher of
// TLS, of parts that may be Envoy's format commands. None of them has a space in it.
func ConnectionFormat(protocol, tlsVersion, tlsCipher string) string {
	return protocol + " " + tlsVersion + " " + tlsCipher
}

// ParseConnection reads what ConnectionFormat writes.
func ParseConnection(text string) (protocol, tlsVersion, tlsCipher string) {
	protocol, text, _ = strings.Cut(text, " ")
	tlsVersion, tlsCipher, _ = strings.Cut(text, " ")
	return protocol, strings.TrimPrefix(tlsVersion, Nothing), strings.TrimPrefix(tlsCipher, Nothing)
}

// LoggedRoute is the name of a route at Envoys that tell about requests. All fields are
// empty where it is none of any API.
type LoggedRoute struct {
	API, Stage string
	Canary     bool
	// Rule is the id of the domain's routing rule that has led to it, or empty.
	Rule string
	// Asked is what clients ask for whose requests come by the route, where that is known of
	// all of them: its host. Its method and its path are empty where they are those that the
	// request has at its end. No host tells that what is asked has to be kept of each request.
	// None of them has a space or a bar in it: no definition may.
	Asked Asked
	// Route is the route key, or another name of a route that the gateway has made.
	Route string
}

// String is api|stage|how|asked|route, where how is how the stage has come to the request: the
// word canary, a rule's id behind a plus, or both; and asked is method, host and path with
// spaces between, or empty. Only a route may have a bar in it, and comes last.
func (r LoggedRoute) String() string {
	how := ""
	if r.Canary {
		how = "canary"
	}
	if r.Rule != "" {
		how += "+" + r.Rule
	}
	asked := ""
	if r.Asked.Host != "" {
		asked = r.Asked.Method + " " + r.Asked.Host + " " + r.Asked.Path
	}
	return strings.Join([]string{r.API, r.Stage, how, asked, r.Route}, "|")
}

// ParseLoggedRoute reads what String writes; it is empty for names of other routes.
func ParseLoggedRoute(text string) (r LoggedRoute) {
	var how, asked string
	for _, part := range []*string{&r.API, &r.Stage, &how, &asked} {
		var ok bool
		if *part, text, ok = strings.Cut(text, "|"); !ok {
			return LoggedRoute{}
		}
	}
	how, r.Rule, _ = strings.Cut(how, "+")
	r.Canary, r.Route, r.Asked = how != "", text, ParseAsked(asked)
	return r
}

package wire

import "strings"

// ApartTelemetryCluster is where Envoy reaches a telemetry service that runs apart from
// the control plane.
const ApartTelemetryCluster = "gw-telemetry"

// TelemetryService is the gRPC service that is told about requests, and that health checks
// ask about.
const TelemetryService = "envoy.service.accesslog.v3.AccessLogService"

// Tags of what Envoy tells about a request, beside what it tells of every one.
const (
	// TagRoute is the LoggedRoute.
	TagRoute = "route"
	// TagMethod, TagHost and TagPath are what the client asked for, without the query.
	TagMethod = "method"
	TagHost   = "host"
	TagPath   = "path"
	// TagKey is the value of KeyHeader, where a key was looked at.
	TagKey = "key"
	// TagCertificate is the certificate that the client has shown, as PEM text,
	// percent-encoded.
	TagCertificate = "certificate"
)

// RemappedRequestIDHeader is the response header in which REST APIs pass on the id that a
// backend at Amazon has given a request.
const RemappedRequestIDHeader = "x-amzn-remapped-x-amzn-requestid"

// ErrorTypeHeader is the response header that names a gateway response.
const ErrorTypeHeader = "x-amzn-errortype"

// LoggedRoute tells the telemetry service which route a request was matched to. All fields
// are empty where it was none of any API.
type LoggedRoute struct {
	API, Stage string
	Canary     bool
	// Route is the route key, or another name of a route that the gateway has made.
	Route string
}

// LoggedRouteFormat writes a LoggedRoute, of parts that may be Envoy's format commands:
// canary|api|stage|route.
func LoggedRouteFormat(canary, api, stage, route string) string {
	return strings.Join([]string{canary, api, stage, route}, "|")
}

// ParseLoggedRoute reads what LoggedRouteFormat writes. Only a route may have a bar in it,
// and comes last.
func ParseLoggedRoute(text string) (r LoggedRoute) {
	canary, text, _ := strings.Cut(text, "|")
	r.Canary = canary == "true"
	r.API, text, _ = strings.Cut(text, "|")
	r.Stage, r.Route, _ = strings.Cut(text, "|")
	return r
}

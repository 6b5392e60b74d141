package gateway

// Gateway is a group of Envoys that are sent the same configuration: those whose
// node cluster is its name.
type Gateway struct {
	Name      string
	Listeners []Listener
	// Suffix of the execute-api hosts: {apiId}.execute-api.{suffix}.
	Suffix   string
	Services Services
	// AccessLog is nil where requests are not logged.
	AccessLog *AccessLog
	// Telemetry has the gateway's Envoys tell the telemetry service about each request: for
	// metrics, and for the access logs of stages.
	Telemetry bool
	// Tracing is nil where nothing is traced.
	Tracing *Tracing
	// LimitHeaders are what responses say about throttles.
	LimitHeaders LimitHeaders
	Source       Position
}

// AccessLog has a gateway's Envoys write a line of JSON for each request.
type AccessLog struct {
	// Path is a file on the Envoy's machine, such as /dev/stdout.
	Path   string
	Source Position
}

// Services are where a gateway's Envoys find the services beside them that run apart
// from the control plane. One that is nil is where the control plane is.
type Services struct {
	// Authorization decides what Envoy cannot decide by itself.
	Authorization *Service
	// RateLimit counts quotas and the limits that Envoys share.
	RateLimit *Service
	// Integration calls functions, and does what else Envoy cannot do behind a route.
	Integration *Service
	// Telemetry is told about requests.
	Telemetry *Service
}

// Service is where a service is. Its endpoints answer alike: requests are shared out
// among those that are healthy.
type Service struct {
	Endpoints []Endpoint
	TLS       *ServiceTLS
	// Plaintext: without TLS though others may listen in. It goes without saying for
	// endpoints on the Envoy's own machine.
	Plaintext bool
	Source    Position
}

// ServiceTLS is how Envoys and a service know each other.
type ServiceTLS struct {
	// CA is the PEM bundle of authorities that vouch for the service.
	CA string
	// Certificate and Key are shown to the service (mutual TLS).
	Certificate string
	Key         Secret
	// ServerName is in the certificates of all endpoints; empty means that each has its
	// own host.
	ServerName string
	Source     Position
}

// LimitHeaders are response headers about throttles. Amazon's gateway sends none.
type LimitHeaders struct {
	// RetryAfter tells, with a 429, when the next request may come.
	RetryAfter bool
	// XRateLimit tells, with every response, the limit that is closest, what remains of it
	// and when it is whole again.
	XRateLimit bool
	// Draft tells the same of all limits, by the names of the IETF's draft: RateLimit and
	// RateLimit-Policy.
	Draft bool
}

// Numbers reports whether there are headers that have to know what remains.
func (h LimitHeaders) Numbers() bool { return h.XRateLimit || h.Draft }

// Listener is an address the gateway's Envoys listen on.
type Listener struct {
	Address string
	Port    uint32
	// TLS of the listener itself; domains may bring certificates of their own.
	TLS *TLS
	// TrustedHops is how many proxies in front append to X-Forwarded-For.
	TrustedHops uint32
	// SourceVPC and SourceVPCE are the VPC, and the VPC endpoint, that requests by this
	// listener come from, for resource policies; empty for none.
	SourceVPC, SourceVPCE string
	Source                Position
}

// TLS is a server certificate with its key.
type TLS struct {
	// Certificate is the PEM chain, leaf first.
	Certificate string
	Key         Secret
	// MinVersion is "1.0", "1.1", "1.2" or "1.3"; empty means 1.2.
	MinVersion string
	// CertificateARN names the certificate where it isn't written, TruststoreURI the
	// authorities (domains only): what they stand for is filled in from what definitions
	// say of them.
	CertificateARN, TruststoreURI string
	// ClientCA is the PEM bundle of authorities that clients' certificates have to come
	// from (mutual TLS, domains only); empty means that clients need none.
	ClientCA string
	// ClientCRL is a PEM bundle of certificate revocation lists; empty means none.
	ClientCRL string
	Source    Position
}

// Domain is a custom domain name with its mappings.
type Domain struct {
	// Name is a host name, *.suffix, or * for any host.
	Name     string
	Gateway  string
	TLS      *TLS
	Mappings []DomainMapping
	Source   Position
}

// DomainMapping sends a base path of a domain to a stage.
type DomainMapping struct {
	// Path without slashes at its ends; empty is the catch-all.
	Path  string
	API   string
	Stage string
	// Rule is what requests have to be, besides; nil for any.
	Rule   *RoutingRule
	Source Position
}

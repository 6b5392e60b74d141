package gateway

import "strings"

// Backend is a named group of upstream endpoints with its options. Integrations
// reach it by URI host (Hosts), as a VPC link (its name is the connection id), or
// as the backend of an OpenAPI document without extensions.
type Backend struct {
	Name string
	// Hosts are URI authorities ("orders.internal:8080", "api.example.com") that
	// this backend stands for: an integration URI with one of them is sent here.
	Hosts     []string
	Endpoints []Endpoint
	// Protocol to the endpoints: HTTP1, HTTP2 or AUTO (ALPN); empty means HTTP1.
	Protocol string
	TLS      *BackendTLS
	// LoadBalancing: ROUND_ROBIN (default), LEAST_REQUEST, RANDOM, RING_HASH.
	LoadBalancing string
	HealthCheck   *HealthCheck
	Retry         *Retry
	// MaxConnections, MaxPendingRequests, MaxRequests: 0 means Envoy's default (1024).
	MaxConnections     uint32
	MaxPendingRequests uint32
	MaxRequests        uint32
	// ConnectTimeoutMillis: 0 means 5000.
	ConnectTimeoutMillis int64
	Source               Position
}

// Endpoint is one address of a backend.
type Endpoint struct {
	// Host is an IP address or a DNS name.
	Host   string
	Port   uint32
	Weight uint32
	Source Position
}

// BackendTLS is how a backend's certificate is verified.
type BackendTLS struct {
	// ServerName is the SNI and the name verified; empty means the URI's host.
	ServerName string
	// CA is the PEM bundle trusted; empty means the system's.
	CA string
	// Certificate and Key are presented to the backend (mutual TLS).
	Certificate              string
	Key                      Secret
	InsecureSkipVerification bool
	Source                   Position
}

// HealthCheck is an active HTTP health check.
type HealthCheck struct {
	Path               string
	IntervalMillis     int64
	TimeoutMillis      int64
	HealthyThreshold   uint32
	UnhealthyThreshold uint32
}

// Retry is a retry policy.
type Retry struct {
	Attempts uint32
	// On is Envoy's retry_on list, such as "connect-failure,refused-stream,5xx".
	On                  string
	PerTryTimeoutMillis int64
}

// ClientCertificate is what the gateway is known by to the HTTPS backends of a stage.
type ClientCertificate struct {
	ID string
	// Certificate is the PEM chain, leaf first.
	Certificate string
	Key         Secret
	Source      Position
}

// VPCLink is a way to backends that the management API has made. A connection id that is
// its id leads to the backend that is named as a load balancer of it, or as itself; where
// there is none, to the host of the integration's URI.
type VPCLink struct {
	ID, Name string
	// Targets are the ARNs of load balancers.
	Targets []string
	Source  Position
}

// BackendNames are those that the link's backend may have, the best first.
func (l *VPCLink) BackendNames() []string {
	var names []string
	for _, arn := range l.Targets {
		// arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/net/NAME/ID
		if parts := strings.Split(arn, "/"); len(parts) == 4 {
			names = append(names, parts[2])
		}
	}
	return append(names, l.Name, l.ID)
}

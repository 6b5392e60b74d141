// Package domain keeps custom domain names and what they lead to. Amazon's two
// management APIs show the same ones in different forms (apigateway its domain names
// with base path mappings, apigatewayv2 its domain names with API mappings); here is the
// form that is kept, and the changes that both make to it.
package domain

import (
	"net/url"
	"time"
)

// Kinds of endpoints.
const (
	Edge     = "EDGE"
	Regional = "REGIONAL"
	Private  = "PRIVATE"
)

// Available is the status of an endpoint that serves.
const Available = "AVAILABLE"

// Routing modes: what decides where a request goes.
const (
	ByMapping            = "BASE_PATH_MAPPING_ONLY"
	ByRule               = "ROUTING_RULE_ONLY"
	ByRuleThenMapping    = "ROUTING_RULE_THEN_BASE_PATH_MAPPING"
	DefaultSecurity      = "TLS_1_2"
	DefaultIPAddressType = "ipv4"
)

// Name is a custom domain name.
type Name struct {
	Name string `json:"name"`
	// ID is that of a private domain name, which need not be unique on Amazon.
	ID string `json:"id,omitempty"`
	// Endpoints are how the domain is reached: one, or two while it moves from one kind
	// to another.
	Endpoints []Endpoint `json:"endpoints"`
	MutualTLS *MutualTLS `json:"mutualTls,omitempty"`
	// Certificate was uploaded with the domain, instead of being named by an ARN.
	Certificate      *Certificate      `json:"certificate,omitempty"`
	EndpointAccess   string            `json:"endpointAccessMode,omitempty"`
	RoutingMode      string            `json:"routingMode,omitempty"`
	Policy           string            `json:"policy,omitempty"`
	ManagementPolicy string            `json:"managementPolicy,omitempty"`
	Tags             map[string]string `json:"tags,omitempty"`
}

// Endpoint is one way to reach a domain name.
type Endpoint struct {
	Type                  string    `json:"type"`
	CertificateARN        string    `json:"certificateArn,omitempty"`
	CertificateName       string    `json:"certificateName,omitempty"`
	CertificateUploadDate time.Time `json:"certificateUploadDate,omitzero"`
	// OwnershipVerificationARN is that of a certificate by which Amazon sees who owns the
	// domain, where mutual TLS is used with a certificate that Amazon has not issued.
	OwnershipVerificationARN string `json:"ownershipVerificationCertificateArn,omitempty"`
	// Target is the name that DNS points the domain to, HostedZoneID its zone.
	Target         string `json:"target"`
	HostedZoneID   string `json:"hostedZoneId"`
	Status         string `json:"status"`
	StatusMessage  string `json:"statusMessage,omitempty"`
	SecurityPolicy string `json:"securityPolicy,omitempty"`
	IPAddressType  string `json:"ipAddressType,omitempty"`
	// VPCEndpointIDs are those that a private domain may be reached by.
	VPCEndpointIDs []string `json:"vpcEndpointIds,omitempty"`
}

// MutualTLS says what clients' certificates are verified with.
type MutualTLS struct {
	TruststoreURI      string   `json:"truststoreUri"`
	TruststoreVersion  string   `json:"truststoreVersion,omitempty"`
	TruststoreWarnings []string `json:"truststoreWarnings,omitempty"`
}

// Certificate is a server certificate, as PEM text.
type Certificate struct {
	Body       string `json:"body"`
	Chain      string `json:"chain,omitempty"`
	PrivateKey string `json:"privateKey"`
}

// Endpoint finds the endpoint of a kind, or nil.
func (n *Name) Endpoint(kind string) *Endpoint {
	for i := range n.Endpoints {
		if n.Endpoints[i].Type == kind {
			return &n.Endpoints[i]
		}
	}
	return nil
}

// Mapping sends a base path of a domain to a stage.
type Mapping struct {
	// ID is what apigatewayv2 knows the mapping by.
	ID string `json:"id"`
	// Path has no slash at its ends; it is empty for all that no other mapping takes.
	Path  string `json:"path"`
	APIID string `json:"apiId"`
	// Stage is empty where the first segment behind the path names it, which only
	// mappings of apigateway do.
	Stage string `json:"stage,omitempty"`
}

// NameKey is the key of a domain name's document.
func NameKey(region, name string) string { return NamesFolder(region) + name }

// NamesFolder is where the domain names of a region are.
func NamesFolder(region string) string { return region + "/domainnames/" }

// MappingKey is the key of a mapping's document.
func MappingKey(region, name, path string) string {
	return MappingsFolder(region, name) + escapedPath(path)
}

// MappingsFolder is where the mappings of a domain name are.
func MappingsFolder(region, name string) string { return region + "/basepathmappings/" + name + "/" }

// NoPath is how an empty base path is written where there has to be something.
const NoPath = "(none)"

func escapedPath(path string) string {
	if path == "" {
		return NoPath
	}
	return url.PathEscape(path)
}

// claimKey is taken by a domain name in all regions: whatever their regions, they are
// served by the same gateway.
func claimKey(name string) string { return "global/domainclaims/" + name }

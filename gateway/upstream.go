package gateway

import (
	"cmp"
	"fmt"
	"regexp"
)

// Upstream is what an HTTP integration is sent to. Integrations that agree in it share its
// connections, however many routes they have.
type Upstream struct {
	// Backend names a Backend; empty for the plain host of a URI.
	Backend string
	Host    string
	Port    uint32
	TLS     bool
	// ServerName is the SNI and the name verified.
	ServerName string
	Insecure   bool
	// ClientCertificate is the id of what the backend is shown; empty for nothing, or for
	// what the Backend says.
	ClientCertificate string
}

// UpstreamError says why an integration cannot be sent anywhere.
type UpstreamError struct{ Code, Hint, Message string }

func (e *UpstreamError) Error() string { return e.Message }

// verifiableName is what can be asked for in a TLS handshake: a host name, or an address.
var verifiableName = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,255}$`)

// Upstream finds what an integration is sent to: the backend that its VPC link names or
// that stands for its host, else the host itself. Of the stage, its client certificate
// counts. The error is an *UpstreamError.
func (s *Snapshot) Upstream(in *Integration, uri *EndpointURI, stage *Stage, variables map[string]string) (Upstream, *Backend, error) {
	up := Upstream{Host: uri.Host, Port: uri.Port, TLS: uri.Scheme == "https", ServerName: uri.Host}
	var backend *Backend
	if in.ConnectionType == ConnectionVPCLink {
		id, missing := ResolveStageVariables(in.ConnectionID, variables)
		var found bool
		if backend, found = s.linked(id, in.URI); !found || len(missing) > 0 || backend == nil && uri.Private {
			return up, nil, &UpstreamError{"unknown-backend", "add it to backends:", fmt.Sprintf("the VPC link %q leads to no backend", in.ConnectionID)}
		}
	} else {
		backend = s.BackendForHost(uri.Authority)
	}
	if t := in.TLS; t != nil {
		up.Insecure = t.InsecureSkipVerification
		if t.ServerNameToVerify != "" {
			up.ServerName, up.TLS = t.ServerNameToVerify, true
		}
	}
	if backend != nil {
		up.Backend, up.Host, up.Port = backend.Name, "", 0
		if backend.TLS != nil {
			up.TLS = true
			up.ServerName = cmp.Or(backend.TLS.ServerName, up.ServerName)
		}
	}
	if up.TLS && stage != nil {
		up.ClientCertificate = stage.ClientCertificate
	}
	if !up.TLS {
		up.ServerName = ""
	} else if !verifiableName.MatchString(up.ServerName) {
		return up, nil, &UpstreamError{"invalid-name", "", fmt.Sprintf("%q cannot be the name of a backend's certificate", up.ServerName)}
	}
	return up, backend, nil
}

// listenerARN is what an HTTP API's private integration may have in the place of a URI.
var listenerARN = regexp.MustCompile(`^arn:[^:]*:elasticloadbalancing:[^/]*:listener/(?:app|net)/([^/]+)/`)

// linked finds the backend that a connection id means. One that is a VPC link of the
// management API need not have any: then its integrations go to the hosts of their URIs.
func (s *Snapshot) linked(id, uri string) (backend *Backend, found bool) {
	if backend = s.Backend(id); backend != nil {
		return backend, true
	}
	link := s.VPCLink(id)
	if link == nil {
		return nil, false
	}
	names := link.BackendNames()
	if balancer := listenerARN.FindStringSubmatch(uri); balancer != nil {
		names = append([]string{balancer[1]}, names...)
	}
	for _, name := range names {
		if backend = s.Backend(name); backend != nil {
			return backend, true
		}
	}
	return nil, true
}

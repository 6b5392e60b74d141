package gateway

import (
	"slices"
	"strings"
)

// Snapshot is everything that is served, at one moment. It is immutable once
// Seal was called: translators and services may share it freely.
type Snapshot struct {
	Gateways []Gateway
	APIs     []API
	Backends []Backend
	// ClientCertificates are what stages show to backends, VPCLinks what else than their
	// names leads to backends.
	ClientCertificates []ClientCertificate
	VPCLinks           []VPCLink
	Domains            []Domain
	Account            Account
	UsagePlans         []UsagePlan
	APIKeys            []APIKey
	Portals            []Portal
	// Issuers of tokens, Functions that authorize, Credentials that sign requests.
	Issuers     []Issuer
	Functions   []Function
	Credentials []Credential

	revision string
}

// Seal computes the revision. Call it once, after the last change.
func (s *Snapshot) Seal() *Snapshot {
	for i := range s.APIs {
		for j := range s.APIs[i].Stages {
			st := &s.APIs[i].Stages[j]
			st.Deployment.Seal()
			if st.Canary != nil && st.Canary.Deployment != nil {
				st.Canary.Deployment.Seal()
			}
		}
	}
	s.revision = ContentHash(*s)
	return s
}

// Revision is a content hash: the same definitions give the same revision on
// every machine, whatever their layout, comments or file names.
func (s *Snapshot) Revision() string { return s.revision }

// API finds an API by id, or nil.
func (s *Snapshot) API(id string) *API {
	for i := range s.APIs {
		if s.APIs[i].ID == id {
			return &s.APIs[i]
		}
	}
	return nil
}

// Backend finds a backend by name, or nil.
func (s *Snapshot) Backend(name string) *Backend {
	for i := range s.Backends {
		if s.Backends[i].Name == name {
			return &s.Backends[i]
		}
	}
	return nil
}

// UsagePlan finds a usage plan by name, or nil.
func (s *Snapshot) UsagePlan(name string) *UsagePlan {
	for i := range s.UsagePlans {
		if s.UsagePlans[i].Name == name {
			return &s.UsagePlans[i]
		}
	}
	return nil
}

// ClientCertificate finds a client certificate by id, or nil.
func (s *Snapshot) ClientCertificate(id string) *ClientCertificate {
	for i := range s.ClientCertificates {
		if s.ClientCertificates[i].ID == id {
			return &s.ClientCertificates[i]
		}
	}
	return nil
}

// VPCLink finds a VPC link by id, or nil.
func (s *Snapshot) VPCLink(id string) *VPCLink {
	for i := range s.VPCLinks {
		if s.VPCLinks[i].ID == id {
			return &s.VPCLinks[i]
		}
	}
	return nil
}

// BackendForHost finds the backend that stands for a URI authority, or nil. Hosts
// are compared without case.
func (s *Snapshot) BackendForHost(authority string) *Backend {
	authority = strings.ToLower(authority)
	for i := range s.Backends {
		if slices.Contains(s.Backends[i].Hosts, authority) {
			return &s.Backends[i]
		}
	}
	return nil
}

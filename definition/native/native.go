// Package native reads Gatehouse's own YAML: gateways and their listeners, backends,
// APIs with their stages, usage plans, keys and domains. Keys are strict, and every
// part of the model it makes knows the line it was written on.
package native

import (
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// Config is what one file says. What it refers to in other files (OpenAPI
// documents) is left to the loader.
type Config struct {
	Gateways []gateway.Gateway
	Backends []gateway.Backend
	APIs     []API
	Domains  []gateway.Domain
	// Certificates and Truststores are what domains may name.
	Certificates []Certificate
	Truststores  []Truststore
	// ClientCertificates and VPCLinks are about backends.
	ClientCertificates []gateway.ClientCertificate
	VPCLinks           []gateway.VPCLink
	// Account is nil where the file says nothing about it.
	Account       *gateway.Account
	AccountSource gateway.Position
	UsagePlans    []gateway.UsagePlan
	APIKeys       []gateway.APIKey
	Portals       []gateway.Portal
	// Issuers, Functions and Credentials are who vouches for callers.
	Issuers     []gateway.Issuer
	Functions   []gateway.Function
	Credentials []gateway.Credential
	// Incomplete: a whole list was misspelt or is none, so that what it would have
	// defined is not missing.
	Incomplete bool
}

// API is an API whose stages still name their OpenAPI documents.
type API struct {
	gateway.API
	Stages []Stage
}

// Stage is a stage with the documents it is made of.
type Stage struct {
	gateway.Stage
	Definition Definition
	// Canary is the document of the stage's canary; without a file it is the stage's.
	Canary Definition
}

// Definition refers to an OpenAPI document.
type Definition struct {
	// File as written, relative to the file that names it; empty if that is reported.
	File string
	// Backend serves operations without an integration: a backend's name or a URL.
	Backend string
	// Value is where the file is named, BackendValue where the backend is.
	Value, BackendValue source.Value
}

// Parse reads a document; problems go to its diagnostics.
func Parse(doc *source.Document) *Config {
	root := doc.Root().Object()
	c := &Config{Incomplete: !doc.Root().IsObject()}
	each := func(key string, add func(source.Value)) {
		list := root.Get(key)
		c.Incomplete = c.Incomplete || !list.IsList() && !list.IsNull()
		for _, v := range list.List() {
			// After a thousand mistakes this is no definition, and may be an attack.
			if doc.HasTooManyErrors() {
				c.Incomplete = true
				return
			}
			add(v)
		}
	}
	each("gateways", func(v source.Value) { c.Gateways = append(c.Gateways, parseGateway(v)) })
	each("backends", func(v source.Value) { c.Backends = append(c.Backends, parseBackend(v)) })
	each("clientCertificates", func(v source.Value) { c.ClientCertificates = append(c.ClientCertificates, parseClientCertificate(v)) })
	each("vpcLinks", func(v source.Value) { c.VPCLinks = append(c.VPCLinks, parseVPCLink(v)) })
	each("certificates", func(v source.Value) { c.Certificates = append(c.Certificates, parseCertificate(v)) })
	each("truststores", func(v source.Value) { c.Truststores = append(c.Truststores, parseTruststore(v)) })
	each("apis", func(v source.Value) { c.APIs = append(c.APIs, parseAPI(v)) })
	each("domains", func(v source.Value) { c.Domains = append(c.Domains, parseDomain(v)) })
	if account := root.Get("account"); account.Exists() {
		a := parseAccount(account)
		c.Account, c.AccountSource = &a, account.Pos()
	}
	each("usagePlans", func(v source.Value) { c.UsagePlans = append(c.UsagePlans, parseUsagePlan(v)) })
	each("apiKeys", func(v source.Value) { c.APIKeys = append(c.APIKeys, parseAPIKey(v)) })
	each("portals", func(v source.Value) { c.Portals = append(c.Portals, parsePortal(v)) })
	each("issuers", func(v source.Value) { c.Issuers = append(c.Issuers, parseIssuer(v)) })
	each("functions", func(v source.Value) { c.Functions = append(c.Functions, parseFunction(v)) })
	each("credentials", func(v source.Value) { c.Credentials = append(c.Credentials, parseCredential(v)) })
	c.Incomplete = root.Done() || c.Incomplete
	return c
}

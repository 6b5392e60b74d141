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
	Gateways   []gateway.Gateway
	Backends   []gateway.Backend
	APIs       []API
	Domains    []gateway.Domain
	UsagePlans []gateway.UsagePlan
	APIKeys    []gateway.APIKey
	// Issuers, Functions and Credentials are who vouches for callers.
	Issuers     []gateway.Issuer
	Functions   []gateway.Function
	Credentials []gateway.Credential
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
	// File as written, relative to the file that names it.
	File string
	// Backend serves operations without an integration: a backend's name or a URL.
	Backend string
	// Value is where the file is named, or what should have named one.
	Value source.Value
}

// Parse reads a document; problems go to its diagnostics.
func Parse(doc *source.Document) *Config {
	root := doc.Root().Object()
	c := &Config{}
	for _, v := range root.Get("gateways").List() {
		c.Gateways = append(c.Gateways, parseGateway(v))
	}
	for _, v := range root.Get("backends").List() {
		c.Backends = append(c.Backends, parseBackend(v))
	}
	for _, v := range root.Get("apis").List() {
		c.APIs = append(c.APIs, parseAPI(v))
	}
	for _, v := range root.Get("domains").List() {
		c.Domains = append(c.Domains, parseDomain(v))
	}
	for _, v := range root.Get("usagePlans").List() {
		c.UsagePlans = append(c.UsagePlans, parseUsagePlan(v))
	}
	for _, v := range root.Get("apiKeys").List() {
		c.APIKeys = append(c.APIKeys, parseAPIKey(v))
	}
	for _, v := range root.Get("issuers").List() {
		c.Issuers = append(c.Issuers, parseIssuer(v))
	}
	for _, v := range root.Get("functions").List() {
		c.Functions = append(c.Functions, parseFunction(v))
	}
	for _, v := range root.Get("credentials").List() {
		c.Credentials = append(c.Credentials, parseCredential(v))
	}
	root.Done()
	return c
}

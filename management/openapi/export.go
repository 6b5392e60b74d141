package openapi

import (
	"fmt"
	"slices"
	"strings"
)

// Version is a version of OpenAPI that documents are written in.
type Version int

// The versions that Amazon's exports are written in.
const (
	OpenAPI30 Version = iota
	OpenAPI20
)

// Export says what to write of an API.
type Export struct {
	Version Version
	// YAML writes YAML instead of JSON.
	YAML       bool
	Extensions Extensions
	// Host and Stage are where the API is served, as in
	// "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com" and "prod". Without a host the
	// document does not say.
	Host, Stage string
	// PlainHTTP: not by TLS.
	PlainHTTP bool
	// InfoVersion is the version of an API that has none of its own.
	InfoVersion string
	// DocumentationVersion is that of the documentation parts. Parts of a version are
	// written where OpenAPI itself has descriptions, unless the extension for them is
	// wanted, which holds them all.
	DocumentationVersion string
	// served: the document is for the gateway itself. What has no effect there is left
	// out, and what no import takes is kept.
	served bool
}

// served is how the gateway itself is told of an API.
var served = Export{Extensions: Extensions{Integrations: true, Authorizers: true, Gateway: true}, served: true}

// Extensions are what is written besides plain OpenAPI.
type Extensions struct {
	Integrations, Authorizers, Documentation bool
	// Gateway: all but the documentation.
	Gateway bool
}

// AllExtensions lose nothing that is served.
var AllExtensions = Extensions{Integrations: true, Authorizers: true, Documentation: true, Gateway: true}

// ParseExtensions reads the parameter "extensions" of an export: names with commas
// between them.
func ParseExtensions(text string) (Extensions, error) {
	var e Extensions
	for name := range strings.SplitSeq(text, ",") {
		switch strings.TrimSpace(name) {
		case "", "none":
		case "integrations":
			e.Integrations = true
		case "authorizers":
			e.Authorizers = true
		case "documentation":
			e.Documentation = true
		case "apigateway":
			e.Gateway, e.Integrations, e.Authorizers = true, true, true
		default:
			return e, fmt.Errorf("unknown extension %q: must be one of integrations, authorizers, apigateway, documentation", strings.TrimSpace(name))
		}
	}
	return e, nil
}

// bytes renders a document.
func (e Export) bytes(root *object) ([]byte, error) {
	if e.YAML {
		return yamlText(root)
	}
	return []byte(jsonText(root) + "\n"), nil
}

// methodOrder is in which methods of a path are written.
var methodOrder = []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "ANY"}

func methodRank(method string) int {
	if i := slices.Index(methodOrder, method); i >= 0 {
		return i
	}
	return len(methodOrder)
}

// methodKey is a method's key in a path item.
func methodKey(method string) string {
	if method == "ANY" {
		return extAnyMethod
	}
	return strings.ToLower(method)
}

// freeName gives a name that nothing has yet.
func freeName(name string, taken map[string]bool) string {
	for taken[name] {
		name += "_"
	}
	taken[name] = true
	return name
}

func (e Export) scheme() string {
	if e.PlainHTTP {
		return "http"
	}
	return "https"
}

// server is where OpenAPI 3 says that a stage is served.
func (e Export) server() *object {
	variable := &object{}
	variable.set("default", e.Stage)
	variables := &object{}
	variables.set("basePath", variable)
	server := &object{}
	server.set("url", e.scheme()+"://"+e.Host+"/{basePath}")
	server.set("variables", variables)
	return server
}

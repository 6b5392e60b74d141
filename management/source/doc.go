// Package source turns what the management API keeps into definitions: virtual files
// that are loaded as those on a disk are. A deployment becomes an OpenAPI document, and
// an API with its stages a file of Gatehouse's own that names the documents. So there is
// one way to Envoy, whoever wrote a definition.
//
// Virtual files are JSON and have names such as
//
//	management:eu-west-1/restapis/a1b2c3d4e5/api.json
//	management:eu-west-1/restapis/a1b2c3d4e5/deployments/x7y8z9.json
//
// Users of the management API are not those of the machine: virtual files must be read
// with definition.Options.Foreign, so that nothing in them is replaced by what the
// machine's environment and files hold.
package source

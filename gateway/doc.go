// Package gateway is the model: what a gateway is asked to do, in Amazon API
// Gateway's own terms (REST API, HTTP API, stage, deployment, integration,
// authorizer, usage plan, API key, domain) plus the few a self-hosted gateway
// needs besides (gateway, listener, backend).
//
// It is plain data. It knows nothing of Envoy, of YAML or OpenAPI, and does no
// I/O: package definition reads files into it, package translator turns it into
// Envoy resources. A Snapshot is immutable once sealed; every service compiles
// from the same one.
package gateway

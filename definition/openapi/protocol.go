package openapi

import (
	"slices"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// ProtocolOf tells which kind of API a document is of, for those who were not told: by
// what only one of the two has, as exports write it. What says nothing is a REST API.
func ProtocolOf(root *source.Object) gateway.Protocol {
	if root.Has("swagger") {
		return gateway.REST
	}
	integrations := []*source.Object{}
	for _, path := range root.Get("paths").Object().Entries() {
		if isDefaultRoutePath(path.Key) {
			return gateway.HTTP
		}
		if !path.IsObject() {
			continue
		}
		for _, operation := range path.Object().Entries() {
			if !operation.IsObject() {
				continue
			}
			if in := operation.Object().Get(extIntegration); in.IsObject() {
				integrations = append(integrations, in.Object())
			}
		}
	}
	switch {
	case root.Has(extCORS):
		return gateway.HTTP
	case hasAny(root, extAPIKeySource, extBinaryMediaTypes, extGatewayResponses, extPolicy, extRequestValidator, extRequestValidators),
		// Every integration of a REST API is exported with it, and none of an HTTP API.
		anyHas(integrations, "passthroughBehavior", "requestTemplates", "responses"):
		return gateway.REST
	case root.Has(extVersion), anyHas(integrations, "payloadFormatVersion", "integrationSubtype"):
		return gateway.HTTP
	}
	return gateway.REST
}

func hasAny(o *source.Object, keys ...string) bool { return slices.ContainsFunc(keys, o.Has) }

func anyHas(objects []*source.Object, keys ...string) bool {
	return slices.ContainsFunc(objects, func(o *source.Object) bool { return hasAny(o, keys...) })
}

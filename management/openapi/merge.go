package openapi

import (
	"slices"

	"gatehouse/management/restapi"
)

// Merge lays imported content, whose parts have no ids yet, over existing content: what
// is in both is the imported one's, with the existing one's ids. Where overwrite is set,
// nothing stays that was not imported but what a document does not tell of: ids, dates,
// tags, the endpoint type.
func Merge(existing, c *restapi.Content, overwrite bool, newID func(int) string) *restapi.Content {
	Place(existing, c, newID)
	out := &restapi.Content{API: mergeAPI(existing.API, c.API, overwrite)}
	if overwrite {
		existing = &restapi.Content{}
	}
	out.Resources = mergeLists(existing.Resources, c.Resources, func(r restapi.Resource) string { return r.ID }, mergeResource)
	out.Authorizers = mergeLists(existing.Authorizers, c.Authorizers, func(a restapi.Authorizer) string { return a.ID }, latter)
	out.Models = mergeLists(existing.Models, c.Models, func(m restapi.Model) string { return m.Name }, latter)
	out.RequestValidators = mergeLists(existing.RequestValidators, c.RequestValidators, func(v restapi.RequestValidator) string { return v.ID }, latter)
	out.GatewayResponses = mergeLists(existing.GatewayResponses, c.GatewayResponses, func(r restapi.GatewayResponse) string { return r.ResponseType }, latter)
	out.DocumentationParts = MergeDocumentation(existing.DocumentationParts, c.DocumentationParts)
	return out
}

// MergeDocumentation lays documentation parts over others.
func MergeDocumentation(existing, imported []restapi.DocumentationPart) []restapi.DocumentationPart {
	return mergeLists(existing, imported, func(p restapi.DocumentationPart) string { return placeOf(&p) }, latter)
}

func mergeAPI(existing, imported restapi.RestAPI, overwrite bool) restapi.RestAPI {
	out := existing
	keepText := func(into *string, text string) {
		if text != "" || overwrite {
			*into = text
		}
	}
	if imported.Name != "" {
		out.Name = imported.Name
	}
	keepText(&out.Description, imported.Description)
	keepText(&out.Version, imported.Version)
	keepText(&out.Policy, imported.Policy)
	if imported.APIKeySource != "" {
		out.APIKeySource = imported.APIKeySource
	}
	// What these say when they are absent is nothing.
	if imported.SecurityPolicy != "" {
		out.SecurityPolicy = imported.SecurityPolicy
	}
	if imported.EndpointAccessMode != "" {
		out.EndpointAccessMode = imported.EndpointAccessMode
	}
	if imported.MinimumCompressionSize != nil || overwrite {
		out.MinimumCompressionSize = imported.MinimumCompressionSize
	}
	out.DisableExecuteAPIEndpoint = imported.DisableExecuteAPIEndpoint || existing.DisableExecuteAPIEndpoint && !overwrite
	out.BinaryMediaTypes = imported.BinaryMediaTypes
	if !overwrite {
		out.BinaryMediaTypes = mergeLists(existing.BinaryMediaTypes, imported.BinaryMediaTypes, func(s string) string { return s }, latter)
	}
	if e := imported.EndpointConfiguration; e != nil && len(e.VPCEndpointIDs) > 0 {
		configuration := restapi.EndpointConfiguration{}
		if out.EndpointConfiguration != nil {
			configuration = *out.EndpointConfiguration
		}
		configuration.VPCEndpointIDs = e.VPCEndpointIDs
		out.EndpointConfiguration = &configuration
	}
	if imported.RootResourceID != "" {
		out.RootResourceID = imported.RootResourceID
	}
	return out
}

func mergeResource(existing, imported restapi.Resource) restapi.Resource {
	methods := map[string]restapi.Method{}
	for name, m := range existing.ResourceMethods {
		methods[name] = m
	}
	for name, m := range imported.ResourceMethods {
		methods[name] = m
	}
	if len(methods) > 0 {
		imported.ResourceMethods = methods
	}
	return imported
}

func latter[T any](_, imported T) T { return imported }

// mergeLists lays a list over another: what has the same key is made one, what is new
// comes last.
func mergeLists[T any](existing, imported []T, key func(T) string, merge func(existing, imported T) T) []T {
	out := slices.Clone(existing)
	at := map[string]int{}
	for i, v := range out {
		at[key(v)] = i
	}
	for _, v := range imported {
		if i, ok := at[key(v)]; ok {
			out[i] = merge(out[i], v)
			continue
		}
		at[key(v)] = len(out)
		out = append(out, v)
	}
	return out
}

package restapi

import (
	"cmp"
	"errors"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// originalOf reads the API that a new one is to be a copy of.
func originalOf(r store.Reader, c *restjson.Call, id string) (*Content, error) {
	unknown := restjson.NotFound("Invalid API identifier specified %s:%s", c.AccountID, id)
	// What has a slash is the key of something else.
	if strings.Contains(id, "/") {
		return nil, unknown
	}
	content, err := ReadContent(r, c.Region, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, unknown
	}
	return content, err
}

// cloneOf makes the content of an API out of that of another: what the two have in
// common have ids of their own, so that neither's are those of the other, and refer to
// one another as before. What the new API's own document doesn't say is the original's.
// The original, which is used up, is the result.
func cloneOf(original *Content, api RestAPI) *Content {
	ids := map[string]string{"": "", original.API.RootResourceID: api.RootResourceID}
	fresh := func(id *string) {
		if ids[*id] == "" {
			ids[*id] = restjson.NewID(6)
		}
		*id = ids[*id]
	}
	for i := range original.Authorizers {
		fresh(&original.Authorizers[i].ID)
	}
	for i := range original.RequestValidators {
		fresh(&original.RequestValidators[i].ID)
	}
	for i := range original.DocumentationParts {
		fresh(&original.DocumentationParts[i].ID)
	}
	from, to := "/restapis/"+original.API.ID+"/models/", "/restapis/"+api.ID+"/models/"
	for i := range original.Models {
		m := &original.Models[i]
		fresh(&m.ID)
		m.Schema = strings.ReplaceAll(m.Schema, from, to)
	}
	for i := range original.Resources {
		r := &original.Resources[i]
		fresh(&r.ID)
		if r.ParentID != "" {
			fresh(&r.ParentID)
		}
	}
	for i := range original.Resources {
		for name, m := range original.Resources[i].ResourceMethods {
			m.AuthorizerID, m.RequestValidatorID = ids[m.AuthorizerID], ids[m.RequestValidatorID]
			if m.MethodIntegration != nil {
				// A namespace of somebody's own choice stays.
				m.MethodIntegration.CacheNamespace = cmp.Or(ids[m.MethodIntegration.CacheNamespace], m.MethodIntegration.CacheNamespace)
			}
			original.Resources[i].ResourceMethods[name] = m
		}
	}
	if len(api.BinaryMediaTypes) == 0 {
		api.BinaryMediaTypes = original.API.BinaryMediaTypes
	}
	if api.MinimumCompressionSize == nil {
		api.MinimumCompressionSize = original.API.MinimumCompressionSize
	}
	api.Policy = cmp.Or(api.Policy, original.API.Policy)
	original.API = api
	return original
}

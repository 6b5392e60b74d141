package restapi

import (
	"gatehouse/management/store"
)

// Folders of what belongs to an API, below the key of its document.
const (
	resourcesFolder        = "resources/"
	authorizersFolder      = "authorizers/"
	modelsFolder           = "models/"
	validatorsFolder       = "validators/"
	gatewayResponsesFolder = "gatewayresponses/"
	partsFolder            = "documentation/parts/"
)

// APIKeyOf is the key of an API's document in the store.
func APIKeyOf(region, id string) string { return region + "/restapis/" + id }

// ReadContent reads an API with all that is edited of it, as it is now; store.ErrNotFound
// says that there is none.
func ReadContent(reader store.Reader, region, id string) (*Content, error) {
	key := APIKeyOf(region, id)
	api, err := store.ReadDocument[RestAPI](reader, key)
	if err != nil {
		return nil, err
	}
	c := &Content{API: *api}
	key += "/"
	if c.Resources, err = store.ReadDocuments[Resource](reader, key+resourcesFolder); err != nil {
		return nil, err
	}
	if c.Authorizers, err = store.ReadDocuments[Authorizer](reader, key+authorizersFolder); err != nil {
		return nil, err
	}
	if c.Models, err = store.ReadDocuments[Model](reader, key+modelsFolder); err != nil {
		return nil, err
	}
	if c.RequestValidators, err = store.ReadDocuments[RequestValidator](reader, key+validatorsFolder); err != nil {
		return nil, err
	}
	if c.GatewayResponses, err = store.ReadDocuments[GatewayResponse](reader, key+gatewayResponsesFolder); err != nil {
		return nil, err
	}
	c.DocumentationParts, err = store.ReadDocuments[DocumentationPart](reader, key+partsFolder)
	return c, err
}

// WriteContent makes an API what the content says, and nothing else. Deployments, stages
// and documentation versions stay. What is as it was is not written again.
func WriteContent(tx store.Tx, region string, c *Content) error {
	key := APIKeyOf(region, c.API.ID)
	documents := map[string]any{key: c.API}
	key += "/"
	for _, r := range c.Resources {
		documents[key+resourcesFolder+r.ID] = r
	}
	for _, a := range c.Authorizers {
		documents[key+authorizersFolder+a.ID] = a
	}
	for _, m := range c.Models {
		documents[key+modelsFolder+m.Name] = m
	}
	for _, v := range c.RequestValidators {
		documents[key+validatorsFolder+v.ID] = v
	}
	for _, r := range c.GatewayResponses {
		documents[key+gatewayResponsesFolder+r.ResponseType] = r
	}
	for _, p := range c.DocumentationParts {
		documents[key+partsFolder+p.ID] = p
	}
	return store.Replace(tx, documents, key+resourcesFolder, key+authorizersFolder, key+modelsFolder,
		key+validatorsFolder, key+gatewayResponsesFolder, key+partsFolder)
}

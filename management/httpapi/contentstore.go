package httpapi

import (
	"gatehouse/management/store"
)

// Folders of what belongs to an API, below the key of its document.
const (
	routesFolder       = "routes/"
	integrationsFolder = "integrations/"
	authorizersFolder  = "authorizers/"
	modelsFolder       = "models/"
	// responsesFolder is below a route or an integration.
	responsesFolder = "/responses/"
)

// APIKeyOf is the key of an API's document in the store.
func APIKeyOf(region, id string) string { return region + "/apis/" + id }

// ReadContent reads an API with all that is edited of it, as it is now; store.ErrNotFound
// says that there is none.
func ReadContent(reader store.Reader, region, id string) (*Content, error) {
	key := APIKeyOf(region, id)
	api, err := store.ReadDocument[API](reader, key)
	if err != nil {
		return nil, err
	}
	c := &Content{API: *api}
	if err := c.readRoutes(reader, key+"/"+routesFolder); err != nil {
		return nil, err
	}
	if err := c.readIntegrations(reader, key+"/"+integrationsFolder); err != nil {
		return nil, err
	}
	if c.Authorizers, err = store.ReadDocuments[Authorizer](reader, key+"/"+authorizersFolder); err != nil {
		return nil, err
	}
	c.Models, err = store.ReadDocuments[Model](reader, key+"/"+modelsFolder)
	return c, err
}

func (c *Content) readRoutes(reader store.Reader, prefix string) error {
	routes, err := store.ReadDocuments[Route](reader, prefix)
	if err != nil {
		return err
	}
	for _, r := range routes {
		out := RouteContent{Route: r}
		if out.Responses, err = store.ReadDocuments[RouteResponse](reader, prefix+r.RouteID+responsesFolder); err != nil {
			return err
		}
		c.Routes = append(c.Routes, out)
	}
	return nil
}

func (c *Content) readIntegrations(reader store.Reader, prefix string) error {
	integrations, err := store.ReadDocuments[Integration](reader, prefix)
	if err != nil {
		return err
	}
	for _, in := range integrations {
		out := IntegrationContent{Integration: in}
		if out.Responses, err = store.ReadDocuments[IntegrationResponse](reader, prefix+in.IntegrationID+responsesFolder); err != nil {
			return err
		}
		c.Integrations = append(c.Integrations, out)
	}
	return nil
}

// WriteContent makes an API what the content says, and nothing else. Deployments and
// stages stay. What is as it was is not written again.
func WriteContent(tx store.Tx, region string, c *Content) error {
	key := APIKeyOf(region, c.API.APIID)
	documents := map[string]any{key: c.API}
	key += "/"
	for _, r := range c.Routes {
		documents[key+routesFolder+r.Route.RouteID] = r.Route
		for _, response := range r.Responses {
			documents[key+routesFolder+r.Route.RouteID+responsesFolder+response.RouteResponseID] = response
		}
	}
	for _, in := range c.Integrations {
		documents[key+integrationsFolder+in.Integration.IntegrationID] = in.Integration
		for _, response := range in.Responses {
			documents[key+integrationsFolder+in.Integration.IntegrationID+responsesFolder+response.IntegrationResponseID] = response
		}
	}
	for _, a := range c.Authorizers {
		documents[key+authorizersFolder+a.AuthorizerID] = a
	}
	for _, m := range c.Models {
		documents[key+modelsFolder+m.ModelID] = m
	}
	return store.Replace(tx, documents, key+routesFolder, key+integrationsFolder, key+authorizersFolder, key+modelsFolder)
}

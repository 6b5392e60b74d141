package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

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
	data, err := reader.Get(key)
	if err != nil {
		return nil, err
	}
	c := &Content{}
	if err := json.Unmarshal(data, &c.API); err != nil {
		return nil, fmt.Errorf("the document %s: %w", key, err)
	}
	if err := c.readRoutes(reader, key+"/"+routesFolder); err != nil {
		return nil, err
	}
	if err := c.readIntegrations(reader, key+"/"+integrationsFolder); err != nil {
		return nil, err
	}
	if err := readAll(reader, key+"/"+authorizersFolder, &c.Authorizers); err != nil {
		return nil, err
	}
	return c, readAll(reader, key+"/"+modelsFolder, &c.Models)
}

func (c *Content) readRoutes(reader store.Reader, prefix string) error {
	var routes []Route
	if err := readAll(reader, prefix, &routes); err != nil {
		return err
	}
	for _, r := range routes {
		out := RouteContent{Route: r}
		if err := readAll(reader, prefix+r.RouteID+responsesFolder, &out.Responses); err != nil {
			return err
		}
		c.Routes = append(c.Routes, out)
	}
	return nil
}

func (c *Content) readIntegrations(reader store.Reader, prefix string) error {
	var integrations []Integration
	if err := readAll(reader, prefix, &integrations); err != nil {
		return err
	}
	for _, in := range integrations {
		out := IntegrationContent{Integration: in}
		if err := readAll(reader, prefix+in.IntegrationID+responsesFolder, &out.Responses); err != nil {
			return err
		}
		c.Integrations = append(c.Integrations, out)
	}
	return nil
}

// readAll reads what lies in a folder, not what lies below that.
func readAll[T any](reader store.Reader, prefix string, into *[]T) error {
	entries, err := reader.List(prefix)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.Contains(strings.TrimPrefix(e.Key, prefix), "/") {
			continue
		}
		var v T
		if err := json.Unmarshal(e.Value, &v); err != nil {
			return fmt.Errorf("the document %s: %w", e.Key, err)
		}
		*into = append(*into, v)
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
	before := map[string][]byte{}
	if data, err := tx.Get(strings.TrimSuffix(key, "/")); err == nil {
		before[strings.TrimSuffix(key, "/")] = data
	}
	for _, folder := range []string{routesFolder, integrationsFolder, authorizersFolder, modelsFolder} {
		entries, err := tx.List(key + folder)
		if err != nil {
			return err
		}
		for _, e := range entries {
			before[e.Key] = e.Value
			if _, stays := documents[e.Key]; !stays {
				tx.Delete(e.Key)
			}
		}
	}
	names := make([]string, 0, len(documents))
	for name := range documents {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		data, err := json.Marshal(documents[name])
		if err != nil {
			return err
		}
		if !bytes.Equal(before[name], data) {
			tx.Put(name, data)
		}
	}
	return nil
}

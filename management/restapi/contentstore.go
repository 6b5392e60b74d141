package restapi

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
	data, err := reader.Get(key)
	if err != nil {
		return nil, err
	}
	c := &Content{}
	if err := json.Unmarshal(data, &c.API); err != nil {
		return nil, fmt.Errorf("the document %s: %w", key, err)
	}
	key += "/"
	for _, read := range []func() error{
		func() error { return readAll(reader, key+resourcesFolder, &c.Resources) },
		func() error { return readAll(reader, key+authorizersFolder, &c.Authorizers) },
		func() error { return readAll(reader, key+modelsFolder, &c.Models) },
		func() error { return readAll(reader, key+validatorsFolder, &c.RequestValidators) },
		func() error { return readAll(reader, key+gatewayResponsesFolder, &c.GatewayResponses) },
		func() error { return readAll(reader, key+partsFolder, &c.DocumentationParts) },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func readAll[T any](reader store.Reader, prefix string, into *[]T) error {
	entries, err := reader.List(prefix)
	if err != nil {
		return err
	}
	for _, e := range entries {
		var v T
		if err := json.Unmarshal(e.Value, &v); err != nil {
			return fmt.Errorf("the document %s: %w", e.Key, err)
		}
		*into = append(*into, v)
	}
	return nil
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
	before := map[string][]byte{}
	if data, err := tx.Get(strings.TrimSuffix(key, "/")); err == nil {
		before[strings.TrimSuffix(key, "/")] = data
	}
	for _, folder := range []string{resourcesFolder, authorizersFolder, modelsFolder, validatorsFolder, gatewayResponsesFolder, partsFolder} {
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

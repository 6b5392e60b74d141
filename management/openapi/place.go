package openapi

import (
	"strings"

	"gatehouse/management/restapi"
)

// Lengths of ids, as Amazon's service gives them.
const (
	rootIDLength = 10
	idLength     = 6
)

// Place gives everything in new content an id: that of what is in its place in the
// existing content, which may be nil, else a new one.
func Place(existing, c *restapi.Content, newID func(int) string) {
	if existing == nil {
		existing = &restapi.Content{}
	}
	resources := idsBy(existing.Resources, func(r restapi.Resource) (string, string) { return r.Path, r.ID })
	authorizers := idsBy(existing.Authorizers, func(a restapi.Authorizer) (string, string) { return a.Name, a.ID })
	validators := idsBy(existing.RequestValidators, func(v restapi.RequestValidator) (string, string) { return v.Name, v.ID })
	models := idsBy(existing.Models, func(m restapi.Model) (string, string) { return m.Name, m.ID })
	parts := idsBy(existing.DocumentationParts, func(p restapi.DocumentationPart) (string, string) { return placeOf(&p), p.ID })

	old := map[string]string{} // of resources, by the ids they had
	for i := range c.Resources {
		r := &c.Resources[i]
		length := idLength
		if r.Path == "/" {
			length = rootIDLength
		}
		old[r.ID] = resources.of(r.Path, length, newID)
	}
	named := map[string]string{}
	for i := range c.Authorizers {
		a := &c.Authorizers[i]
		named[a.ID], a.ID = authorizers.of(a.Name, idLength, newID), authorizers.of(a.Name, idLength, newID)
	}
	validated := map[string]string{}
	for i := range c.RequestValidators {
		v := &c.RequestValidators[i]
		validated[v.ID], v.ID = validators.of(v.Name, idLength, newID), validators.of(v.Name, idLength, newID)
	}
	for i := range c.Models {
		c.Models[i].ID = models.of(c.Models[i].Name, idLength, newID)
	}
	for i := range c.DocumentationParts {
		c.DocumentationParts[i].ID = parts.of(placeOf(&c.DocumentationParts[i]), idLength, newID)
	}
	for i := range c.Resources {
		r := &c.Resources[i]
		for name, m := range r.ResourceMethods {
			m.AuthorizerID, m.RequestValidatorID = named[m.AuthorizerID], validated[m.RequestValidatorID]
			if in := m.MethodIntegration; in != nil && in.CacheNamespace == r.ID {
				in.CacheNamespace = old[r.ID]
			}
			r.ResourceMethods[name] = m
		}
		r.ID, r.ParentID = old[r.ID], old[r.ParentID]
		if r.Path == "/" {
			c.API.RootResourceID = r.ID
		}
	}
}

// ids are those of things by what makes them the same thing.
type ids map[string]string

func idsBy[T any](values []T, by func(T) (key, id string)) ids {
	out := ids{}
	for _, v := range values {
		key, id := by(v)
		out[key] = id
	}
	return out
}

// of gives the id of a thing, a new one if it has none.
func (known ids) of(key string, length int, newID func(int) string) string {
	if known[key] == "" {
		known[key] = newID(length)
	}
	return known[key]
}

// placeOf tells documentation parts apart by what they document.
func placeOf(p *restapi.DocumentationPart) string {
	at := location(p)
	return strings.Join([]string{at.Type, at.Path, at.Method, at.StatusCode, at.Name}, "\n")
}

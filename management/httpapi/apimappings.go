package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"gatehouse/management/domain"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

var mappingMembers = []string{"apiId", "apiMappingKey", "stage"}

func (s *Service) mappingOperations() []restjson.Operation {
	const path = "/v2/domainnames/{domainName}/apimappings"
	return []restjson.Operation{
		{Name: "GetApiMappings", Method: http.MethodGet, Path: path, Status: http.StatusOK, Do: s.getAPIMappings},
		{Name: "CreateApiMapping", Method: http.MethodPost, Path: path, Status: http.StatusCreated, Do: s.createAPIMapping},
		{Name: "GetApiMapping", Method: http.MethodGet, Path: path + "/{apiMappingId}", Status: http.StatusOK, Do: s.getAPIMapping},
		{Name: "UpdateApiMapping", Method: http.MethodPatch, Path: path + "/{apiMappingId}", Status: http.StatusOK, Do: s.updateAPIMapping},
		{Name: "DeleteApiMapping", Method: http.MethodDelete, Path: path + "/{apiMappingId}", Status: http.StatusNoContent, Do: s.deleteAPIMapping},
	}
}

// mappingAnswer is a mapping as apigatewayv2 shows it.
func mappingAnswer(m *domain.Mapping) *APIMapping {
	return &APIMapping{APIID: m.APIID, APIMappingID: m.ID, APIMappingKey: m.Path, Stage: m.Stage}
}

// mapping finds the mapping that a call is about, and its domain name.
func mapping(r store.Reader, c *restjson.Call) (*domain.Name, *domain.Mapping, error) {
	n, err := domainOf(r, c)
	if err != nil {
		return nil, nil, err
	}
	mappings, err := domain.Mappings(r, c.Region, n.Name)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range mappings {
		if m.ID == c.Params["apiMappingId"] {
			return n, m, nil
		}
	}
	return nil, nil, notFound("ApiMapping", "The api mapping resource specified in the request was not found.")
}

func (s *Service) getAPIMappings(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*page[*APIMapping], error) {
		n, err := domainOf(r, c)
		if err != nil {
			return nil, err
		}
		kept, err := list[domain.Mapping](r, c, domain.MappingsFolder(c.Region, n.Name), nil)
		if err != nil {
			return nil, err
		}
		answer := &page[*APIMapping]{Items: []*APIMapping{}, NextToken: kept.NextToken}
		for i := range kept.Items {
			answer.Items = append(answer.Items, mappingAnswer(&kept.Items[i]))
		}
		return answer, nil
	})
}

func (s *Service) getAPIMapping(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*APIMapping, error) {
		_, m, err := mapping(r, c)
		if err != nil {
			return nil, err
		}
		return mappingAnswer(m), nil
	})
}

func (s *Service) createAPIMapping(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, mappingMembers...)
	if err != nil {
		return nil, err
	}
	var asked APIMapping
	if err := in.into(&asked); err != nil {
		return nil, err
	}
	var p problems
	in.require(&p, "apiId", "stage")
	checkMappingKey(&p, asked.APIMappingKey)
	if err := p.err(); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*APIMapping, error) {
		n, err := domainOf(tx, c)
		if err != nil {
			return nil, err
		}
		m := &domain.Mapping{Path: asked.APIMappingKey, APIID: asked.APIID, Stage: asked.Stage}
		if err := checkMappingTarget(tx, c.Region, m); err != nil {
			return nil, err
		}
		if err := domain.CreateMapping(tx, c.Region, n.Name, m); err != nil {
			return nil, mappingError(err, m)
		}
		return mappingAnswer(m), s.checkServed(ctx, tx, domain.NameKey(c.Region, n.Name))
	})
}

func (s *Service) updateAPIMapping(ctx context.Context, c *restjson.Call) (any, error) {
	in, err := readInput(c, mappingMembers...)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*APIMapping, error) {
		n, m, err := mapping(tx, c)
		if err != nil {
			return nil, err
		}
		asked := mappingAnswer(m)
		if err := in.into(asked); err != nil {
			return nil, err
		}
		var p problems
		checkMappingKey(&p, asked.APIMappingKey)
		if err := p.err(); err != nil {
			return nil, err
		}
		path := m.Path
		m.Path, m.APIID, m.Stage = asked.APIMappingKey, asked.APIID, asked.Stage
		if err := checkMappingTarget(tx, c.Region, m); err != nil {
			return nil, err
		}
		if err := domain.ReplaceMapping(tx, c.Region, n.Name, path, m); err != nil {
			return nil, mappingError(err, m)
		}
		return mappingAnswer(m), s.checkServed(ctx, tx, domain.NameKey(c.Region, n.Name))
	})
}

// mappingError tells callers of keys that are taken.
func mappingError(err error, m *domain.Mapping) error {
	if !errors.Is(err, domain.ErrExists) {
		return err
	}
	if m.Path == "" {
		return restjson.Conflict("ApiMapping key already exists for this domain name")
	}
	return restjson.Conflict("ApiMapping key %s already exists for this domain name", m.Path)
}

func (s *Service) deleteAPIMapping(ctx context.Context, c *restjson.Call) (any, error) {
	return remove(ctx, s, func(tx store.Tx) error {
		n, m, err := mapping(tx, c)
		if err != nil {
			return err
		}
		domain.DeleteMapping(tx, c.Region, n.Name, m.Path)
		return nil
	})
}

func checkMappingKey(p *problems, key string) {
	switch {
	case strings.HasPrefix(key, "/") || strings.Contains(key, "//"):
		p.add("API mapping key should not start with a '/' or have consecutive '/'s.")
	case strings.HasSuffix(key, "/"):
		p.add("API mapping key should not end with a '/'.")
	case !domain.ValidPath(key):
		p.add("Invalid API mapping key %s: it may have letters, digits and $-_.+!*'() between single slashes, %d characters in all", shorten(key), domain.MaxPath)
	}
}

// checkMappingTarget checks that what a mapping leads to is there, whichever of the two
// services it belongs to.
func checkMappingTarget(r store.Reader, region string, m *domain.Mapping) error {
	if !isName(m.APIID) {
		return restjson.BadRequest("Invalid API identifier specified")
	}
	if !isName(m.Stage) {
		return restjson.BadRequest("Invalid stage identifier specified")
	}
	for _, folder := range []string{"/apis/", "/restapis/"} {
		switch _, err := r.Get(region + folder + m.APIID); {
		case errors.Is(err, store.ErrNotFound):
			continue
		case err != nil:
			return err
		}
		_, err := r.Get(region + folder + m.APIID + "/stages/" + m.Stage)
		if errors.Is(err, store.ErrNotFound) {
			return restjson.BadRequest("Invalid stage identifier specified")
		}
		return err
	}
	return restjson.BadRequest("Invalid API identifier specified")
}

// mappingOf gives a domain name that maps to a stage of an API, or to any if none is
// named; empty if there is none.
func mappingOf(r store.Reader, region, apiID, stage string) (string, error) {
	const folder = "/basepathmappings/"
	entries, err := r.List(region + folder)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		m, err := store.Decode[domain.Mapping](e)
		if err != nil {
			return "", err
		}
		if m.APIID == apiID && (stage == "" || m.Stage == stage) {
			name, _, _ := strings.Cut(strings.TrimPrefix(e.Key, region+folder), "/")
			return name, nil
		}
	}
	return "", nil
}

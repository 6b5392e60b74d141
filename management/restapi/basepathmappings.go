package restapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"gatehouse/management/domain"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) basePathMappingOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetBasePathMappings", Method: http.MethodGet, Path: "/domainnames/{domain_name}/basepathmappings", Status: http.StatusOK, Do: s.getBasePathMappings},
		{Name: "CreateBasePathMapping", Method: http.MethodPost, Path: "/domainnames/{domain_name}/basepathmappings", Status: http.StatusCreated, Do: s.createBasePathMapping},
		{Name: "GetBasePathMapping", Method: http.MethodGet, Path: "/domainnames/{domain_name}/basepathmappings/{base_path}", Status: http.StatusOK, Do: s.getBasePathMapping},
		{Name: "UpdateBasePathMapping", Method: http.MethodPatch, Path: "/domainnames/{domain_name}/basepathmappings/{base_path}", Status: http.StatusOK, Do: s.updateBasePathMapping},
		{Name: "DeleteBasePathMapping", Method: http.MethodDelete, Path: "/domainnames/{domain_name}/basepathmappings/{base_path}", Status: http.StatusAccepted, Do: s.deleteBasePathMapping},
	}
}

var errNoMapping = restjson.NotFound("Invalid base path mapping identifier specified")

// shownMapping is a mapping as this service tells it.
func shownMapping(m *domain.Mapping) *BasePathMapping {
	path := m.Path
	if path == "" {
		path = domain.NoPath
	}
	return &BasePathMapping{BasePath: path, RestAPIID: m.APIID, Stage: m.Stage}
}

// plainPath reads a base path as callers write it.
func plainPath(path string) string {
	if path == domain.NoPath {
		return ""
	}
	return path
}

// checkMapping checks what a mapping is to be, apart from its path.
func checkMapping(r store.Reader, c *restjson.Call, m *domain.Mapping) error {
	if m.APIID == "" {
		return restjson.BadRequest("No Rest API Id specified")
	}
	isREST := false
	if isSegment(m.APIID) {
		var err error
		if isREST, err = hasRecord(r, APIKeyOf(c.Region, m.APIID)); err != nil {
			return err
		}
	}
	if !isREST {
		return restjson.BadRequest("Invalid REST API identifier specified")
	}
	if m.Stage == "" {
		return nil
	}
	found := false
	if isSegment(m.Stage) {
		var err error
		if found, err = hasRecord(r, APIKeyOf(c.Region, m.APIID)+"/stages/"+m.Stage); err != nil {
			return err
		}
	}
	if !found {
		return restjson.BadRequest("Invalid stage identifier specified")
	}
	return nil
}

// checkBasePath refuses paths that apigateway has not. Several segments are for
// apigatewayv2.
func checkBasePath(path string) error {
	if strings.Contains(path, "/") {
		return restjson.BadRequest("API Gateway V1 doesn't support the slash character (/) in base path mappings. To create a multi-level base path mapping, use API Gateway V2.")
	}
	if !domain.ValidPath(path) {
		return restjson.BadRequest("Invalid base path specified: '%s'. It may have letters, numbers and one of $-_.+!*'()", shortened(path))
	}
	return nil
}

func (s *Service) createBasePathMapping(ctx context.Context, c *restjson.Call) (any, error) {
	var in struct {
		BasePath  string `json:"basePath"`
		RestAPIID string `json:"restApiId"`
		Stage     string `json:"stage"`
	}
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	path := plainPath(in.BasePath)
	if err := checkBasePath(path); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*BasePathMapping, error) {
		n, err := readDomain(tx, c)
		if err != nil {
			return nil, err
		}
		m := &domain.Mapping{Path: path, APIID: in.RestAPIID, Stage: in.Stage}
		if err := checkMapping(tx, c, m); err != nil {
			return nil, err
		}
		if err := mappingConflict(domain.CreateMapping(tx, c.Region, n.Name, m)); err != nil {
			return nil, err
		}
		return shownMapping(m), s.checkDomain(ctx, tx, c.Region, n.Name)
	})
}

func mappingConflict(err error) error {
	if errors.Is(err, domain.ErrExists) {
		return restjson.Conflict("Base path already exists for this domain name")
	}
	return err
}

// readMapping reads the domain name and the mapping that a call is about.
func readMapping(r store.Reader, c *restjson.Call) (*domain.Name, *domain.Mapping, error) {
	n, err := readDomain(r, c)
	if err != nil {
		return nil, nil, err
	}
	m, err := domain.GetMapping(r, c.Region, n.Name, plainPath(c.Params["base_path"]))
	if errors.Is(err, store.ErrNotFound) {
		err = errNoMapping
	}
	return n, m, err
}

func (s *Service) getBasePathMapping(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*BasePathMapping, error) {
		_, m, err := readMapping(r, c)
		if err != nil {
			return nil, err
		}
		return shownMapping(m), nil
	})
}

func (s *Service) getBasePathMappings(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[*BasePathMapping], error) {
		none := page[*BasePathMapping]{}
		n, err := readDomain(r, c)
		if err != nil {
			return none, err
		}
		mappings, err := domain.Mappings(r, c.Region, n.Name)
		if err != nil {
			return none, err
		}
		shown := make([]*BasePathMapping, 0, len(mappings))
		for _, m := range mappings {
			shown = append(shown, shownMapping(m))
		}
		return pageOf(c, shown)
	})
}

func (s *Service) updateBasePathMapping(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*BasePathMapping, error) {
		n, m, err := readMapping(tx, c)
		if err != nil {
			return nil, err
		}
		before := m.Path
		err = applyPatch(m, operations, pathsListed, []patchRule[domain.Mapping]{
			{"/basePath", opReplace, func(m *domain.Mapping, o patchOperation, _ []string) error {
				m.Path = plainPath(o.text())
				return checkBasePath(m.Path)
			}},
			{"/restapiId", opReplace, patchText(func(m *domain.Mapping) *string { return &m.APIID })},
			{"/stage", opReplace, patchText(func(m *domain.Mapping) *string { return &m.Stage })},
		})
		if err != nil {
			return nil, err
		}
		if err := checkMapping(tx, c, m); err != nil {
			return nil, err
		}
		if err := mappingConflict(domain.ReplaceMapping(tx, c.Region, n.Name, before, m)); err != nil {
			return nil, err
		}
		return shownMapping(m), s.checkDomain(ctx, tx, c.Region, n.Name)
	})
}

func (s *Service) deleteBasePathMapping(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		n, m, err := readMapping(tx, c)
		if err == nil {
			domain.DeleteMapping(tx, c.Region, n.Name, m.Path)
		}
		return err
	})
}

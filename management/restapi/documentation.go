package restapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

func (s *Service) documentationOperations() []restjson.Operation {
	const parts = "/restapis/{restapi_id}/documentation/parts"
	const versions = "/restapis/{restapi_id}/documentation/versions"
	return []restjson.Operation{
		{Name: "CreateDocumentationPart", Method: http.MethodPost, Path: parts, Status: http.StatusCreated, Do: s.createPart},
		{Name: "GetDocumentationParts", Method: http.MethodGet, Path: parts, Status: http.StatusOK, Do: s.getParts},
		{Name: "GetDocumentationPart", Method: http.MethodGet, Path: parts + "/{part_id}", Status: http.StatusOK, Do: s.getPart},
		{Name: "UpdateDocumentationPart", Method: http.MethodPatch, Path: parts + "/{part_id}", Status: http.StatusOK, Do: s.updatePart},
		{Name: "DeleteDocumentationPart", Method: http.MethodDelete, Path: parts + "/{part_id}", Status: http.StatusAccepted, Do: s.deletePart},
		{Name: "CreateDocumentationVersion", Method: http.MethodPost, Path: versions, Status: http.StatusCreated, Do: s.createVersion},
		{Name: "GetDocumentationVersions", Method: http.MethodGet, Path: versions, Status: http.StatusOK, Do: s.getVersions},
		{Name: "GetDocumentationVersion", Method: http.MethodGet, Path: versions + "/{doc_version}", Status: http.StatusOK, Do: s.getVersion},
		{Name: "UpdateDocumentationVersion", Method: http.MethodPatch, Path: versions + "/{doc_version}", Status: http.StatusOK, Do: s.updateVersion},
		{Name: "DeleteDocumentationVersion", Method: http.MethodDelete, Path: versions + "/{doc_version}", Status: http.StatusAccepted, Do: s.deleteVersion},
	}
}

const (
	versionsFolder = "documentation/versions/"
	// snapshotsFolder has the parts of each version as they were when it was made.
	snapshotsFolder = "documentation/snapshots/"
	// maxParts is Amazon's quota of an API, maxVersions bounds what is kept.
	maxParts    = 2000
	maxVersions = 1000
	maxPart     = 60 << 10
)

// The kinds of parts, and of what places some of their locations can have.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-documenting-api-content-representation.html
var (
	partTypes = []string{"API", "AUTHORIZER", "MODEL", "RESOURCE", "METHOD", "PATH_PARAMETER", "QUERY_PARAMETER", "REQUEST_HEADER", "REQUEST_BODY", "RESPONSE", "RESPONSE_HEADER", "RESPONSE_BODY"}
	named     = []string{"AUTHORIZER", "MODEL", "PATH_PARAMETER", "QUERY_PARAMETER", "REQUEST_HEADER", "RESPONSE_HEADER"}
)

// completeLocation fills in what a location means where it says nothing.
func completeLocation(l *DocumentationPartLocation) error {
	if l == nil || l.Type == "" {
		return restjson.BadRequest("Documentation part location must have a type")
	}
	if !slices.Contains(partTypes, l.Type) {
		return validationError("1 validation error detected: Value '%s' at 'createDocumentationPartInput.location.type' failed to satisfy constraint: Member must satisfy enum value set: [%s]", l.Type, strings.Join(partTypes, ", "))
	}
	if slices.Contains(named, l.Type) && l.Name == "" {
		return restjson.BadRequest("Documentation part of type %s must have a name", l.Type)
	}
	switch l.Type {
	case "API", "AUTHORIZER", "MODEL":
		if l.Path != "" || l.Method != "" || l.StatusCode != "" {
			return restjson.BadRequest("Documentation part of type %s has no path, method or statusCode", l.Type)
		}
		return nil
	}
	if l.Path == "" {
		l.Path = "/"
	}
	if l.Type != "RESOURCE" && l.Method == "" {
		l.Method = "*"
	}
	if strings.HasPrefix(l.Type, "RESPONSE") && l.StatusCode == "" {
		l.StatusCode = "*"
	}
	return nil
}

func checkPart(p *DocumentationPart) error {
	if len(p.Properties) > maxPart {
		return restjson.BadRequest("Documentation part properties exceed %d bytes", maxPart)
	}
	var properties map[string]any
	if err := json.Unmarshal([]byte(p.Properties), &properties); err != nil || properties == nil {
		return restjson.BadRequest("Documentation part properties must be non-empty")
	}
	return nil
}

func (s *Service) createPart(ctx context.Context, c *restjson.Call) (any, error) {
	var in DocumentationPart
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	if err := completeLocation(in.Location); err != nil {
		return nil, err
	}
	if err := checkPart(&in); err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*DocumentationPart, error) {
		folder, err := apiFolder(tx, c)
		if err != nil {
			return nil, err
		}
		parts, err := store.ReadDocuments[DocumentationPart](tx, folder+partsFolder)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(parts, func(p DocumentationPart) bool { return p.Location != nil && *p.Location == *in.Location }) {
			return nil, restjson.Conflict("Documentation part already exists for the specified location: type '%s', path '%s', method '%s', name '%s', statusCode '%s'",
				in.Location.Type, in.Location.Path, in.Location.Method, in.Location.Name, in.Location.StatusCode)
		}
		if len(parts) >= maxParts {
			return nil, limitExceeded("Maximum number of documentation parts for this API has been reached. Please contact AWS if you need additional documentation parts.")
		}
		p := in
		p.ID = restjson.NewID(6)
		return &p, store.WriteDocument(tx, folder+partsFolder+p.ID, p)
	})
}

// partOf reads the part that a call is about, with its key.
func partOf(r store.Reader, c *restjson.Call) (key string, p *DocumentationPart, err error) {
	folder, err := apiFolder(r, c)
	if err != nil {
		return "", nil, err
	}
	key = folder + partsFolder + c.Params["part_id"]
	p, err = readRecord[DocumentationPart](r, key, restjson.NotFound("Invalid Documentation part identifier specified"))
	return key, p, err
}

func (s *Service) getParts(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[DocumentationPart], error) {
		folder, err := apiFolder(r, c)
		if err != nil {
			return page[DocumentationPart]{}, err
		}
		parts, err := store.ReadDocuments[DocumentationPart](r, folder+partsFolder)
		if err != nil {
			return page[DocumentationPart]{}, err
		}
		kind, name, path := c.Query.Get("type"), c.Query.Get("name"), c.Query.Get("path")
		undocumented := c.Query.Get("locationStatus") == "UNDOCUMENTED"
		parts = slices.DeleteFunc(parts, func(p DocumentationPart) bool {
			l := p.Location
			// What is listed is what has been documented: there is nothing of the rest.
			return undocumented || l == nil || kind != "" && l.Type != kind || name != "" && l.Name != name || path != "" && !strings.HasPrefix(l.Path, path)
		})
		return pageOf(c, parts)
	})
}

func (s *Service) getPart(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*DocumentationPart, error) {
		_, p, err := partOf(r, c)
		return p, err
	})
}

var partPatches = []patchRule[DocumentationPart]{
	{"/properties", opReplace, patchText(func(p *DocumentationPart) *string { return &p.Properties })},
}

func (s *Service) updatePart(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*DocumentationPart, error) {
		key, p, err := partOf(tx, c)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(p, operations, pathsListed, partPatches); err != nil {
			return nil, err
		}
		if err := checkPart(p); err != nil {
			return nil, err
		}
		return p, store.WriteDocument(tx, key, p)
	})
}

func (s *Service) deletePart(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		key, _, err := partOf(tx, c)
		if err == nil {
			tx.Delete(key)
		}
		return err
	})
}

func (s *Service) createVersion(ctx context.Context, c *restjson.Call) (any, error) {
	var in struct {
		Version     string `json:"documentationVersion"`
		StageName   string `json:"stageName"`
		Description string `json:"description"`
	}
	if err := c.Decode(&in); err != nil {
		return nil, err
	}
	if in.Version == "" || strings.Contains(in.Version, "/") || len(in.Version) > 64 {
		return nil, restjson.BadRequest("Documentation version must have 1 to 64 characters, and no slash")
	}
	return update(ctx, s, func(tx store.Tx) (*DocumentationVersion, error) {
		folder, err := apiFolder(tx, c)
		if err != nil {
			return nil, err
		}
		entries, err := tx.List(folder + versionsFolder)
		if err != nil {
			return nil, err
		}
		v := &DocumentationVersion{Version: in.Version, Description: in.Description, CreatedDate: now()}
		key := folder + versionsFolder + v.Version
		for _, e := range entries {
			if e.Key == key {
				return nil, restjson.Conflict("Documentation version already exists: %s", v.Version)
			}
		}
		if len(entries) >= maxVersions {
			return nil, limitExceeded("Maximum number of documentation versions for this API has been reached.")
		}
		parts, err := store.ReadDocuments[DocumentationPart](tx, folder+partsFolder)
		if err != nil {
			return nil, err
		}
		if len(parts) == 0 {
			return nil, restjson.BadRequest("Cannot create a documentation version: the API has no documentation parts")
		}
		if err := store.WriteDocument(tx, folder+snapshotsFolder+v.Version, parts); err != nil {
			return nil, err
		}
		if in.StageName != "" {
			stageKey := folder + stagesFolder + in.StageName
			stage, err := readRecord[Stage](tx, stageKey, restjson.NotFound("Invalid stage identifier specified"))
			if err != nil {
				return nil, err
			}
			stage.DocumentationVersion, stage.LastUpdatedDate = v.Version, now()
			if err := store.WriteDocument(tx, stageKey, stage); err != nil {
				return nil, err
			}
		}
		return v, store.WriteDocument(tx, key, v)
	})
}

// versionOf reads the documentation version that a call is about, with its key.
func versionOf(r store.Reader, c *restjson.Call) (key, folder string, v *DocumentationVersion, err error) {
	folder, err = apiFolder(r, c)
	if err != nil {
		return "", "", nil, err
	}
	key = folder + versionsFolder + c.Params["doc_version"]
	v, err = readRecord[DocumentationVersion](r, key, restjson.NotFound("Invalid Documentation version specified"))
	return key, folder, v, err
}

func (s *Service) getVersions(ctx context.Context, c *restjson.Call) (any, error) {
	return listOf[DocumentationVersion](ctx, s, c, versionsFolder)
}

func (s *Service) getVersion(ctx context.Context, c *restjson.Call) (any, error) {
	return view(ctx, s, func(r store.Reader) (*DocumentationVersion, error) {
		_, _, v, err := versionOf(r, c)
		return v, err
	})
}

var versionPatches = []patchRule[DocumentationVersion]{
	{"/description", opReplace, patchText(func(v *DocumentationVersion) *string { return &v.Description })},
}

func (s *Service) updateVersion(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	return update(ctx, s, func(tx store.Tx) (*DocumentationVersion, error) {
		key, _, v, err := versionOf(tx, c)
		if err != nil {
			return nil, err
		}
		if err := applyPatch(v, operations, pathsListed, versionPatches); err != nil {
			return nil, err
		}
		return v, store.WriteDocument(tx, key, v)
	})
}

func (s *Service) deleteVersion(ctx context.Context, c *restjson.Call) (any, error) {
	return s.remove(ctx, func(tx store.Tx) error {
		key, folder, v, err := versionOf(tx, c)
		if err != nil {
			return err
		}
		stages, err := store.ReadDocuments[Stage](tx, folder+stagesFolder)
		if err != nil {
			return err
		}
		for _, stage := range stages {
			if stage.DocumentationVersion == v.Version {
				return restjson.Conflict("Cannot delete documentation version '%s', it is used by stage: %s", v.Version, stage.StageName)
			}
		}
		tx.Delete(key)
		tx.Delete(folder + snapshotsFolder + v.Version)
		return nil
	})
}

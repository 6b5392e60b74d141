package restapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// documentOperations are those that take and give OpenAPI documents.
func (s *Service) documentOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "ImportRestApi", Method: http.MethodPost, Path: "/restapis", Query: "mode=import", Status: http.StatusCreated, Do: s.importRestAPI},
		{Name: "PutRestApi", Method: http.MethodPut, Path: "/restapis/{restapi_id}", Status: http.StatusOK, Do: s.putRestAPI},
		{Name: "GetExport", Method: http.MethodGet, Path: "/restapis/{restapi_id}/stages/{stage_name}/exports/{export_type}", Status: http.StatusOK, Do: s.getExport},
		{Name: "ImportDocumentationParts", Method: http.MethodPut, Path: "/restapis/{restapi_id}/documentation/parts", Status: http.StatusOK, Do: s.importDocumentationParts},
	}
}

// importedAPI is what imports answer.
type importedAPI struct {
	RestAPI
	Warnings []string `json:"warnings,omitempty"`
}

func (s *Service) importRestAPI(ctx context.Context, c *restjson.Call) (any, error) {
	endpoint, err := endpointOf(c.Query.Get("endpointConfigurationTypes"))
	if err != nil {
		return nil, err
	}
	id := restjson.NewID(10)
	content, warnings, err := s.readDocument(c, id)
	if err != nil {
		return nil, err
	}
	if content.API.Name == "" {
		return nil, restjson.BadRequest("Errors found during import:\n\tThe document has no title, which would be the name of the API")
	}
	if content.API.EndpointConfiguration != nil {
		endpoint.VPCEndpointIDs = content.API.EndpointConfiguration.VPCEndpointIDs
	}
	existing := &Content{API: RestAPI{ID: id, CreatedDate: Time{time.Now().UTC()}, EndpointConfiguration: &endpoint}}
	content = s.documents.MergeREST(existing, content, true, restjson.NewID)
	err = s.store.Update(ctx, func(tx store.Tx) error { return WriteContent(tx, c.Region, content) })
	if err != nil {
		return nil, err
	}
	return importedAPI{shownAPI(content.API), warnings}, nil
}

// readDocument reads the document of a call, as far as its parameters ask for.
func (s *Service) readDocument(c *restjson.Call, id string) (*Content, []string, error) {
	content, warnings, err := s.documents.ImportREST(c.Body, DocumentImport{
		APIID: id, Region: c.Region, AccountID: c.AccountID, BasePath: c.Query.Get("basepath"),
		IgnoreDocumentation: slices.Contains(strings.Split(c.Query.Get("ignore"), ","), "documentation"),
	})
	if err != nil {
		return nil, nil, documentError(err)
	}
	if err := checkImported(content); err != nil {
		return nil, nil, err
	}
	return content, warnings, failOnWarnings(c, warnings)
}

// checkImported holds parameters of a document to what PutMethod takes. Files that the gateway
// serves may name them otherwise.
func checkImported(c *Content) error {
	for _, r := range c.Resources {
		for _, name := range slices.Sorted(maps.Keys(r.ResourceMethods)) {
			err := checkRequestParameters(r.ResourceMethods[name].RequestParameters)
			var told *restjson.Error
			if errors.As(err, &told) {
				return restjson.BadRequest("Errors found during import:\n\tUnable to put method '%s' on resource at path '%s': %s", name, r.Path, told.Message)
			}
		}
	}
	return nil
}

// documentError tells callers of mistakes in their documents.
func documentError(err error) error {
	var mistake *DocumentError
	if errors.As(err, &mistake) {
		return restjson.BadRequest("%s", mistake.Text)
	}
	return err
}

func failOnWarnings(c *restjson.Call, warnings []string) error {
	if c.Query.Get("failonwarnings") != "true" || len(warnings) == 0 {
		return nil
	}
	return restjson.BadRequest("Warnings found during import:\n\t%s", strings.Join(warnings, "\n\t"))
}

// endpointOf is the endpoint of a new API: Amazon's own default is EDGE.
func endpointOf(types string) (EndpointConfiguration, error) {
	out := EndpointConfiguration{Types: []string{cmp.Or(types, "EDGE")}, IPAddressType: "ipv4"}
	switch out.Types[0] {
	case "EDGE", "REGIONAL":
		return out, nil
	case "PRIVATE":
		out.IPAddressType = "dualstack"
		return out, nil
	}
	if strings.Contains(types, ",") {
		return out, restjson.BadRequest("Cannot create an api with multiple Endpoint Types.")
	}
	return out, restjson.BadRequest("Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE")
}

func (s *Service) putRestAPI(ctx context.Context, c *restjson.Call) (any, error) {
	overwrite, err := overwrites(c)
	if err != nil {
		return nil, err
	}
	id := c.Params["restapi_id"]
	imported, warnings, err := s.readDocument(c, id)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(imported)
	if err != nil {
		return nil, err
	}
	var out importedAPI
	err = s.store.Update(ctx, func(tx store.Tx) error {
		existing, err := readForDocument(tx, c)
		if err != nil {
			return err
		}
		// A transaction may be tried again: what it changes is its own.
		var fresh Content
		if err := json.Unmarshal(encoded, &fresh); err != nil {
			return err
		}
		merged := s.documents.MergeREST(existing, &fresh, overwrite, restjson.NewID)
		out = importedAPI{shownAPI(merged.API), warnings}
		return WriteContent(tx, c.Region, merged)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// overwrites reads the parameter "mode".
func overwrites(c *restjson.Call) (bool, error) {
	switch mode := c.Query.Get("mode"); mode {
	case "", "merge":
		return false, nil
	case "overwrite":
		return true, nil
	default:
		return false, restjson.BadRequest("Invalid mode specified: '%s'. Valid options are merge, overwrite", mode)
	}
}

// readForDocument reads the API that a call is about.
func readForDocument(reader store.Reader, c *restjson.Call) (*Content, error) {
	if _, err := apiFolder(reader, c); err != nil {
		return nil, err
	}
	return ReadContent(reader, c.Region, c.Params["restapi_id"])
}

func (s *Service) importDocumentationParts(ctx context.Context, c *restjson.Call) (any, error) {
	overwrite, err := overwrites(c)
	if err != nil {
		return nil, err
	}
	parts, warnings, err := s.documents.ImportDocumentation(c.Body)
	if err != nil {
		return nil, documentError(err)
	}
	if err := failOnWarnings(c, warnings); err != nil {
		return nil, err
	}
	var ids []string
	err = s.store.Update(ctx, func(tx store.Tx) error {
		content, err := readForDocument(tx, c)
		if err != nil {
			return err
		}
		content.DocumentationParts = s.documents.MergeDocumentation(content.DocumentationParts, parts, overwrite, restjson.NewID)
		ids = ids[:0]
		for _, p := range content.DocumentationParts {
			if slices.ContainsFunc(parts, func(imported DocumentationPart) bool { return *imported.Location == *p.Location }) {
				ids = append(ids, p.ID)
			}
		}
		return WriteContent(tx, c.Region, content)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		IDs      []string `json:"ids"`
		Warnings []string `json:"warnings,omitempty"`
	}{ids, warnings}, nil
}

func (s *Service) getExport(ctx context.Context, c *restjson.Call) (any, error) {
	id, name, kind := c.Params["restapi_id"], c.Params["stage_name"], c.Params["export_type"]
	if kind != "swagger" && kind != "oas30" {
		return nil, restjson.BadRequest("Invalid export type specified: '%s'. Valid options are oas30, swagger", kind)
	}
	contentType, isYAML, err := exportType(c.Request.Header.Get("Accept"))
	if err != nil {
		return nil, err
	}
	var content Content
	var deployment Deployment
	var stage Stage
	err = s.store.View(ctx, func(reader store.Reader) error {
		if _, err := apiFolder(reader, c); err != nil {
			return err
		}
		key := APIKeyOf(c.Region, id)
		for _, read := range []struct {
			key  func() string
			into any
		}{
			{func() string { return key + "/stages/" + name }, &stage},
			{func() string { return key + "/deployments/" + stage.DeploymentID }, &deployment},
			{func() string { return key + "/contents/" + stage.DeploymentID }, &content},
		} {
			data, err := reader.Get(read.key())
			if errors.Is(err, store.ErrNotFound) {
				return restjson.NotFound("Invalid stage identifier specified")
			}
			if err != nil {
				return err
			}
			if err := json.Unmarshal(data, read.into); err != nil {
				return fmt.Errorf("the document %s: %w", read.key(), err)
			}
		}
		if stage.DocumentationVersion == "" {
			return nil
		}
		// What is published for a stage is another matter than what is deployed to it.
		parts, err := readRecord[[]DocumentationPart](reader, key+"/"+snapshotsFolder+stage.DocumentationVersion,
			restjson.NotFound("Invalid Documentation version specified"))
		if err == nil {
			content.DocumentationParts = *parts
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	version := deployment.CreatedDate.UTC().Format(time.RFC3339)
	at := s.address()
	body, err := s.documents.ExportREST(&content, DocumentExport{
		Type: kind, YAML: isYAML, Extensions: c.Query.Get("extensions"), Host: at.Host(id), Stage: name, PlainHTTP: at.Plain, Version: version,
		DocumentationVersion: stage.DocumentationVersion,
	})
	if err != nil {
		return nil, documentError(err)
	}
	ending := "json"
	if isYAML {
		ending = "yaml"
	}
	return &restjson.Raw{Header: http.Header{
		"Content-Type":        {contentType},
		"Content-Disposition": {fmt.Sprintf(`attachment; filename="%s_%s.%s"`, kind, version, ending)},
	}, Body: body}, nil
}

// exportType reads which form of a document is accepted.
func exportType(accept string) (contentType string, isYAML bool, err error) {
	accept, _, _ = strings.Cut(accept, ";")
	switch strings.ToLower(strings.TrimSpace(accept)) {
	case "", "*/*", "application/*", "application/json":
		return "application/json", false, nil
	case "application/yaml", "application/x-yaml", "text/yaml":
		return "application/yaml", true, nil
	}
	return "", false, restjson.BadRequest("Unsupported content type in Accept: '%s'. Valid options are application/json, application/yaml", accept)
}

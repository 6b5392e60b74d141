package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"gatehouse/management/address"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// DocumentOperations are the operations that take and give OpenAPI documents.
type DocumentOperations struct {
	Store     store.Store
	Documents Documents
	// Address is where APIs are served; nil means the zero value of it.
	Address func() address.Gateway
	// Changed is told, in the transaction, of an API whose routes an import has replaced;
	// nil is not. Stages that deploy by themselves do so there.
	Changed func(ctx context.Context, tx store.Tx, region, apiID string) error
}

// Operations are the operations themselves.
func (d *DocumentOperations) Operations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "ImportApi", Method: http.MethodPut, Path: "/v2/apis", Status: http.StatusCreated, Do: d.importAPI},
		{Name: "ReimportApi", Method: http.MethodPut, Path: "/v2/apis/{apiId}", Status: http.StatusCreated, Do: d.reimportAPI},
		{Name: "ExportApi", Method: http.MethodGet, Path: "/v2/apis/{apiId}/exports/{specification}", Status: http.StatusOK, Do: d.exportAPI},
	}
}

// importedAPI is what imports answer.
type importedAPI struct {
	API
	ImportInfo []string `json:"importInfo,omitempty"`
	Warnings   []string `json:"warnings,omitempty"`
}

func (d *DocumentOperations) importAPI(ctx context.Context, c *restjson.Call) (any, error) {
	id := restjson.NewID(10)
	content, info, warnings, err := d.read(c, id)
	if err != nil {
		return nil, err
	}
	content.API.CreatedDate = time.Now().UTC().Truncate(time.Second)
	d.Documents.PlaceHTTP(nil, content, restjson.NewID)
	err = d.Store.Update(ctx, func(tx store.Tx) error { return WriteContent(tx, c.Region, content) })
	if err != nil {
		return nil, err
	}
	content.API.APIEndpoint = d.endpoint(id)
	return importedAPI{content.API, info, warnings}, nil
}

func (d *DocumentOperations) address() address.Gateway {
	if d.Address == nil {
		return address.Gateway{}
	}
	return d.Address()
}

// endpoint is the URL of an HTTP API.
func (d *DocumentOperations) endpoint(id string) string {
	at := d.address()
	return at.Scheme("http") + "://" + at.Host(id)
}

// read reads the document of a call.
func (d *DocumentOperations) read(c *restjson.Call, id string) (*Content, []string, []string, error) {
	var body struct {
		Body string `json:"body"`
	}
	if err := c.Decode(&body); err != nil {
		return nil, nil, nil, err
	}
	content, info, warnings, err := d.Documents.ImportHTTP([]byte(body.Body), DocumentImport{
		APIID: id, Region: c.Region, AccountID: c.AccountID, BasePath: c.Query.Get("basepath"),
	})
	var mistake *DocumentError
	if errors.As(err, &mistake) {
		return nil, nil, nil, restjson.BadRequest("%s", mistake.Text)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if content.API.Name == "" {
		return nil, nil, nil, restjson.BadRequest("Errors found during import:\n\tThe document has no title, which would be the name of the API")
	}
	if c.Query.Get("failOnWarnings") == "true" && len(warnings) > 0 {
		return nil, nil, nil, restjson.BadRequest("Warnings found during import:\n\t%s", strings.Join(warnings, "\n\t"))
	}
	return content, info, warnings, nil
}

func (d *DocumentOperations) reimportAPI(ctx context.Context, c *restjson.Call) (any, error) {
	id := c.Params["apiId"]
	imported, info, warnings, err := d.read(c, id)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(imported)
	if err != nil {
		return nil, err
	}
	var out importedAPI
	err = d.Store.Update(ctx, func(tx store.Tx) error {
		existing, err := ReadContent(tx, c.Region, id)
		if errors.Is(err, store.ErrNotFound) {
			return unknownAPI(id)
		}
		if err != nil {
			return err
		}
		if existing.API.ProtocolType != "" && existing.API.ProtocolType != imported.API.ProtocolType {
			return restjson.BadRequest("Only HTTP APIs can be imported from OpenAPI documents; %s is a %s API", id, existing.API.ProtocolType)
		}
		// A transaction may be tried again: what it changes is its own.
		var fresh Content
		if err := json.Unmarshal(encoded, &fresh); err != nil {
			return err
		}
		d.Documents.PlaceHTTP(existing, &fresh, restjson.NewID)
		// What a document says nothing of stays.
		fresh.API.CreatedDate = existing.API.CreatedDate
		fresh.API.IPAddressType, fresh.API.APIGatewayManaged = existing.API.IPAddressType, existing.API.APIGatewayManaged
		if fresh.API.Tags == nil {
			fresh.API.Tags = existing.API.Tags
		}
		if err := WriteContent(tx, c.Region, &fresh); err != nil {
			return err
		}
		out = importedAPI{fresh.API, info, warnings}
		out.APIEndpoint = d.endpoint(id)
		if d.Changed == nil {
			return nil
		}
		return d.Changed(ctx, tx, c.Region, id)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func unknownAPI(id string) error {
	return &restjson.Error{
		Type: "NotFoundException", Status: http.StatusNotFound, Message: "Invalid API identifier specified " + id,
		Members: map[string]any{"resourceType": "Api"},
	}
}

func (d *DocumentOperations) exportAPI(ctx context.Context, c *restjson.Call) (any, error) {
	id, stage := c.Params["apiId"], c.Query.Get("stageName")
	if c.Params["specification"] != "OAS30" {
		return nil, restjson.BadRequest("Invalid specification: '%s'. Only OAS30 is supported", c.Params["specification"])
	}
	if version := c.Query.Get("exportVersion"); version != "" && version != "1.0" {
		return nil, restjson.BadRequest("Invalid exportVersion: '%s'. Only 1.0 is supported", version)
	}
	contentType := "application/json"
	switch output := c.Query.Get("outputType"); output {
	case "JSON":
	case "YAML":
		contentType = "application/yaml"
	default:
		return nil, restjson.BadRequest("Invalid outputType: '%s'. Valid options are JSON, YAML", output)
	}
	var content *Content
	err := d.Store.View(ctx, func(reader store.Reader) (err error) {
		content, err = readForExport(reader, c.Region, id, stage)
		return err
	})
	if err != nil {
		return nil, err
	}
	if content.API.ProtocolType == "WEBSOCKET" {
		return nil, restjson.BadRequest("A WEBSOCKET API cannot be exported: OpenAPI does not describe such APIs")
	}
	options := DocumentExport{
		YAML: contentType == "application/yaml", Extensions: c.Query.Get("includeExtensions") != "false",
		Version: content.API.CreatedDate.UTC().Format("2006-01-02 15:04:05UTC"),
	}
	if stage != "" {
		at := d.address()
		options.Host, options.Stage, options.PlainHTTP = at.Host(id), stage, at.Plain
	}
	body, err := d.Documents.ExportHTTP(content, options)
	if err != nil {
		return nil, err
	}
	return &restjson.Raw{Header: http.Header{"Content-Type": {contentType}}, Body: body}, nil
}

// readForExport reads an API as a stage serves it, or, without a stage, as it is edited.
func readForExport(reader store.Reader, region, id, stage string) (*Content, error) {
	content, err := ReadContent(reader, region, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, unknownAPI(id)
	}
	if err != nil || stage == "" {
		return content, err
	}
	key := APIKeyOf(region, id)
	data, err := reader.Get(key + "/stages/" + stage)
	if err == nil {
		var s Stage
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, err
		}
		data, err = reader.Get(key + "/contents/" + s.DeploymentID)
		if err == nil {
			deployed := &Content{}
			return deployed, json.Unmarshal(data, deployed)
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, &restjson.Error{
			Type: "NotFoundException", Status: http.StatusNotFound, Message: "Invalid Stage identifier specified, or nothing is deployed to it",
			Members: map[string]any{"resourceType": "Stage"},
		}
	}
	return nil, err
}

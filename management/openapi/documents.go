package openapi

import (
	"errors"

	"gatehouse/definition/source"
	"gatehouse/gateway"
	"gatehouse/management/httpapi"
	"gatehouse/management/restapi"
)

// Documents reads and writes the documents of the management API's operations.
type Documents struct{}

var _ restapi.Documents = Documents{}

// ImportREST implements restapi.Documents.
func (Documents) ImportREST(document []byte, o restapi.DocumentImport) (*restapi.Content, []string, error) {
	return ImportREST(document, Import{APIID: o.APIID, Region: o.Region, AccountID: o.AccountID, BasePath: o.BasePath, IgnoreDocumentation: o.IgnoreDocumentation})
}

// MergeREST implements restapi.Documents.
func (Documents) MergeREST(existing, imported *restapi.Content, overwrite bool, newID func(int) string) *restapi.Content {
	return Merge(existing, imported, overwrite, newID)
}

// ExportREST implements restapi.Documents.
func (Documents) ExportREST(c *restapi.Content, o restapi.DocumentExport) ([]byte, error) {
	extensions, err := ParseExtensions(o.Extensions)
	if err != nil {
		return nil, &restapi.DocumentError{Text: err.Error()}
	}
	e := Export{YAML: o.YAML, Extensions: extensions, Host: o.Host, Stage: o.Stage, PlainHTTP: o.PlainHTTP, InfoVersion: o.Version, DocumentationVersion: o.DocumentationVersion}
	if o.Type == "swagger" {
		e.Version = OpenAPI20
	}
	return ExportREST(c, e)
}

// ImportDocumentation implements restapi.Documents.
func (Documents) ImportDocumentation(document []byte) ([]restapi.DocumentationPart, []string, error) {
	var diags gateway.Diagnostics
	doc, ok := source.Parse("", document, source.Environment{}, &diags)
	if !ok || !isDocument(doc.Root()) {
		return nil, nil, &restapi.DocumentError{Text: "Unable to build importer with provided input."}
	}
	read, err := readDocument(document, gateway.REST, Import{})
	if err != nil {
		return nil, nil, err
	}
	parts := documentationParts(read.root.Get(extDocumentation))
	var warnings []string
	if len(parts) == 0 {
		warnings = []string{"The document has no documentation parts"}
	}
	return parts, warnings, nil
}

// MergeDocumentation implements restapi.Documents.
func (Documents) MergeDocumentation(existing, imported []restapi.DocumentationPart, overwrite bool, newID func(int) string) []restapi.DocumentationPart {
	// What is imported is not changed: a transaction may be tried again.
	c := &restapi.Content{DocumentationParts: append([]restapi.DocumentationPart(nil), imported...)}
	Place(&restapi.Content{DocumentationParts: existing}, c, newID)
	if overwrite {
		existing = nil
	}
	return MergeDocumentation(existing, c.DocumentationParts)
}

var _ httpapi.Documents = Documents{}

// ImportHTTP implements httpapi.Documents.
func (Documents) ImportHTTP(document []byte, o httpapi.DocumentImport) (c *httpapi.Content, info, warnings []string, err error) {
	c, info, warnings, err = ImportHTTP(document, Import{APIID: o.APIID, Region: o.Region, AccountID: o.AccountID, BasePath: o.BasePath})
	var mistake *restapi.DocumentError
	if errors.As(err, &mistake) {
		err = &httpapi.DocumentError{Text: mistake.Text}
	}
	return c, info, warnings, err
}

// PlaceHTTP implements httpapi.Documents.
func (Documents) PlaceHTTP(existing, imported *httpapi.Content, newID func(int) string) {
	PlaceHTTP(existing, imported, newID)
}

// ExportHTTP implements httpapi.Documents.
func (Documents) ExportHTTP(c *httpapi.Content, o httpapi.DocumentExport) ([]byte, error) {
	e := Export{YAML: o.YAML, Host: o.Host, Stage: o.Stage, PlainHTTP: o.PlainHTTP, InfoVersion: o.Version}
	if o.Extensions {
		e.Extensions = AllExtensions
	}
	return ExportHTTP(c, e)
}

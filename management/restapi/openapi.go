package restapi

// Documents turns APIs into OpenAPI documents, and documents into APIs. Package openapi
// has it, which knows the documents of this one.
type Documents interface {
	// ImportREST reads an API. Its parts have no ids yet, which MergeREST gives them. The
	// warnings are about what in the document is not in the API.
	ImportREST(document []byte, options DocumentImport) (*Content, []string, error)
	// MergeREST lays imported content over existing content, or puts it in its place.
	MergeREST(existing, imported *Content, overwrite bool, newID func(length int) string) *Content
	ExportREST(c *Content, options DocumentExport) ([]byte, error)
	// ImportDocumentation reads the documentation parts only.
	ImportDocumentation(document []byte) ([]DocumentationPart, []string, error)
	// MergeDocumentation lays parts over others, or puts them in their place, and gives
	// those without ids new ones.
	MergeDocumentation(existing, imported []DocumentationPart, overwrite bool, newID func(length int) string) []DocumentationPart
}

// DocumentImport says how a document is read.
type DocumentImport struct {
	APIID, Region, AccountID string
	// BasePath is ignore (or empty), prepend or split.
	BasePath            string
	IgnoreDocumentation bool
}

// DocumentExport says what is written of an API.
type DocumentExport struct {
	// Type is swagger or oas30.
	Type string
	YAML bool
	// Extensions are names with commas between them.
	Extensions string
	// Host and Stage are where it is served.
	Host, Stage string
	// PlainHTTP: not by TLS.
	PlainHTTP bool
	// Version is that of an API which has none of its own.
	Version string
	// DocumentationVersion is that of the content's documentation parts, if they are of
	// one.
	DocumentationVersion string
}

// A DocumentError is the caller's mistake in a document, or in what is to be done with
// one; its text is for the caller.
type DocumentError struct{ Text string }

func (e *DocumentError) Error() string { return e.Text }

package httpapi

// Documents turns APIs into OpenAPI documents, and documents into APIs. Package openapi
// has it, which knows the documents of this one.
type Documents interface {
	// ImportHTTP reads an API. Its parts have no ids yet, which PlaceHTTP gives them. What
	// has no effect is told as info, what may be a mistake as warnings.
	ImportHTTP(document []byte, options DocumentImport) (c *Content, info, warnings []string, err error)
	// PlaceHTTP gives the parts of imported content ids: those of what the existing
	// content, which may be nil, has in their place.
	PlaceHTTP(existing, imported *Content, newID func(length int) string)
	ExportHTTP(c *Content, options DocumentExport) ([]byte, error)
}

// DocumentImport says how a document is read.
type DocumentImport struct {
	APIID, Region, AccountID string
	// BasePath is ignore (or empty), prepend or split.
	BasePath string
}

// DocumentExport says what is written of an API.
type DocumentExport struct {
	YAML, Extensions bool
	// Host and Stage are where it is served.
	Host, Stage string
	// PlainHTTP: not by TLS.
	PlainHTTP bool
	// Version is that of an API which has none of its own.
	Version string
}

// A DocumentError is the caller's mistake in a document, or in what is to be done with
// one; its text is for the caller.
type DocumentError struct{ Text string }

func (e *DocumentError) Error() string { return e.Text }

// Package openapi reads OpenAPI 2.0, 3.0 and 3.1 documents with Amazon's
// x-amazon-apigateway-* extensions into the model, as an import by API Gateway
// does: an export from AWS runs unchanged, and a document without extensions is
// served by a backend named beside it.
//
// What would change behaviour or security when neglected is an error; what only
// has no effect is a warning; documentation (summaries, tags, examples, other
// vendors' extensions) is passed over.
//
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
package openapi

import (
	"cmp"
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// Options are what an import needs to know besides the document.
type Options struct {
	// Protocol is gateway.REST or gateway.HTTP.
	Protocol gateway.Protocol
	// Backend serves the operations that have no integration of their own: a URL
	// to proxy to, or the bare name of a gateway.Backend. Empty leaves them without.
	Backend string
	// Tools has the operations described for agents, too.
	Tools bool
	// Open gives the document of a $ref to another file. The path is as written,
	// but relative to the first document also when a referred-to file refers on.
	// The error says why the file cannot be read; one that was read but has no
	// document in it, which is reported at its place, is ErrNoDocument. Nil forbids
	// such references.
	Open func(ref string) (*source.Document, error)
	// AllBodies keeps the models of request bodies of every content type. An import by
	// AWS, which is what is done without it, keeps only that of JSON.
	AllBodies bool
	// Region, AccountID and Partition replace ${AWS::Region}, ${AWS::AccountId}
	// and ${AWS::Partition}; empty means us-east-1, 000000000000 and aws.
	// See https://docs.aws.amazon.com/apigateway/latest/developerguide/import-api-aws-variables.html
	Region    string
	AccountID string
	Partition string
}

// ErrNoDocument is for files whose content is no document; diagnostics tell why.
var ErrNoDocument = errors.New("it has errors of its own")

// Parse reads an OpenAPI document. Problems go to the document's diagnostics; the
// result is nil only when the document isn't OpenAPI at all, so that its other
// problems can be reported together with those found by later checks.
func Parse(doc *source.Document, opts Options) *gateway.Deployment {
	root := doc.Root()
	if !root.IsObject() {
		root.Errorf("not-openapi", "", "this is not an OpenAPI document: it must be an object with the key openapi or swagger")
		return nil
	}
	p := newParser(doc, opts)
	o := root.Object()
	if !p.readDialect(o) {
		return nil
	}
	p.out.Source = root.Pos()
	p.document(o)
	return p.out
}

// dialect is the version of the OpenAPI specification a document is written in.
type dialect int

const (
	openAPI20 dialect = iota
	openAPI30
	openAPI31
)

// parser holds the state of one import.
type parser struct {
	doc      *source.Document
	opts     Options
	protocol gateway.Protocol
	dialect  dialect
	out      *gateway.Deployment

	variables *strings.Replacer
	refs      references
	patterns  map[string]error
	// hintEffort is what may still be spent on finding out what typos meant.
	hintEffort int

	models modelSet
	tools  toolSet
	// schemaDialect is the draft of OpenAPI 3.1's schemas.
	schemaDialect string
	schemes       map[string]scheme
	schemeNames   []string
	rootSecurity  requirement
	// rootValidator is the name in the root's x-amazon-apigateway-request-validator.
	rootValidator string
	validators    []string
	// referredIntegrations are the shared integrations that some operation uses.
	referredIntegrations map[*yaml.Node]bool
}

func newParser(doc *source.Document, opts Options) *parser {
	return &parser{
		doc:      doc,
		opts:     opts,
		protocol: opts.Protocol,
		out:      &gateway.Deployment{Protocol: opts.Protocol},
		variables: strings.NewReplacer(
			"${AWS::Region}", cmp.Or(opts.Region, gateway.DefaultRegion),
			"${AWS::AccountId}", cmp.Or(opts.AccountID, gateway.DefaultAccountID),
			"${AWS::Partition}", cmp.Or(opts.Partition, "aws"),
		),
		refs:                 newReferences(doc, opts.Open),
		hintEffort:           hintEffort,
		patterns:             map[string]error{},
		models:               newModelSet(),
		tools:                newToolSet(),
		schemes:              map[string]scheme{},
		referredIntegrations: map[*yaml.Node]bool{},
	}
}

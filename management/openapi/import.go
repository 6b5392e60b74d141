package openapi

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/definition/openapi"
	"gatehouse/definition/source"
	"gatehouse/gateway"
	"gatehouse/management/restapi"
)

// Import says how a document is read.
type Import struct {
	// APIID is the id that the API has or will have.
	APIID string
	// Region and AccountID replace ${AWS::Region} and ${AWS::AccountId}.
	Region, AccountID string
	// BasePath is what becomes of the document's own base path: "ignore" (or empty),
	// "prepend" or "split".
	BasePath string
	// IgnoreDocumentation leaves the documentation parts out.
	IgnoreDocumentation bool
	// NewID gives an id of that many characters that nothing has yet.
	NewID func(length int) string
}

// notOpenAPI is what Amazon's service says of anything that is no document.
var notOpenAPI = &restapi.DocumentError{Text: "Invalid OpenAPI input."}

// imported is a document that was read, in both forms: what is served of it, and the
// document itself, which says more than is served.
type imported struct {
	deployment *gateway.Deployment
	root       *source.Object
	// warnings are told of what may be a mistake, and in HTTP APIs info of what merely
	// has no effect.
	warnings, info []string
}

// readDocument reads a document as the loader of files does, so that what is imported is
// what would be served of it.
func readDocument(data []byte, protocol gateway.Protocol, opts Import) (*imported, error) {
	switch opts.BasePath {
	case "", "ignore", "prepend", "split":
	default:
		return nil, &restapi.DocumentError{Text: fmt.Sprintf("Invalid basepath parameter: %q. Valid options are ignore, prepend, split", opts.BasePath)}
	}
	var diags gateway.Diagnostics
	doc, ok := source.Parse("", data, source.Environment{}, &diags)
	if !ok || !isDocument(doc.Root()) {
		return nil, notOpenAPI
	}
	d := openapi.Parse(doc, openapi.Options{Protocol: protocol, Region: opts.Region, AccountID: opts.AccountID})
	if d == nil {
		return nil, notOpenAPI
	}
	diags.Sort()
	result := &imported{deployment: d, root: doc.Root().Object()}
	var problems []string
	for _, at := range diags {
		switch {
		case at.Severity == gateway.Error:
			problems = append(problems, told(at))
		case protocol == gateway.HTTP && ignorable[at.Code]:
			result.info = append(result.info, told(at))
		case !keptAnyway(at):
			result.warnings = append(result.warnings, told(at))
		}
	}
	if len(problems) > 0 {
		return nil, &restapi.DocumentError{Text: "Errors found during import:\n\t" + strings.Join(problems, "\n\t")}
	}
	return result, rebase(d, opts.BasePath)
}

// ignorable are the codes of what is good OpenAPI, but nothing that an HTTP API has.
var ignorable = map[string]bool{"no-effect": true, "wrong-protocol": true, "unknown-key": true}

func isDocument(root source.Value) bool {
	if !root.IsObject() {
		return false
	}
	o := root.Object()
	return o.Has("openapi") || o.Has("swagger")
}

// told writes a diagnostic for somebody who has sent a document: it has no file name.
// What Amazon's service says itself is said as it does.
func told(d gateway.Diagnostic) string {
	if d.Code == "non-string-mapping" {
		return d.Message
	}
	text := d.Message
	if d.Pos.Line > 0 {
		text = fmt.Sprintf("line %d, column %d: %s", d.Pos.Line, d.Pos.Column, text)
	}
	if d.Hint != "" {
		text += " (" + d.Hint + ")"
	}
	return text
}

// keptAnyway tells warnings about what has no effect on requests, but is kept and given
// back by the management API, and what nothing but files needs to be told.
func keptAnyway(d gateway.Diagnostic) bool {
	if d.Code != "no-effect" {
		return false
	}
	return slices.ContainsFunc([]string{extDocumentation, extSecurityPolicy, extAccessMode, "vpcEndpointIds", "ipAddressType"}, func(kept string) bool {
		return strings.Contains(d.Path, kept)
	})
}

// rebase puts routes under the document's own base path.
func rebase(d *gateway.Deployment, mode string) error {
	base := d.ServerPath
	if mode == "split" {
		// The first segment stands for a stage.
		_, rest, more := strings.Cut(strings.TrimPrefix(base, "/"), "/")
		if base = ""; more {
			base = "/" + rest
		}
	}
	if base == "" || mode == "" || mode == "ignore" {
		return nil
	}
	for i := range d.Routes {
		r := &d.Routes[i]
		if r.Path == gateway.DefaultRoute {
			continue
		}
		path := base + strings.TrimSuffix(r.Path, "/")
		template, err := gateway.ParsePath(path)
		if err != nil {
			return &restapi.DocumentError{Text: fmt.Sprintf("the path %s, put under the base path, cannot be routed: %v", r.Path, err)}
		}
		if d.Protocol == gateway.REST {
			declareVariables(r, template)
		}
		r.Path = path
	}
	return nil
}

// declareVariables declares the variables that a base path has brought.
func declareVariables(r *gateway.Route, template gateway.PathTemplate) {
	for _, name := range template.Variables() {
		declared := slices.ContainsFunc(r.Parameters, func(p gateway.Parameter) bool { return p.In == "path" && p.Name == name })
		if !declared {
			r.Parameters = append(r.Parameters, gateway.Parameter{In: "path", Name: name, Required: true, Source: r.Source})
		}
	}
}

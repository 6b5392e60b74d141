package openapi

import (
	"regexp"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// defaultRoutePath is how a document writes the $default route of an HTTP API.
const defaultRoutePath = "/$default"

// isDefaultRoutePath knows both ways: exports and Amazon's documentation have a slash, and
// what AWS SAM has imported for its HttpApi has none.
// See https://github.com/aws/serverless-application-model (samtranslator/open_api/open_api.py)
func isDefaultRoutePath(path string) bool {
	return path == defaultRoutePath || path == gateway.DefaultRoute
}

// methodKeys are the keys of a path item that are operations, with their methods.
// TRACE is one of OpenAPI's, but not of API Gateway's.
var methodKeys = map[string]string{
	"delete": "DELETE", "get": "GET", "head": "HEAD", "options": "OPTIONS", "patch": "PATCH", "post": "POST", "put": "PUT",
	extAnyMethod: gateway.AnyMethod,
}

// pathItem is what the operations of one path share.
type pathItem struct {
	// path is the route's: the template, or gateway.DefaultRoute.
	path       string
	template   gateway.PathTemplate
	key        source.Value
	parameters []parameter
}

func (p *parser) paths(root *source.Object) {
	v := root.Get("paths")
	if v.IsNull() {
		// OpenAPI 3.1 lets documents be only components or webhooks.
		if p.dialect == openAPI31 {
			root.Warnf("missing-key", "", "the document has no paths")
		} else {
			root.Errorf("missing-key", "", "the document needs the key \"paths\"")
		}
		return
	}
	for _, e := range v.Object().Entries() {
		if strings.HasPrefix(e.Key, "x-") {
			p.strayExtension(e, atPaths)
			continue
		}
		p.path(e)
	}
}

func (p *parser) path(e source.Entry) {
	item := &pathItem{path: e.Key, key: e.KeyValue}
	if isDefaultRoutePath(e.Key) && p.protocol == gateway.HTTP {
		item.path = gateway.DefaultRoute
	} else {
		var ok bool
		if item.template, ok = p.pathTemplate(e); !ok {
			return
		}
	}
	v, ok := p.follow(e.Value, atPathItem)
	if !ok {
		return
	}
	o := v.Object()
	item.parameters = p.parameters(item, o.Get("parameters"))
	for _, op := range o.Entries() {
		switch method := methodKeys[op.Key]; {
		case method != "":
			p.operation(item, method, op)
		case op.Key == "trace" && p.dialect != openAPI20:
			op.KeyValue.Errorf("unsupported-method", "", "API Gateway has no TRACE methods")
		case op.Key == "servers" && p.dialect != openAPI20:
			op.Warnf("no-effect", "", "servers of a path have no effect: integrations say where requests go")
		case strings.HasPrefix(op.Key, "x-"):
			p.strayExtension(op, atPathItem)
		default:
			p.pathItemKey(op)
		}
	}
}

// pathItemKey passes over OpenAPI's keys and reports others: a mistyped method
// would be a route missing.
func (p *parser) pathItemKey(e source.Entry) {
	known := atPathItem.keys(p.dialect)
	for _, key := range known {
		if key == e.Key {
			return
		}
	}
	hint := p.didYouMean(e.Key, known)
	if methodKeys[strings.ToLower(e.Key)] != "" {
		hint = "methods are written in lower case"
	}
	e.KeyValue.Warnf("unknown-key", hint, "unknown key %q in a path item has no effect", e.Key)
}

var (
	// restSegment is what AWS allows in a path part of a REST API.
	// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
	restSegment = regexp.MustCompile(`^[A-Za-z0-9_.,:-]*$`)
	// urlSegment is what can arrive in a URL's path at all (RFC 3986 pchar).
	urlSegment   = regexp.MustCompile(`^([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*$`)
	variableName = regexp.MustCompile(`^[A-Za-z0-9._$:-]+$`)
)

// pathTemplate reads the key of a path item.
func (p *parser) pathTemplate(e source.Entry) (gateway.PathTemplate, bool) {
	template, err := gateway.ParsePath(e.Key)
	if err != nil {
		e.KeyValue.Errorf("invalid-path", "", "the path %q cannot be routed: %v", e.Key, err)
		return nil, false
	}
	for _, segment := range template {
		switch {
		case segment.Variable != "" && !variableName.MatchString(segment.Variable):
			e.KeyValue.Errorf("invalid-path", "use letters, digits and . _ $ -", "the path %q has a variable named %q", e.Key, segment.Variable)
			return nil, false
		case !urlSegment.MatchString(segment.Literal):
			e.KeyValue.Errorf("invalid-path", "write other characters percent-encoded", "the path %q has characters that no URL's path has", e.Key)
			return nil, false
		case p.protocol == gateway.REST && !restSegment.MatchString(segment.Literal):
			e.KeyValue.Warnf("path-characters", "", "AWS allows only letters, digits and _ - . , : in a path, %q would be refused there", e.Key)
		}
	}
	return template, true
}

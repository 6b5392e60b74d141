package openapi

import (
	"net/url"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// readDialect reads the key that makes a document an OpenAPI document; the result
// is false when it has none.
func (p *parser) readDialect(root *source.Object) bool {
	swagger, openapi := root.Get("swagger"), root.Get("openapi")
	version := openapi
	if !openapi.Exists() {
		version = swagger
	}
	text := version.Raw()
	switch {
	case version.IsNull():
		root.Errorf("not-openapi", `write openapi: "3.0.3" (or "3.1.0", or swagger: "2.0")`, "this is not an OpenAPI document: it has neither the key openapi nor swagger")
		return false
	case text == "2.0" && version == swagger:
		p.dialect = openAPI20
		if p.protocol == gateway.HTTP {
			version.Errorf("unsupported-version", "convert it to OpenAPI 3.0, or serve it as a REST API", "an HTTP API cannot be imported from OpenAPI 2.0")
		}
	case text == "3.0" || strings.HasPrefix(text, "3.0."):
		p.dialect = openAPI30
	case text == "3.1" || strings.HasPrefix(text, "3.1."):
		p.dialect = openAPI31
	default:
		version.Errorf("unsupported-version", "use 2.0, 3.0 or 3.1", "the OpenAPI version %q is not supported", text)
		p.dialect = openAPI31
		if version == swagger {
			p.dialect = openAPI20
		}
	}
	if p.protocol != gateway.REST && p.protocol != gateway.HTTP {
		version.Errorf("wrong-protocol", "", "an OpenAPI document defines a REST or an HTTP API, not a %s API", p.protocol)
	}
	return true
}

// document reads everything below the root. What routes refer to comes first, so
// that a wrong name can be told at the route.
func (p *parser) document(root *source.Object) {
	p.info(root.Get("info"))
	p.location(root)
	p.settings(root)
	p.cors(root)
	p.gatewayResponses(root)
	p.documentation(root)
	p.requestValidators(root)

	p.readSchemaDialect(root)
	shared := p.components(root)
	p.schemas(shared.schemas)
	p.securitySchemes(shared.securitySchemes)
	p.toolCredentials()
	p.rootSecurity = p.security(root.Get("security"))
	p.tags(root.Get("tags"))
	p.paths(root)
	p.unusedIntegrations(shared.integrations)
	p.referredModels()
	p.checkModels()

	if p.dialect == openAPI31 && root.Has("webhooks") {
		root.Get("webhooks").Warnf("no-effect", "", "webhooks are calls that the API makes, not serves; they have no effect")
	}
	p.finish(root, atRoot)
}

func (p *parser) info(v source.Value) {
	o := v.Object()
	p.out.Title = p.text(o.Get("title"))
	p.out.Version = p.text(o.Get("version"))
	p.out.Description = p.text(o.Get("description"))
	p.finish(o, atInfo)
}

// location reads where the API says it is served: only the path part is of use.
func (p *parser) location(root *source.Object) {
	if v, ok := p.extension(root, extEndpoint); ok {
		p.endpointConfiguration(v)
	}
	if p.dialect == openAPI20 {
		p.out.ServerPath = cleanServerPath(p.text(root.Get("basePath")))
		return
	}
	for i, v := range root.Get("servers").List() {
		o := v.Object()
		path := p.serverPath(o)
		if i == 0 {
			p.out.ServerPath = path
		}
		// API Gateway knows one endpoint, so the setting of any server counts.
		if e, ok := p.extension(o, extEndpoint); ok {
			p.endpointConfiguration(e)
		}
		p.finish(o, atServer)
	}
}

// serverPath is the path part of a server's URL with the variables' defaults
// filled in. An export's URL ends in /{basePath}, whose default is the stage.
func (p *parser) serverPath(o *source.Object) string {
	address := p.text(o.Get("url"))
	for _, e := range o.Get("variables").Object().Entries() {
		value := p.text(e.Object().Get("default"))
		if e.Key == "basePath" {
			value = strings.TrimPrefix(value, "/")
		}
		address = strings.ReplaceAll(address, "{"+e.Key+"}", value)
	}
	if _, rest, ok := strings.Cut(address, "://"); ok {
		_, path, _ := strings.Cut(rest, "/")
		return cleanServerPath(path)
	}
	return cleanServerPath(address)
}

// cleanServerPath gives "/a/b", or "" for the root.
func cleanServerPath(path string) string {
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	if path = strings.Trim(path, "/"); path == "" {
		return ""
	}
	return "/" + path
}

// sharedParts are the values of components (3.x) or their forerunners (2.0) that
// are read even if nothing refers to them.
type sharedParts struct {
	schemas, securitySchemes, integrations source.Value
}

func (p *parser) components(root *source.Object) sharedParts {
	if p.dialect == openAPI20 {
		// The shared parameters and responses are read where they are referred to.
		return sharedParts{schemas: root.Get("definitions"), securitySchemes: root.Get("securityDefinitions")}
	}
	o := root.Get("components").Object()
	shared := sharedParts{schemas: o.Get("schemas"), securitySchemes: o.Get("securitySchemes")}
	if v, ok := p.extension(o, extIntegrations); ok {
		shared.integrations = v
	}
	p.finish(o, atComponents)
	return shared
}

// tags reads the API's own tags, which HTTP APIs keep in OpenAPI's tag objects.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-tag-value.html
func (p *parser) tags(v source.Value) {
	for _, item := range v.List() {
		o := item.Object()
		if value, ok := p.extension(o, extTagValue); ok {
			if p.out.Tags == nil {
				p.out.Tags = map[string]string{}
			}
			p.out.Tags[p.requireText(o, "name")] = p.text(value)
		}
		p.finish(o, atTag)
	}
}

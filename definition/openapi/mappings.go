package openapi

import (
	"regexp"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// integrationResponses reads the responses of a REST integration: the keys are
// the selection patterns, "default" is the response without one.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration-responses.html
func (p *parser) integrationResponses(r *gateway.Route, v source.Value) []gateway.IntegrationResponse {
	var out []gateway.IntegrationResponse
	for _, e := range v.Object().Entries() {
		pattern := e.Key
		if pattern == "default" {
			pattern = ""
		}
		p.checkPattern(e.KeyValue, pattern)
		o := e.Object()
		templates, sources := p.templates(o.Get("responseTemplates"))
		out = append(out, gateway.IntegrationResponse{
			SelectionPattern:   pattern,
			StatusCode:         p.statusCode(o.Require("statusCode"), 100, 599),
			ResponseParameters: p.mappings(r, o.Get("responseParameters"), "responseParameters"),
			ResponseTemplates:  templates,
			ContentHandling:    contentHandling(o),
			Source:             e.KeyValue.Pos(),

			ResponseTemplateSources: sources,
		})
		o.Done()
	}
	return out
}

// mappings reads parameter mappings in the order of the document.
func (p *parser) mappings(r *gateway.Route, v source.Value, property string) []gateway.ParameterMapping {
	var out []gateway.ParameterMapping
	for _, e := range v.Object().Entries() {
		isText := e.IsString() || e.IsScalar() && p.protocol == gateway.HTTP
		if !isText && !e.IsObject() && !e.IsList() {
			// The text is AWS's own warning, as recorded of a REST import.
			e.Warnf("non-string-mapping", "write it in quotes; the mapping is left out",
				"Invalid format for '%s'. Expected type string for property '%s' of resource '%s' and method '%s' but got '%s'",
				property, e.Key, r.Path, r.Method, e.Raw())
			continue
		}
		out = append(out, gateway.ParameterMapping{Target: e.Key, Source: p.text(e.Value), Pos: e.Pos()})
	}
	return out
}

// integrationStatus is what response mappings of an HTTP API can be keyed by.
var integrationStatus = regexp.MustCompile(`^[2-5][0-9][0-9]$`)

// statusMappings reads an HTTP API's response mappings.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html
func (p *parser) statusMappings(r *gateway.Route, v source.Value) []gateway.StatusMappings {
	var out []gateway.StatusMappings
	for _, e := range v.Object().Entries() {
		if !integrationStatus.MatchString(e.Key) {
			e.KeyValue.Errorf("invalid-status", "", "%q is not a status code from 200 to 599", e.Key)
			continue
		}
		out = append(out, gateway.StatusMappings{
			StatusCode: e.Key,
			Mappings:   p.mappings(r, e.Value, "responseParameters"),
			Pos:        e.KeyValue.Pos(),
		})
	}
	return out
}

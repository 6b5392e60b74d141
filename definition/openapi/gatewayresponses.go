package openapi

import (
	"slices"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

var responseTypes = func() []string {
	types := []string{string(gateway.Default4XX), string(gateway.Default5XX)}
	for t := range gateway.ResponseDefaults {
		types = append(types, string(t))
	}
	slices.Sort(types)
	return types
}()

// gatewayResponses reads the customised replies of the gateway itself.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-gateway-responses.html
func (p *parser) gatewayResponses(root *source.Object) {
	v, ok := p.extension(root, extGatewayResponses)
	if !ok {
		return
	}
	for _, e := range v.Object().Entries() {
		if !slices.Contains(responseTypes, e.Key) {
			e.KeyValue.Errorf("unknown-response-type", p.didYouMean(e.Key, responseTypes), "%q is not a gateway response type", e.Key)
			continue
		}
		o := e.Object()
		p.out.GatewayResponses = append(p.out.GatewayResponses, gateway.GatewayResponse{
			Type:       gateway.ResponseType(e.Key),
			StatusCode: p.statusCode(o.Get("statusCode"), 100, 599),
			Parameters: p.gatewayResponseParameters(o.Get("responseParameters")),
			Templates:  p.textMap(o.Get("responseTemplates")),
			Source:     e.KeyValue.Pos(),
		})
		o.Done()
	}
}

// gatewayResponseParameters reads the headers to set. AWS's documentation lists
// path and querystring as targets too, but a response has neither.
func (p *parser) gatewayResponseParameters(v source.Value) []gateway.ParameterMapping {
	var out []gateway.ParameterMapping
	for _, e := range v.Object().Entries() {
		name, ok := strings.CutPrefix(e.Key, "gatewayresponse.header.")
		switch {
		case ok && name != "":
			out = append(out, gateway.ParameterMapping{Target: e.Key, Source: p.text(e.Value), Pos: e.Pos()})
		case strings.HasPrefix(e.Key, "gatewayresponse.path.") || strings.HasPrefix(e.Key, "gatewayresponse.querystring."):
			e.KeyValue.Warnf("no-effect", "", "%s has no effect: a response has only headers", e.Key)
		default:
			e.KeyValue.Errorf("invalid-mapping", "write gatewayresponse.header.NAME", "%q is not a parameter of a gateway response", e.Key)
		}
	}
	return out
}

package openapi

import (
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// requestValidators reads the validators and the name of the one that all
// operations use unless they name another.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-request-validators.html
func (p *parser) requestValidators(root *source.Object) {
	if v, ok := p.extension(root, extRequestValidators); ok {
		for _, e := range v.Object().Entries() {
			o := e.Object()
			p.out.RequestValidators = append(p.out.RequestValidators, gateway.RequestValidator{
				Name:               e.Key,
				ValidateBody:       o.Get("validateRequestBody").Bool(false),
				ValidateParameters: o.Get("validateRequestParameters").Bool(false),
				Source:             e.KeyValue.Pos(),
			})
			o.Done()
			p.validators = append(p.validators, e.Key)
		}
	}
	if v, ok := p.extension(root, extRequestValidator); ok {
		p.rootValidator = p.validatorName(v)
	}
}

// validatorName reads the name of a validator, which must be defined.
func (p *parser) validatorName(v source.Value) string {
	name := p.text(v)
	if name == "" || p.out.RequestValidator(name) != nil {
		return name
	}
	v.Errorf("unknown-validator", p.didYouMean(name, p.validators), "the request validator %q is not in %s", name, extRequestValidators)
	return ""
}

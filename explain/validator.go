package explain

import (
	"fmt"
	"strings"

	"gatehouse/gateway"
	"gatehouse/gateway/schema"
	"gatehouse/translator"
)

// parametersThere is about the parameters that the method's validator checks: Envoy has a
// route of its own for requests that lack one.
func (ex *offline) parametersThere() bool {
	required := ex.deployment.RequiredParameters(ex.of)
	if len(required) == 0 {
		return true
	}
	v := ex.deployment.RequestValidator(ex.of.RequestValidator)
	if missing := translator.MissingParameters(required, ex.asked.header, ex.asked.target()); len(missing) > 0 {
		names := strings.Join(missing, ", ")
		ex.refuse("parameters", v.Source, gateway.BadRequestParameters, "Missing required request parameters: ["+names+"]",
			"the method's validator asks for parameters that are missing, or blank: "+names)
		return false
	}
	ex.add("parameters", Passed, v.Source, "all parameters that the validator "+v.Name+" asks for are there")
	return true
}

// bodyFits holds the body to the model of its type.
func (ex *offline) bodyFits() bool {
	models := ex.deployment.BodyModels(ex.of)
	if models == nil {
		return true
	}
	at := ex.of.Source
	if v := ex.deployment.RequestValidator(ex.of.RequestValidator); v != nil {
		at = v.Source
	}
	lower := map[string]string{}
	for contentType, model := range models {
		lower[strings.ToLower(contentType)] = model
	}
	types := ex.asked.header.Values("Content-Type")
	name := gateway.ModelFor(lower, types)
	if name == "" {
		ex.add("body", Passed, at, fmt.Sprintf("there is no model for bodies of the type %s", strings.Join(types, ", ")))
		return true
	}
	if compressed := ex.deployment.MinimumCompressionSize != nil && strings.EqualFold(ex.asked.header.Get("Content-Encoding"), "gzip"); ex.body == nil || compressed {
		ex.add("body", Open, at, fmt.Sprintf("the body must be as the model %s says; else 400", name))
		return true
	}
	compiled, problems := schema.NewSet(ex.deployment.Models).Compile(name)
	if compiled == nil {
		ex.add("body", Open, at, fmt.Sprintf("the model %s cannot be read: %v", name, problems))
		return true
	}
	if failure := compiled.Check(ex.body); failure != nil {
		ex.refuse("body", at, gateway.BadRequestBody, "", fmt.Sprintf("the body is not as the model %s says: %s", name, failure.Detail))
		return false
	}
	ex.add("body", Passed, at, "the body is as the model "+name+" says")
	return true
}

package explain

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/gateway/schema"
)

// parametersThere is about the parameters that the method's validator checks: Envoy has a
// route of its own for requests that lack one.
func (ex *offline) parametersThere() bool {
	v := ex.deployment.RequestValidator(ex.of.RequestValidator)
	if ex.api.Protocol != gateway.REST || v == nil || !v.ValidateParameters {
		return true
	}
	var missing []string
	for _, p := range ex.of.Parameters {
		if !p.Required || p.In == "path" {
			continue
		}
		values := ex.asked.header.Values(p.Name)
		if p.In == "querystring" {
			values = ex.queryValues(p.Name)
		}
		if !slices.ContainsFunc(values, func(s string) bool { return strings.TrimSpace(s) != "" }) {
			missing = append(missing, p.Name)
		}
	}
	refusing := ex.route.GetDirectResponse() != nil && ex.of.Integration != nil && ex.of.Integration.Type != gateway.IntegrationMock
	if len(missing) > 0 || refusing && ex.route.GetDirectResponse().GetStatus() == 400 {
		slices.Sort(missing)
		ex.refuse("parameters", v.Source, gateway.BadRequestParameters, fmt.Sprintf("Missing required request parameters: [%s]", strings.Join(missing, ", ")),
			"the method's validator asks for parameters that are missing: "+strings.Join(missing, ", "))
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
	contentType, _, _ := strings.Cut(ex.asked.header.Get("Content-Type"), ";")
	if contentType = strings.ToLower(strings.TrimSpace(contentType)); contentType == "" {
		contentType = "application/json"
	}
	name := models[contentType]
	if name == "" {
		ex.add("body", Passed, at, "there is no model for bodies of the type "+contentType)
		return true
	}
	if ex.body == nil {
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

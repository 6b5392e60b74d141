package explain

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
)

// functionAuthorizer is a Lambda authorizer. What it answers is not known, only whether it
// is asked.
func (ex *offline) functionAuthorizer(a *gateway.Authorizer) bool {
	unauthorized := func(text string) bool {
		ex.refuse("authorizer", a.Source, gateway.Unauthorized, "", fmt.Sprintf("the authorizer %s is not asked, as %s", a.Name, text))
		return false
	}
	// A REST API without a cache lets the function see what is missing.
	asksAnyway := a.Type == "REQUEST" && ex.api.Protocol == gateway.REST && a.ResultTTLSeconds != nil && *a.ResultTTLSeconds == 0
	var missing, values []string
	for _, source := range a.IdentitySources {
		// What is of the context only a request has.
		if values = ex.valuesOf(source); values != nil && !slices.ContainsFunc(values, func(value string) bool { return value != "" }) {
			missing = append(missing, source)
		}
	}
	switch {
	case len(missing) > 0 && !asksAnyway:
		return unauthorized("the request lacks " + strings.Join(missing, ", "))
	case a.Type != "TOKEN" || len(values) == 0:
	case len(values) > 1:
		return unauthorized("there is more than one token")
	case a.ValidationExpression != "" && !wholly(a.ValidationExpression, values[0]):
		return unauthorized("its identityValidationExpression " + a.ValidationExpression + " does not match")
	}
	ex.add("authorizer", Open, a.Source, fmt.Sprintf("the function of the authorizer %s decides, or what it said before is taken; 403 where it says no, 401 where it says Unauthorized, 500 where it fails", a.Name))
	return true
}

// valuesOf are the values of an identity source; nil where they are not known here.
func (ex *offline) valuesOf(source string) []string {
	for _, prefix := range []string{"method.request.header.", "method.request.multivalueheader.", "route.request.header.", "$request.header."} {
		if name, ok := strings.CutPrefix(source, prefix); ok {
			return append([]string{}, ex.asked.header.Values(name)...)
		}
	}
	for _, prefix := range []string{"method.request.querystring.", "method.request.multivaluequerystring.", "route.request.querystring.", "$request.querystring."} {
		if name, ok := strings.CutPrefix(source, prefix); ok {
			return append([]string{}, ex.queryValues(name)...)
		}
	}
	for _, prefix := range []string{"stageVariables.", "$stageVariables."} {
		if name, ok := strings.CutPrefix(source, prefix); ok {
			return []string{ex.variables[name]}
		}
	}
	return nil
}

// queryValues are the values of a query parameter, in order.
func (ex *offline) queryValues(name string) (values []string) {
	for _, f := range lambdaevent.Query(ex.asked.query, ex.api.Protocol == gateway.REST) {
		if f.Name == name {
			values = append(values, f.Value)
		}
	}
	return values
}

package explain

import (
	"fmt"
	"regexp"
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/lambdaevent"
)

// functionAuthorizer is a Lambda authorizer. What it answers is not known, only whether it
// is asked.
func (ex *offline) functionAuthorizer(a *gateway.Authorizer) bool {
	var missing []string
	first := ""
	for _, source := range a.IdentitySources {
		values := ex.valuesOf(source)
		switch {
		case values == nil:
			// It is of the context, which only a request has.
		case len(values) == 0 || values[0] == "":
			missing = append(missing, source)
		case first == "":
			first = values[0]
		}
	}
	unauthorized := func(text string) bool {
		ex.refuse("authorizer", a.Source, gateway.Unauthorized, "", text)
		return false
	}
	if len(missing) > 0 {
		return unauthorized(fmt.Sprintf("the authorizer %s is not asked, as the request lacks %s", a.Name, strings.Join(missing, ", ")))
	}
	if a.ValidationExpression != "" && first != "" {
		if re, err := regexp.Compile("^(?:" + a.ValidationExpression + ")$"); err == nil && !re.MatchString(first) {
			return unauthorized(fmt.Sprintf("the authorizer %s is not asked, as its identityValidationExpression %s does not match", a.Name, a.ValidationExpression))
		}
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

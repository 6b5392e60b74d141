package extauthz

import (
	"strings"

	"gatehouse/internal/lambdaevent"
)

// queryParameters are the names and values of the query, decoded, in order.
func (r *request) queryParameters(semicolons bool) []header {
	if !r.parsed {
		r.parsed, r.parameters = true, parametersOf(r.query, semicolons)
	}
	return r.parameters
}

func parametersOf(query string, semicolons bool) (parameters []header) {
	for _, f := range lambdaevent.Query(query, semicolons) {
		parameters = append(parameters, header{f.Name, f.Value})
	}
	return parameters
}

// named are the values of the parameters of a name.
func named(parameters []header, name string) (values []string) {
	for _, p := range parameters {
		if p.name == name {
			values = append(values, p.value)
		}
	}
	return values
}

// moreBySemicolons reports whether a parameter is there several times for a backend that takes
// semicolons for ampersands.
func (r *request) moreBySemicolons(name string) bool {
	return strings.Contains(r.query, ";") && len(named(parametersOf(r.query, true), name)) > 1
}

package extauthz

import (
	"strings"

	"gatehouse/internal/lambdaevent"
)

// queryParameters are the names and values of the query, decoded, in order.
func (r *request) queryParameters(semicolons bool) []header {
	if r.parsed {
		return r.parameters
	}
	r.parsed = true
	for _, f := range lambdaevent.Query(r.query, semicolons) {
		r.parameters = append(r.parameters, header{f.Name, f.Value})
	}
	return r.parameters
}

// moreBySemicolons reports whether a parameter is there several times for a backend that takes
// semicolons for ampersands.
func (r *request) moreBySemicolons(name string) bool {
	if !strings.Contains(r.query, ";") {
		return false
	}
	n := 0
	for _, f := range lambdaevent.Query(r.query, true) {
		if f.Name == name {
			n++
		}
	}
	return n > 1
}

package extauthz

import "gatehouse/internal/lambdaevent"

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

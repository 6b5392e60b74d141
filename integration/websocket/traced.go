package websocket

import (
	"net/http"
	"strings"

	"gatehouse/gateway"
	"gatehouse/telemetry/socket"
)

// trace has what is sent about an event told, if the stage wants that of the route.
func (st *stage) trace(e *socket.Event) {
	if e != nil && st != nil && st.execution(e.Route).Data() {
		e.Trace = socket.NewTrace(e.RequestID)
	}
}

// connecting tells of the request of a client that wants to connect.
func (st *stage) connecting(t *socket.Trace, r *http.Request) {
	if t == nil {
		return
	}
	var query [][2]string
	header, sent := http.Header{}, handshakeOf(r)
	for _, f := range sent.query {
		query = append(query, [2]string{f.name, f.value})
	}
	for _, f := range sent.shownHeaders() {
		header[f.name] = append(header[f.name], f.value)
	}
	t.SecretsOf(header)
	t.SecretsOfQuery(query)
	// What the authorizer takes for the caller's identity is as secret as the header
	// Authorization is.
	for _, source := range st.identity {
		if name, ok := strings.CutPrefix(source, "route.request.header."); ok {
			t.Secret(r.Header.Values(name)...)
		}
		if name, ok := strings.CutPrefix(source, "route.request.querystring."); ok {
			for _, q := range query {
				if q[0] == name {
					t.Secret(q[1])
				}
			}
		}
	}
	t.Connecting(query, header)
}

// identityOf are the identity sources of who lets clients connect.
func identityOf(d *gateway.Deployment) []string {
	for i := range d.Routes {
		r := &d.Routes[i]
		if r.Key() != gateway.ConnectRoute || r.Authorization == nil {
			continue
		}
		if a := d.Authorizer(r.Authorization.Authorizer); a != nil {
			return a.IdentitySources
		}
	}
	return nil
}

// trace is where it is told what an integration is asked and answers; nil where nobody wants to
// know.
func (e *event) trace() *socket.Trace {
	if e.told == nil {
		return nil
	}
	return e.told.Trace
}

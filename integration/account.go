package integration

import (
	"io"
	"net/http"

	"gatehouse/gateway"
	"gatehouse/internal/executionlog"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// maxTraced is how much is kept of a body that is only told about.
const maxTraced = 2 << 10

// identityParameter is a header, or a query parameter, that says who calls.
type identityParameter struct {
	name   string
	header bool
}

// identityOf are the parameters that the authorizer of a route looks at: they are secrets
// as much as the header Authorization is.
func identityOf(d *gateway.Deployment, r *gateway.Route) []identityParameter {
	if r.Authorization == nil {
		return nil
	}
	a := d.Authorizer(r.Authorization.Authorizer)
	if a == nil {
		return nil
	}
	var out []identityParameter
	for _, source := range a.IdentitySources {
		v, err := gateway.ParseRESTValue(source)
		if err != nil {
			continue // The reader has reported it.
		}
		switch e := v[0]; e.Kind {
		case gateway.RequestHeader, gateway.RequestMultiHeader:
			out = append(out, identityParameter{e.Name, true})
		case gateway.RequestQuery, gateway.RequestMultiQuery:
			out = append(out, identityParameter{e.Name, false})
		}
	}
	return out
}

// account begins to keep an account of the request. Envoy tells what it did itself.
func (x *exchange) account(id wire.RouteIdentity) {
	d := x.route.execution
	x.execution = executionlog.Detailed(x.id(), x.server.now, d.Errors(), d.Steps(), d.Data())
	e := x.execution
	if !e.Data() {
		return
	}
	path, query := x.toldParameters()
	x.hideSecrets(query)
	e.Method(path, query, x.request.Header)
	said := &tracedBody{ReadCloser: x.request.Body}
	if x.request.Body != nil && x.request.Body != http.NoBody {
		x.request.Body = said
	}
	answered := &tracedAnswer{ResponseWriter: x.w}
	x.w = answered
	body := e.Later("Method request body before transformations: ")
	x.tellSent = func() {
		body(string(said.begin))
		// What a function or a backend gives the client to come back with was told before.
		e.SecretsOf(answered.Header())
		e.Response(answered.Header(), answered.begin)
		e.Clean()
	}
}

// toldParameters are those of the path and of the query of a REST API's request, to be told.
func (x *exchange) toldParameters() (path, query [][2]string) {
	for name, value := range x.decodedVariables() {
		path = append(path, [2]string{name, value})
	}
	for _, f := range lambdaevent.Query(x.query, true) {
		query = append(query, [2]string{f.Name, f.Value})
	}
	return path, query
}

// hideSecrets keeps out of the account what would let others in.
func (x *exchange) hideSecrets(query [][2]string) {
	e := x.execution
	e.SecretsOf(x.request.Header)
	e.SecretsOfQuery(query)
	for _, p := range x.route.identity {
		if p.header {
			for _, value := range x.request.Header.Values(p.name) {
				e.Secret(value)
			}
			continue
		}
		for _, q := range query {
			if q[0] == p.name {
				e.Secret(q[1])
			}
		}
	}
	if key := x.apiKeyID(); key != "" {
		e.Secret(x.compiled.keys[key].Reveal())
	}
}

// accounted hands the account over.
func (x *exchange) accounted(id wire.RouteIdentity) {
	if x.tellSent != nil {
		x.tellSent()
	}
	if entries := x.execution.Entries(); len(entries) > 0 {
		x.server.executed(&executionlog.Account{API: id.API, Stage: id.Stage, Canary: id.Canary, Route: id.Route, RequestID: x.id(), Entries: entries})
	}
}

// tracedBody keeps the beginning of what is read.
type tracedBody struct {
	io.ReadCloser
	begin []byte
}

func (b *tracedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.begin = append(b.begin, p[:min(n, maxTraced-len(b.begin))]...)
	return n, err
}

// tracedAnswer keeps the beginning of what is written.
type tracedAnswer struct {
	http.ResponseWriter
	begin []byte
}

func (a *tracedAnswer) Write(p []byte) (int, error) {
	a.begin = append(a.begin, p[:min(len(p), maxTraced-len(a.begin))]...)
	return a.ResponseWriter.Write(p)
}

// Unwrap is for what an http.ResponseController does.
func (a *tracedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

package integration

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/internal/executionlog"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// exchange is one request with its answer. It belongs to one goroutine.
type exchange struct {
	server *Server
	// route is nil when it is not known.
	route *route
	// compiled is the revision that it is of.
	compiled *Compiled
	request  *http.Request
	w        http.ResponseWriter
	// base is the path below which the route's own begins.
	base string

	// began is when the request began, in milliseconds since 1970; protocol and address
	// are the client's.
	began             int64
	protocol, address string
	// path is the request's without the query, which follows after its question mark.
	path, query string

	// memory is what it holds.
	memory share

	// status is that of the answer, 0 as long as there is none, and failed the name of the
	// failure that it tells of.
	status int
	failed string

	// called is the status that the call of a function, or of an action, was answered with, 0 where
	// it was not.
	called int
	// calledAs is the id that the call was given there.
	calledAs string

	// integrationTold is what the answer tells Envoy beside what clients get.
	integrationTold string

	// execution is its account, nil where nobody wants one.
	execution *executionlog.Log
	// tellSent adds what is known at the end only; nil where what is sent is not told.
	tellSent func()
}

func (x *exchange) ctx() context.Context { return x.request.Context() }

// readClient reads what Envoy tells about the request beside its headers.
func (x *exchange) readClient() {
	target := x.request.RequestURI
	if given := x.told(wire.PathHeader); given != "" {
		target = given
	}
	x.path, x.query, _ = strings.Cut(target, "?")
	began, rest, _ := strings.Cut(x.told(wire.ClientHeader), " ")
	x.protocol, x.address, _ = strings.Cut(rest, " ")
	var err error
	if x.began, err = strconv.ParseInt(began, 10, 64); err != nil {
		x.began = x.server.now().UnixMilli()
	}
}

// told is the value of a header of Envoy's own. Where it has none it may write nothing,
// or a dash.
func (x *exchange) told(name string) string {
	if value := x.request.Header.Get(name); value != "-" {
		return value
	}
	return ""
}

// header is the last value of a header of the client's, "" if there is none.
func (x *exchange) header(name string) string {
	values := x.request.Header.Values(name)
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// id is the request's, which Envoy has made.
func (x *exchange) id() string { return x.header("X-Request-Id") }

// domain is the host name that was asked for, and its first label.
func (x *exchange) domain() (name, prefix string) {
	name = lambdaevent.Domain(x.request.Host)
	prefix, _, _ = strings.Cut(name, ".")
	return name, prefix
}

// below is the request's path below the base of its stage; it begins with a slash.
func (x *exchange) below() string {
	rest, found := strings.CutPrefix(x.path, x.base)
	switch {
	case !found || rest != "" && rest[0] != '/':
		return x.path
	case rest == "":
		return "/"
	}
	return rest
}

// pathVariables are those of the route's template, as they stand in the path.
func (x *exchange) pathVariables() map[string]string {
	return lambdaevent.PathVariables(x.route.template, x.below())
}

// apiKey is the id of the API key that Envoy, or the authorization service, has accepted;
// "" if none was asked for.
func (x *exchange) apiKeyID() string {
	_, key, _ := strings.Cut(x.told(wire.KeyHeader), ":")
	return key
}

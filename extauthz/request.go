package extauthz

import (
	"cmp"
	"context"
	"net/netip"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/metadata"

	"gatehouse/internal/wire"
)

// header is one field of a request, its name in lower case.
type header struct{ name, value string }

// request is what the client asked, as Envoy describes it. What few evaluators need is
// worked out when it is asked for. It belongs to one goroutine.
type request struct {
	attributes *authv3.AttributeContext
	http       *authv3.AttributeContext_HttpRequest
	// client is the client's address as Envoy understands it, "" where it does not tell.
	client string
	// sourceVPC and sourceVPCE are what the listener says, "" for nothing.
	sourceVPC, sourceVPCE string
	// askedHost and askedPath are what the client sent where Envoy has rewritten it before
	// it asked, "" where it has not.
	askedHost, askedPath string
	// signer is the access key that the message was signed with which the request was made
	// of, "" for a request of its own.
	signer string
	// path is the request's without the query, which follows after its question mark.
	path, query string

	fields     []header
	fieldsRead bool
	parameters []header
	parsed     bool
}

func newRequest(ctx context.Context, attributes *authv3.AttributeContext) *request {
	r := &request{attributes: attributes, http: attributes.GetRequest().GetHttp()}
	if values := metadata.ValueFromIncomingContext(ctx, wire.ToldHeader); len(values) == 1 {
		told := wire.ParseTold(values[0])
		r.client = told.Client
		r.sourceVPC, r.sourceVPCE = cmp.Or(told.SourceVPC, told.CarriedVPC), cmp.Or(told.SourceVPCE, told.CarriedVPCE)
		r.askedHost, r.askedPath = told.AskedHost, told.AskedPath
	}
	if values := metadata.ValueFromIncomingContext(ctx, wire.SignerHeader); len(values) == 1 && values[0] != wire.Nothing {
		r.signer = values[0]
	}
	r.path, r.query, _ = strings.Cut(r.http.GetPath(), "?")
	return r
}

// headers are all fields, in the order they came in where Envoy tells it; pseudo-headers
// and what only the gateway uses are left out.
func (r *request) headers() []header {
	if r.fieldsRead {
		return r.fields
	}
	r.fieldsRead = true
	if list := r.http.GetHeaderMap().GetHeaders(); len(list) > 0 {
		r.fields = make([]header, 0, len(list))
		for _, h := range list {
			r.add(h.GetKey(), valueOf(h))
		}
		return r.fields
	}
	r.fields = make([]header, 0, len(r.http.GetHeaders()))
	for name, value := range r.http.GetHeaders() {
		r.add(name, value)
	}
	return r.fields
}

func valueOf(h *corev3.HeaderValue) string {
	if raw := h.GetRawValue(); len(raw) > 0 {
		return string(raw)
	}
	return h.GetValue()
}

func (r *request) add(name, value string) {
	name = strings.ToLower(name)
	if strings.HasPrefix(name, ":") || strings.HasPrefix(name, wire.InternalHeaderPrefix) {
		return
	}
	r.fields = append(r.fields, header{name, value})
}

// values are those of a header, whose name is in lower case. "host" is Envoy's
// :authority.
func (r *request) values(name string) []string {
	if name == "host" {
		return []string{r.http.GetHost()}
	}
	if list := r.http.GetHeaderMap().GetHeaders(); len(list) > 0 && !r.fieldsRead {
		// The usual case: one header is asked for, and no list has to be made.
		var values []string
		for _, h := range list {
			if strings.EqualFold(h.GetKey(), name) {
				values = append(values, valueOf(h))
			}
		}
		return values
	}
	if !r.fieldsRead && len(r.http.GetHeaders()) > 0 {
		if value, ok := r.http.GetHeaders()[name]; ok {
			return []string{value}
		}
		return nil
	}
	var values []string
	for _, h := range r.headers() {
		if h.name == name {
			values = append(values, h.value)
		}
	}
	return values
}

// header is the last value of a header, "" if there is none.
func (r *request) header(name string) string {
	values := r.values(name)
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// apiKey is what the client gives for its API key. Of several the first counts: Envoy, where
// it looks keys up, takes that one, and nobody else must be told of another.
func (r *request) apiKey() string {
	values := r.values("x-api-key")
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// sourceIP is the client's address: that of the connection, or behind trusted proxies
// the one that they tell. The attributes have the connection's only, and nothing of use
// for requests by the path form, whose connection is within Envoy.
func (r *request) sourceIP() string {
	if r.client != "" {
		return r.client
	}
	return r.attributes.GetSource().GetAddress().GetSocketAddress().GetAddress()
}

func (r *request) sourceAddress() netip.Addr {
	address, err := netip.ParseAddr(r.sourceIP())
	if err != nil {
		return netip.Addr{}
	}
	return address
}

// secure reports whether the client came by TLS. Envoy sets X-Forwarded-Proto by the
// connection, or leaves that of a proxy that it trusts; :scheme is the client's own word,
// and attributes have a TLS session, if an empty one, in any case.
func (r *request) secure() bool { return r.header("x-forwarded-proto") == "https" }

// id is the request's, which Envoy has made.
func (r *request) id() string { return r.header("x-request-id") }

// domain is the host name that was asked for, and its first label.
func (r *request) domain() (name, prefix string) {
	name = r.http.GetHost()
	if colon := strings.LastIndexByte(name, ':'); colon >= 0 && !strings.HasSuffix(name, "]") {
		name = name[:colon]
	}
	prefix, _, _ = strings.Cut(name, ".")
	return name, prefix
}

// below is the request's path below the base of its stage; it begins with a slash.
func (r *request) below(base string) string {
	rest, found := strings.CutPrefix(r.path, base)
	switch {
	case !found || rest != "" && rest[0] != '/':
		return r.path
	case rest == "":
		return "/"
	}
	return rest
}

package telemetry

import (
	"cmp"
	"net"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
	"gatehouse/telemetry/socket"
)

// request is what an Envoy tells about one, with the stage and the route it was for.
type request struct {
	// entry is empty for events of WebSocket APIs, which no Envoy tells about.
	entry *logEntry
	// status is 0 where no answer was begun.
	status int
	// received and sent are bytes, headers included.
	received, sent uint64
	// upstream is the cluster that the request has gone to, "" for none.
	upstream string
	// logged is the route as Envoy names it.
	logged wire.LoggedRoute
	// method, askedHost and path are what the client asked for, userAgent what it says to be,
	// key is its API key's wire.KeyHeader, and httpVersion, tlsVersion and tlsCipher of the
	// connection that it has done so by.
	method, askedHost, path, userAgent string
	key                                string
	httpVersion, tlsVersion, tlsCipher string
	// stage is nil where none is known, and route where the request matched none.
	stage    *stage
	route    *route
	compiled *Compiled
	// socket is set for those events.
	socket *socket.Event

	// authorized is what the authorization service told, tokens what was found in tokens.
	authorized, tokens, trace, told metadata

	certificate     *lambdaevent.ClientCertificate
	certificateRead bool
}

// untold is what an Envoy tells about an event: nothing.
var untold logEntry

func newRequest(e *logEntry) *request {
	r := &request{entry: e, logged: wire.ParseLoggedRoute(e.Route), status: int(number(e.Status))}
	asked := r.whatAsked()
	r.method, r.askedHost, r.path, r.userAgent, r.key = asked.Method, asked.Host, asked.Path, asked.UserAgent, asked.Key
	r.httpVersion, r.tlsVersion, r.tlsCipher = wire.ParseConnection(e.Protocol)
	r.tlsVersion, r.tlsCipher = cmp.Or(e.TLSVersion, r.tlsVersion), cmp.Or(e.TLSCipher, r.tlsCipher)
	r.received = number(e.RequestHeadersSize) + number(e.RequestBodySize)
	r.sent = number(e.ResponseHeadersSize) + number(e.ResponseBodySize)
	if e.UpstreamHost != "" {
		r.upstream = e.UpstreamCluster
	}
	r.authorized.text, r.tokens.text, r.trace.text, r.told.text = e.Authorization, e.Tokens, e.Trace, e.Integration
	return r
}

// whatAsked is what the client asked for: what a filter has kept of it, what the route tells, or what
// the request had at its end. No filter has run where Envoy refused it before all of them.
func (r *request) whatAsked() wire.Asked {
	if r.entry.Asked != "" {
		return wire.ParseAsked(r.entry.Asked)
	}
	asked := r.logged.Asked
	asked.Method, asked.Path = cmp.Or(asked.Method, r.entry.Method), cmp.Or(asked.Path, r.entry.Path)
	asked.UserAgent = r.entry.UserAgent
	return asked
}

// upstreamAddress is the address that the request has gone to, "" where that is no IP address.
func (r *request) upstreamAddress() string {
	host, _, err := net.SplitHostPort(r.entry.UpstreamHost)
	if err != nil {
		return ""
	}
	return host
}

// upstreamFailure says why the connection to the upstream failed, which is in the details behind
// what ended it. Envoy writes underscores for spaces; those in names such as
// CERTIFICATE_VERIFY_FAILED are its own.
func (r *request) upstreamFailure() string {
	ended, ok := strings.CutPrefix(r.details(), "upstream_reset_before_response_started{")
	if !ok {
		return ""
	}
	_, why, _ := strings.Cut(strings.TrimSuffix(ended, "}"), "|")
	capital := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	text := []byte(why)
	for i, c := range text {
		if c == '_' && (i == 0 || i == len(text)-1 || !capital(text[i-1]) || !capital(text[i+1])) {
			text[i] = ' '
		}
	}
	return string(text)
}

// number is 0 for what is none.
func number(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0
	}
	return n
}

// details say what Envoy did.
func (r *request) details() string { return r.entry.Details }

// host is what the client asked, in lower case and without a port.
func (r *request) host() string {
	host := r.askedHost
	if !strings.HasPrefix(host, "[") {
		host, _, _ = strings.Cut(host, ":")
	} else if end := strings.IndexByte(host, ']'); end > 0 {
		host = host[:end+1]
	}
	return strings.ToLower(host)
}

// metadata is an object of Envoy's dynamic metadata, which is read when it is asked for.
type metadata struct {
	text  string
	read  bool
	value *structpb.Struct
}

// find is a value in it, nil for none.
func (m *metadata) find(keys ...string) *structpb.Value {
	if !m.read {
		m.read, m.value = true, &structpb.Struct{}
		if m.text != "" && m.value.UnmarshalJSON([]byte(m.text)) != nil {
			m.value = nil
		}
	}
	object := m.value
	for i, key := range keys {
		value := object.GetFields()[key]
		if i == len(keys)-1 {
			return value
		}
		object = value.GetStructValue()
	}
	return nil
}

// authorization is a value that the authorization service told.
func (r *request) authorization(keys ...string) string {
	return plain(r.authorized.find(keys...))
}

// integrationTold is what the integration service, or who maps its backend's answer, tells by a
// name.
func (r *request) integrationTold(name string) string {
	return wire.ToldByIntegration(plain(r.told.find(wire.IntegrationTold)), name)
}

// plain is a value as text; lists are written as mappings do.
func plain(v *structpb.Value) string {
	switch kind := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		return kind.StringValue
	case *structpb.Value_ListValue:
		var items []string
		for _, item := range kind.ListValue.GetValues() {
			items = append(items, plain(item))
		}
		return "[" + strings.Join(items, " ") + "]"
	case *structpb.Value_NumberValue, *structpb.Value_BoolValue, *structpb.Value_StructValue:
		text, err := v.MarshalJSON()
		if err != nil {
			return ""
		}
		return string(text)
	}
	return ""
}

// keyName is the name of the API key that was let in, or was known at least.
func (r *request) keyName() string {
	_, name, _ := strings.Cut(r.key, ":")
	return name
}

// clientCertificate is nil where the client has shown none.
func (r *request) clientCertificate() *lambdaevent.ClientCertificate {
	if !r.certificateRead {
		r.certificateRead, r.certificate = true, lambdaevent.Certificate(r.entry.Certificate)
	}
	return r.certificate
}

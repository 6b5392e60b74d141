package telemetry

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	logv3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
	"gatehouse/telemetry/socket"
)

// request is what an Envoy tells about one, with the stage and the route it was for.
type request struct {
	entry  *logv3.HTTPAccessLogEntry
	common *logv3.AccessLogCommon
	// logged is the route as Envoy names it.
	logged wire.LoggedRoute
	// method, askedHost and path are what the client asked for.
	method, askedHost, path string
	// stage is nil where none is known, and route where the request matched none.
	stage    *stage
	route    *route
	compiled *Compiled
	// socket is set for events of WebSocket APIs, which no Envoy tells about: then entry is
	// not.
	socket *socket.Event

	certificate     *lambdaevent.ClientCertificate
	certificateRead bool
}

func newRequest(e *logv3.HTTPAccessLogEntry) *request {
	r := &request{entry: e, common: e.GetCommonProperties()}
	r.logged = wire.ParseLoggedRoute(r.common.GetRouteName())
	r.method, r.askedHost, r.path = wire.ParseAsked(r.tag(wire.TagAsked))
	return r
}

func (r *request) tag(name string) string {
	text := r.common.GetCustomTags()[name]
	if text == "-" { // Envoy's word for nothing
		return ""
	}
	return text
}

func (r *request) status() uint32 { return r.entry.GetResponse().GetResponseCode().GetValue() }

// details say what Envoy did.
func (r *request) details() string { return r.entry.GetResponse().GetResponseCodeDetails() }

func (r *request) responseHeader(name string) string {
	return r.entry.GetResponse().GetResponseHeaders()[name]
}

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

func address(a *corev3.Address) string { return a.GetSocketAddress().GetAddress() }

// found is a value of Envoy's dynamic metadata, nil for none.
func (r *request) found(namespace string, keys ...string) *structpb.Value {
	object := r.common.GetMetadata().GetFilterMetadata()[namespace]
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
	return plain(r.found(wire.AuthorizationMetadata, keys...))
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
	_, name, _ := strings.Cut(r.tag(wire.TagKey), ":")
	return name
}

// clientCertificate is nil where the client has shown none.
func (r *request) clientCertificate() *lambdaevent.ClientCertificate {
	if !r.certificateRead {
		r.certificateRead, r.certificate = true, lambdaevent.Certificate(r.tag(wire.TagCertificate))
	}
	return r.certificate
}

package cli

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tracev3 "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
	apikeyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/api_key_auth/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

func inline(text string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: text}}
}

func pack(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	packed, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func TestSecretsAreHidden(t *testing.T) {
	certificate := &tlsv3.TlsCertificate{CertificateChain: inline("the chain"), PrivateKey: inline("s3cret")}
	tests := map[string]proto.Message{
		"in a secret": &tlsv3.Secret{Name: "visible", Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: certificate}},
		"as bytes": &tlsv3.TlsCertificate{
			Pkcs12:   &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: []byte("s3cret")}},
			Password: inline("s3cret"), CertificateChain: inline("visible"),
		},
		"in ticket keys": &tlsv3.Secret{Name: "visible", Type: &tlsv3.Secret_SessionTicketKeys{
			SessionTicketKeys: &tlsv3.TlsSessionTicketKeys{Keys: []*corev3.DataSource{inline("s3cret")}},
		}},
		"packed": &listenerv3.Listener{Name: "visible", FilterChains: []*listenerv3.FilterChain{{TransportSocket: &corev3.TransportSocket{
			ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(t, &tlsv3.DownstreamTlsContext{
				CommonTlsContext: &tlsv3.CommonTlsContext{TlsCertificates: []*tlsv3.TlsCertificate{certificate}},
			})},
		}}}},
		"of a collector": &tracev3.OpenTelemetryConfig{ServiceName: "visible", GrpcService: &corev3.GrpcService{
			InitialMetadata: []*corev3.HeaderValue{{Key: "x-key", Value: "s3cret"}},
		}},
		"API keys": &corev3.TypedExtensionConfig{Name: "visible", TypedConfig: pack(t, &apikeyv3.ApiKeyAuth{
			Credentials: []*apikeyv3.Credential{{Key: "s3cret", Client: "acme"}},
		})},
	}
	for name, m := range tests {
		t.Run(name, func(t *testing.T) {
			before := proto.Clone(m)
			hidden, err := redact(m)
			if err != nil {
				t.Fatal(err)
			}
			text := prototext.Format(hidden)
			if strings.Contains(text, "s3cret") || !strings.Contains(text, redacted) || !strings.Contains(text, "visible") {
				t.Errorf("redacted to\n%s", text)
			}
			if !proto.Equal(before, m) {
				t.Error("the message itself was changed")
			}
		})
	}
}

package xds

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"

	"google.golang.org/protobuf/types/known/anypb"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// BootstrapTLS secures an Envoy's connection to the control plane. Files are
// paths as Envoy sees them; it reads them when it starts.
type BootstrapTLS struct {
	// CAFile holds the authorities that may vouch for the control plane. It is
	// required: Envoy would otherwise trust anyone.
	CAFile string
	// CertFile and KeyFile are the Envoy's own certificate, for mTLS.
	CertFile, KeyFile string
	// ServerName is sent as SNI and has to be in the control plane's
	// certificate. It is the host of the address by default.
	ServerName string
}

func (t *BootstrapTLS) transportSocket(host, protocol string) (*corev3.TransportSocket, error) {
	if t.CAFile == "" {
		return nil, errors.New("a CA file is needed to know the control plane")
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, errors.New("a certificate file and a key file go together")
	}
	name := cmp.Or(t.ServerName, host)
	san := &tlsv3.SubjectAltNameMatcher{
		SanType: tlsv3.SubjectAltNameMatcher_DNS,
		Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: name}},
	}
	tls := &tlsv3.UpstreamTlsContext{Sni: name}
	if _, err := netip.ParseAddr(name); err == nil {
		san.SanType = tlsv3.SubjectAltNameMatcher_IP_ADDRESS
		tls.Sni = "" // SNI has no addresses: RFC 6066, section 3.
	}
	tls.CommonTlsContext = &tlsv3.CommonTlsContext{
		TlsParams:     &tlsv3.TlsParameters{TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_2},
		AlpnProtocols: []string{protocol},
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			TrustedCa:                 file(t.CAFile),
			MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{san},
		}},
	}
	if t.CertFile != "" {
		tls.CommonTlsContext.TlsCertificates = []*tlsv3.TlsCertificate{{
			CertificateChain: file(t.CertFile), PrivateKey: file(t.KeyFile),
		}}
	}
	config, err := anypb.New(tls)
	if err != nil {
		return nil, fmt.Errorf("packing the TLS context: %w", err)
	}
	return &corev3.TransportSocket{
		Name:       "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: config},
	}, nil
}

func file(path string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: path}}
}

package translator

import (
	"cmp"
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/gateway"
)

// systemCAs is where Linux distributions keep the certificates they trust; Envoy
// reads the file on its own machine.
const systemCAs = "/etc/ssl/certs/ca-certificates.crt"

// upstreamTLS verifies a backend's certificate against its name unless told not to. What
// the stage shows goes before what the backend is always shown.
func upstreamTLS(u upstream, b *gateway.Backend, shown *gateway.ClientCertificate) *corev3.TransportSocket {
	var options gateway.BackendTLS
	if b != nil && b.TLS != nil {
		options = *b.TLS
	}
	// By default Envoy offers backends no more than TLS 1.2.
	common := &tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{
		TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_2, TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3,
	}}
	trusted := &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: systemCAs}}
	if options.CA != "" {
		trusted = inlinePEM(options.CA)
	}
	validation := &tlsv3.CertificateValidationContext{
		TrustedCa: trusted, MatchTypedSubjectAltNames: subjectNames(u.ServerName),
	}
	if u.Insecure || options.InsecureSkipVerification {
		// Envoy checks a certificate whole or not at all. AWS would still look at the name
		// and the dates, which anybody can write into a certificate of their own.
		validation = &tlsv3.CertificateValidationContext{
			TrustChainVerification: tlsv3.CertificateValidationContext_ACCEPT_UNTRUSTED,
		}
	}
	common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: validation}
	if shown != nil {
		options.Certificate, options.Key = shown.Certificate, shown.Key
	}
	if options.Certificate != "" {
		common.TlsCertificates = []*tlsv3.TlsCertificate{{
			CertificateChain: inlinePEM(options.Certificate),
			PrivateKey:       inlinePEM(options.Key.Reveal()),
		}}
	}
	if b != nil && b.Protocol == "HTTP2" {
		common.AlpnProtocols = []string{"h2"}
	}
	return transportSocket(&tlsv3.UpstreamTlsContext{CommonTlsContext: common, Sni: u.ServerName})
}

func subjectNames(name string) []*tlsv3.SubjectAltNameMatcher {
	exact := &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: name}}
	return []*tlsv3.SubjectAltNameMatcher{
		{SanType: tlsv3.SubjectAltNameMatcher_DNS, Matcher: exact},
		{SanType: tlsv3.SubjectAltNameMatcher_IP_ADDRESS, Matcher: exact},
	}
}

// downstreamTLS terminates TLS with a certificate that is sent by SDS, so that a
// renewed one is in force without touching the listener. With a truststore clients
// have to show a certificate that it vouches for.
func downstreamTLS(secret, truststore string, t *gateway.TLS) *corev3.TransportSocket {
	common := &tlsv3.CommonTlsContext{
		TlsParams:     &tlsv3.TlsParameters{TlsMinimumProtocolVersion: tlsVersions[cmp.Or(t.MinVersion, "1.2")]},
		AlpnProtocols: []string{"h2", "http/1.1"},
		TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{{
			Name: secret, SdsConfig: adsSource(),
		}},
	}
	if common.TlsParams.TlsMinimumProtocolVersion < tlsv3.TlsParameters_TLSv1_2 {
		common.TlsParams.CipherSuites = oldCipherSuites
	}
	context := &tlsv3.DownstreamTlsContext{CommonTlsContext: common}
	if truststore != "" {
		context.RequireClientCertificate = wrapperspb.Bool(true)
		common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{
			ValidationContextSdsSecretConfig: &tlsv3.SdsSecretConfig{Name: truststore, SdsConfig: adsSource()},
		}
	}
	return transportSocket(context)
}

// oldCipherSuites are Envoy's own, and behind them those that there were before TLS 1.2: without
// any of these a client of that time is refused, whatever the least version is.
var oldCipherSuites = []string{
	"[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
	"[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
	"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
	"ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
	"AES128-SHA", "AES256-SHA",
}

// maxChainDepth is Amazon's bound of a client's chain: four authorities. Envoy counts as
// Amazon does, the root, and not the client's own certificate.
const maxChainDepth = 4

func truststoreSecret(name string, t *gateway.TLS) *tlsv3.Secret {
	validation := &tlsv3.CertificateValidationContext{
		TrustedCa: inlineString(t.ClientCA), MaxVerifyDepth: wrapperspb.UInt32(maxChainDepth),
	}
	if t.ClientCRL != "" {
		validation.Crl = inlineString(t.ClientCRL)
	}
	return &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_ValidationContext{ValidationContext: validation}}
}

var tlsVersions = map[string]tlsv3.TlsParameters_TlsProtocol{
	"1.0": tlsv3.TlsParameters_TLSv1_0,
	"1.1": tlsv3.TlsParameters_TLSv1_1,
	"1.2": tlsv3.TlsParameters_TLSv1_2,
	"1.3": tlsv3.TlsParameters_TLSv1_3,
}

func certificateSecret(name string, t *gateway.TLS) *tlsv3.Secret {
	return &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
		CertificateChain: inlinePEM(t.Certificate),
		PrivateKey:       inlinePEM(t.Key.Reveal()),
	}}}
}

func transportSocket(context proto.Message) *corev3.TransportSocket {
	return &corev3.TransportSocket{
		Name:       "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: anyOf(context)},
	}
}

// inlinePEM takes a certificate or key as it is: between its blocks may be comments of
// any encoding, which no text of a message may have.
func inlinePEM(text string) *corev3.DataSource {
	if utf8.ValidString(text) {
		return inlineString(text)
	}
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: []byte(text)}}
}

func inlineString(text string) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: text}}
}

package translator

import (
	"regexp"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	celv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/formatter/cel/v3"

	"gatehouse/internal/wire"
)

var statusPattern = regexp.MustCompile(`^[2-5][0-9][0-9]$`)

// formatLiteral protects text from being read as Envoy format commands.
func formatLiteral(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// place is where a format is used.
type place int

const (
	inHeader place = iota
	inBody
)

// bodyFormat is a reply body with Envoy format commands in it. Whatever has no value
// prints nothing.
func bodyFormat(contentType, format string) *corev3.SubstitutionFormatString {
	f := &corev3.SubstitutionFormatString{
		Format:          &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: inlineString(format)},
		ContentType:     contentType,
		OmitEmptyValues: true,
	}
	if strings.Contains(format, "%CEL(") {
		f.Formatters = []*corev3.TypedExtensionConfig{{
			Name: "envoy.formatter.cel",
			TypedConfig: anyOf(&celv3.Cel{CelConfig: &corev3.CelExpressionConfig{
				EnableStringFunctions: true, EnableStringConcat: true, EnableStringConversion: true,
			}}),
		}}
	}
	return f
}

// contextFormat is the Envoy command for a context variable known only with the
// request.
var contextFormat = map[string]string{
	"requestId":         requestIDFormat,
	"extendedRequestId": requestIDFormat,
	"httpMethod":        "%REQ(:METHOD)%",
	"path":              "%PATH(NQ)%",
	"protocol":          "%PROTOCOL%",
	// Both are known beforehand unless the domain is a wildcard.
	"domainName":         `%CEL(re.extract(request.host, '^([^:]*).*$', '\\1'))%`,
	"domainPrefix":       `%CEL(re.extract(request.host, '^([^.:]*).*$', '\\1'))%`,
	"identity.sourceIp":  "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
	"identity.userAgent": "%REQ(USER-AGENT)%",
	// The certificate that a client of a domain with mutual TLS has shown.
	"identity.clientCert.subjectDN":          "%DOWNSTREAM_PEER_SUBJECT%",
	"identity.clientCert.issuerDN":           "%DOWNSTREAM_PEER_ISSUER%",
	"identity.clientCert.serialNumber":       "%DOWNSTREAM_PEER_SERIAL%",
	"identity.clientCert.validity.notBefore": "%DOWNSTREAM_PEER_CERT_V_START(%b %e %H:%M:%S %Y GMT)%",
	"identity.clientCert.validity.notAfter":  "%DOWNSTREAM_PEER_CERT_V_END(%b %e %H:%M:%S %Y GMT)%",
	// For replies that any route of a stage may give; else they are known beforehand.
	"routeKey":         "%METADATA(ROUTE:" + wire.MetadataNamespace + ":" + wire.MetadataRoute + ")%",
	"resourcePath":     `%CEL(re.extract(xds.route_metadata.filter_metadata['` + wire.MetadataNamespace + `']['` + wire.MetadataRoute + `'], '^[^ ]* (.*)$', '\\1'))%`,
	"requestTime":      "%START_TIME(%d/%b/%Y:%H:%M:%S %z)%",
	"requestTimeEpoch": "%START_TIME(%s%3f)%",
}

// firstOf is the Envoy command for the first of these values of dynamic metadata that is
// there, each written as namespace:key.
func firstOf(metadata ...string) string {
	var operators []string
	for _, at := range metadata {
		operators = append(operators, `{"command":"DYNAMIC_METADATA","param":"`+at+`"}`)
	}
	return `%COALESCE({"operators":[` + strings.Join(operators, ",") + `]})%`
}

package lambdaevent

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
)

// ClientCertificate is what functions and backends get to know of the certificate that
// a client has shown.
type ClientCertificate struct {
	PEM      string              `json:"clientCertPem"`
	Subject  string              `json:"subjectDN"`
	Issuer   string              `json:"issuerDN"`
	Serial   string              `json:"serialNumber"`
	Validity CertificateValidity `json:"validity"`
}

// CertificateValidity is the time that a certificate is good for.
type CertificateValidity struct {
	NotBefore string `json:"notBefore"`
	NotAfter  string `json:"notAfter"`
}

// certificateTime is the form of Amazon's example, which is OpenSSL's.
const certificateTime = "Jan _2 15:04:05 2006 GMT"

// Certificate reads what Envoy says about the certificate of a connection, which it has
// verified: the PEM text, percent-encoded. It is nil without one.
func Certificate(encoded string) *ClientCertificate {
	if encoded == "" {
		return nil
	}
	// Path unescaping, since a plus in base64 is a plus.
	text, err := url.PathUnescape(encoded)
	if err != nil {
		return nil
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return &ClientCertificate{
		PEM:     text,
		Subject: certificate.Subject.String(),
		Issuer:  certificate.Issuer.String(),
		Serial:  serialNumber(certificate.SerialNumber.Bytes()),
		Validity: CertificateValidity{
			NotBefore: certificate.NotBefore.UTC().Format(certificateTime),
			NotAfter:  certificate.NotAfter.UTC().Format(certificateTime),
		},
	}
}

// serialNumber writes bytes as in a1:b2:c3.
func serialNumber(number []byte) string {
	parts := make([]string, len(number))
	for i, b := range number {
		parts[i] = fmt.Sprintf("%02x", b)
	}
	return strings.Join(parts, ":")
}

package gateway

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"
)

// Amazon's bounds of a truststore.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mutual-tls.html
const (
	maxTruststoreBytes        = 1 << 20
	maxTruststoreCertificates = 1000
	minRSABits                = 2048
)

// truststore checks what the certificates of a domain's clients are verified with.
func (v *validation) truststore(d *Domain) {
	t := d.TLS
	if t.ClientCA == "" {
		if t.ClientCRL != "" {
			v.errorf("missing-key", t.Source, "", "the domain %s has a clientCRL and no clientCA", d.Name)
		}
		return
	}
	var authorities []*x509.Certificate
	for _, block := range v.blocks(t, "clientCA", t.ClientCA, "CERTIFICATE") {
		c, err := x509.ParseCertificate(block)
		if err != nil {
			v.errorf("invalid-certificate", t.Source, "", "a certificate of the clientCA cannot be read: %v", err)
			continue
		}
		authorities = append(authorities, c)
		v.authority(t, c)
	}
	if len(t.ClientCA) > maxTruststoreBytes || len(authorities) > maxTruststoreCertificates {
		v.errorf("invalid-certificate", t.Source, "", "the clientCA has %d certificates in %d bytes; it may have %d in %d", len(authorities), len(t.ClientCA), maxTruststoreCertificates, maxTruststoreBytes)
	}
	if t.ClientCRL != "" {
		v.revocations(t, authorities)
	}
	for _, m := range d.Mappings {
		if api := v.snapshot.API(m.API); api != nil && !api.DisableExecuteAPIEndpoint {
			v.found.Warnf("mutual-tls-bypass", m.Source, "", "set disableExecuteApiEndpoint: true at the API",
				"clients need no certificate at the API %s's own host, only at %s", api.ID, d.Name)
		}
	}
}

func (v *validation) blocks(t *TLS, key, text, kind string) [][]byte {
	var list [][]byte
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if len(list) == 0 || len(bytes.TrimSpace(rest)) > 0 && bytes.Contains(rest, []byte("-----BEGIN")) {
				v.errorf("invalid-certificate", t.Source, "", "the %s is not PEM text of type %s", key, kind)
			}
			return list
		}
		if block.Type != kind {
			v.errorf("invalid-certificate", t.Source, "", "the %s has a block of type %s; only %s belongs there", key, block.Type, kind)
			continue
		}
		list = append(list, block.Bytes)
	}
}

func (v *validation) authority(t *TLS, c *x509.Certificate) {
	if time.Now().After(c.NotAfter) {
		v.found.Warnf("expired-certificate", t.Source, "", "remove it", "the authority %s expired on %s", c.Subject, c.NotAfter.Format(time.DateOnly))
	}
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			v.errorf("invalid-certificate", t.Source, "", "the authority %s has an RSA key of %d bits; %d is the least", c.Subject, key.N.BitLen(), minRSABits)
		}
	case *ecdsa.PublicKey:
	default:
		v.errorf("invalid-certificate", t.Source, "", "the authority %s has a key that is neither RSA nor ECDSA", c.Subject)
	}
	if !c.IsCA {
		v.found.Warnf("not-an-authority", t.Source, "", "", "the certificate %s of the clientCA is no authority: no client's certificate can come from it", c.Subject)
	}
}

// revocations checks the lists. Envoy refuses every client whose authority has none that it
// has signed itself: after a change of its key, that of before is no longer one.
func (v *validation) revocations(t *TLS, authorities []*x509.Certificate) {
	var lists []*x509.RevocationList
	for _, block := range v.blocks(t, "clientCRL", t.ClientCRL, "X509 CRL") {
		list, err := x509.ParseRevocationList(block)
		if err != nil {
			v.errorf("invalid-certificate", t.Source, "", "a list of the clientCRL cannot be read: %v", err)
			continue
		}
		lists = append(lists, list)
		if !list.NextUpdate.IsZero() && time.Now().After(list.NextUpdate) {
			v.found.Warnf("expired-certificate", t.Source, "", "fetch a new one", "the revocation list of %s was due for renewal on %s; its clients are refused", list.Issuer, list.NextUpdate.Format(time.DateOnly))
		}
	}
	for _, c := range authorities {
		of := func(list *x509.RevocationList) bool { return bytes.Equal(list.RawIssuer, c.RawSubject) }
		switch {
		case !slices.ContainsFunc(lists, of):
			v.errorf("missing-revocation-list", t.Source, "add its list to clientCRL", "the authority %s has no revocation list, so that all its clients would be refused", c.Subject)
		case !slices.ContainsFunc(lists, func(list *x509.RevocationList) bool { return of(list) && signedList(list, c) }):
			v.errorf("missing-revocation-list", t.Source, "add the list that it has signed with its present key to clientCRL",
				"the authority %s has not signed the revocation list of its name, so that all its clients would be refused", c.Subject)
		}
	}
}

// signedList reports whether an authority has signed a list. Whether it may sign lists, and is
// an authority at all, is not asked here.
func signedList(list *x509.RevocationList, by *x509.Certificate) bool {
	return by.CheckSignature(list.SignatureAlgorithm, list.RawTBSRevocationList, list.Signature) == nil
}

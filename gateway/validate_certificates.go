package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// certificate checks that a certificate and its key can be served.
func (v *validation) certificate(t *TLS) {
	if t.Certificate != "" {
		v.pair(t.Certificate, t.Key, t.Source)
	}
}

// backendTLS checks what a backend is shown, and whom it is trusted by.
func (v *validation) backendTLS(t *BackendTLS) {
	if t.Certificate != "" && t.Key != "" {
		v.pair(t.Certificate, t.Key, t.Source)
	}
	v.authorities(t.CA, t.Source)
}

// clientCertificates checks what backends are shown, and the VPC links that lead to some.
func (v *validation) clientCertificates() {
	ids, links := map[string]Position{}, map[string]Position{}
	for i := range v.snapshot.ClientCertificates {
		c := &v.snapshot.ClientCertificates[i]
		v.unique(ids, "client certificate", c.ID, c.Source)
		if c.ID != "" && !namePattern.MatchString(c.ID) {
			v.errorf("invalid-name", c.Source, "use letters, digits, dots, hyphens and underscores", "%q is not a valid id of a client certificate", c.ID)
		}
		if c.Certificate != "" && c.Key != "" {
			v.pair(c.Certificate, c.Key, c.Source)
		}
	}
	for _, l := range v.snapshot.VPCLinks {
		v.unique(links, "VPC link", l.ID, l.Source)
	}
}

// authorities checks a bundle, if there is one.
func (v *validation) authorities(bundle string, pos Position) {
	if bundle == "" {
		return
	}
	if _, err := certificates(bundle); err != nil {
		v.errorf("invalid-certificate", pos, "", "the authorities (ca) cannot be read: %v", err)
	}
}

func (v *validation) pair(certificate string, key Secret, pos Position) {
	chain, err := certificates(certificate)
	if err != nil {
		v.errorf("invalid-certificate", pos, "", "the certificate cannot be read: %v", err)
		return
	}
	if _, err := tls.X509KeyPair([]byte(certificate), []byte(key.Reveal())); err != nil {
		v.errorf("invalid-certificate", pos, "", "the certificate and the key do not belong together: %v", err)
	}
	for i, c := range chain {
		name := "certificate"
		if i > 0 {
			name = fmt.Sprintf("certificate of %q in the chain", c.Subject)
		}
		switch now := time.Now(); {
		case now.After(c.NotAfter):
			v.found.Warnf("expired-certificate", pos, "", "renew it", "the %s expired on %s", name, c.NotAfter.UTC().Format(time.DateOnly))
		case now.Before(c.NotBefore):
			v.found.Warnf("expired-certificate", pos, "", "check the clock of this machine", "the %s is not valid before %s", name, c.NotBefore.UTC().Format(time.DateOnly))
		}
	}
}

// certificates reads all certificates of a PEM text, which must have one.
func certificates(text string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, errors.New("it is not PEM text of a certificate")
	}
	return out, nil
}

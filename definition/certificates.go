package definition

import (
	"gatehouse/definition/native"
	"gatehouse/gateway"
)

// resolveCertificates fills in what domains and listeners name of certificates and
// truststores. Users of the management API may name what is not here: such a domain is
// served without TLS only, and one that asks for clients' certificates not at all.
func (b *build) resolveCertificates(s *gateway.Snapshot) {
	certificates, truststores := map[string]*native.Certificate{}, map[string]*native.Truststore{}
	for i := range b.configs {
		c := &b.configs[i]
		for j := range c.Certificates {
			if first := certificates[c.Certificates[j].ARN]; first != nil {
				b.diags.Errorf("duplicate-name", c.Certificates[j].Source, "", "", "the certificate %q is defined twice; first at %s", first.ARN, first.Source)
				continue
			}
			certificates[c.Certificates[j].ARN] = &c.Certificates[j]
		}
		for j := range c.Truststores {
			if first := truststores[c.Truststores[j].URI]; first != nil {
				b.diags.Errorf("duplicate-name", c.Truststores[j].Source, "", "", "the truststore %q is defined twice; first at %s", first.URI, first.Source)
				continue
			}
			truststores[c.Truststores[j].URI] = &c.Truststores[j]
		}
	}
	// fill reports whether all that is named is there.
	fill := func(t *gateway.TLS, severity gateway.Severity) bool {
		before := len(b.diags)
		if t.CertificateARN != "" && t.Certificate == "" {
			if c := certificates[t.CertificateARN]; c != nil {
				t.Certificate, t.Key = c.Certificate, c.Key
			} else {
				b.diags.Errorf("unknown-certificate", t.Source, "", "add it to certificates:", "nothing is known of the certificate %q", t.CertificateARN)
			}
		}
		if t.TruststoreURI != "" && t.ClientCA == "" {
			if store := truststores[t.TruststoreURI]; store != nil {
				t.ClientCA, t.ClientCRL = store.CA, store.CRL
			} else {
				b.diags.Errorf("unknown-truststore", t.Source, "", "add it to truststores:", "nothing is known of the truststore %q", t.TruststoreURI)
			}
		}
		found := b.diags[before:]
		for i := range found {
			found[i].Severity = severity
		}
		return len(found) == 0
	}
	for i := range s.Gateways {
		for j := range s.Gateways[i].Listeners {
			if t := s.Gateways[i].Listeners[j].TLS; t != nil {
				fill(t, gateway.Error)
			}
		}
	}
	var served []gateway.Domain
	for _, d := range s.Domains {
		if d.TLS != nil {
			// What was read is kept for the next load, which may know other certificates.
			tls := *d.TLS
			d.TLS = &tls
		}
		switch {
		case d.TLS == nil:
		case !b.loader.options.foreign(d.Source.File):
			fill(d.TLS, gateway.Error)
		case fill(d.TLS, gateway.Warning):
		case d.TLS.TruststoreURI != "":
			continue
		default:
			d.TLS = nil
		}
		served = append(served, d)
	}
	s.Domains = served
}

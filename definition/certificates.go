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
	fill := func(t *gateway.TLS, report func(string, gateway.Position, string, string, string, ...any)) bool {
		found := true
		if t.CertificateARN != "" && t.Certificate == "" {
			if c := certificates[t.CertificateARN]; c != nil {
				t.Certificate, t.Key = c.Certificate, c.Key
			} else {
				found = false
				report("unknown-certificate", t.Source, "", "add it to certificates:", "nothing is known of the certificate %q", t.CertificateARN)
			}
		}
		if t.TruststoreURI != "" && t.ClientCA == "" {
			if store := truststores[t.TruststoreURI]; store != nil {
				t.ClientCA, t.ClientCRL = store.CA, store.CRL
			} else {
				found = false
				report("unknown-truststore", t.Source, "", "add it to truststores:", "nothing is known of the truststore %q", t.TruststoreURI)
			}
		}
		return found
	}
	for i := range s.Gateways {
		for j := range s.Gateways[i].Listeners {
			if t := s.Gateways[i].Listeners[j].TLS; t != nil {
				fill(t, b.diags.Errorf)
			}
		}
	}
	var served []gateway.Domain
	for _, d := range s.Domains {
		switch {
		case d.TLS == nil:
		case !b.loader.options.foreign(d.Source.File):
			fill(d.TLS, b.diags.Errorf)
		case fill(d.TLS, b.diags.Warnf):
		case d.TLS.TruststoreURI != "":
			continue
		default:
			d.TLS = nil
		}
		served = append(served, d)
	}
	s.Domains = served
}

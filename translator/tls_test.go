package translator_test

import (
	"os"
	"testing"

	"google.golang.org/protobuf/proto"

	"gatehouse/gateway"
	"gatehouse/translator"
)

// TestCertificatesOfAnyEncoding: the comments in a file of certificates need not be
// UTF-8, and are no reason to fail.
func TestCertificatesOfAnyEncoding(t *testing.T) {
	read := func(name string) string {
		data, err := os.ReadFile("testdata/certs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return "Gem\xe4\xdf Vertrag\n" + string(data)
	}
	certificate, key := read("api.pem"), gateway.Secret(read("api.key"))
	s := load(t, "testdata/backend-tls.in.yaml").Snapshot
	for i := range s.Backends {
		s.Backends[i].TLS = &gateway.BackendTLS{CA: certificate, Certificate: certificate, Key: key}
	}
	s.Gateways[0].Listeners[0].TLS = &gateway.TLS{Certificate: certificate, Key: key}
	if found := s.Validate(); found.HasErrors() {
		t.Fatal(found)
	}
	out, diags := translator.New().Translate(s.Seal())
	if out == nil {
		t.Fatal(diags)
	}
	for name, m := range identities(out) {
		if _, err := proto.Marshal(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

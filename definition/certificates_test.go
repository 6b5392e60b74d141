package definition_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"gatehouse/definition"
)

// certificate makes a certificate of its own authority, valid for a day from when on.
func certificate(t *testing.T, from time.Time) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a.example"}, DNSNames: []string{"a.example"},
		NotBefore: from, NotAfter: from.AddDate(0, 0, 1),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", bytes)
}

// TestCertificates holds that a certificate which could not be served, or not be
// trusted, is told when the definition is read, at its place, without its key.
func TestCertificates(t *testing.T) {
	now := time.Now()
	good, goodKey := certificate(t, now.Add(-time.Hour))
	expired, expiredKey := certificate(t, now.AddDate(0, 0, -3))
	future, futureKey := certificate(t, now.AddDate(0, 0, 3))
	day := func(days int) string { return now.AddDate(0, 0, days).UTC().Format(time.DateOnly) }
	folder(t, map[string]string{
		"good.pem": good, "good.key": goodKey, "expired.pem": expired, "expired.key": expiredKey, "future.pem": future, "future.key": futureKey,
		"chain.pem": good + expired, "garbage.pem": "garbage", "cut.pem": good[:len(good)/2],
		"broken.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"both.pem":   goodKey + good,
	})
	const at = "gatehouse.yaml:1:60: "
	for tls, want := range map[string]string{
		"{certificate: good.pem, key: good.key}":                 "",
		"{certificate: {file: good.pem}, key: {file: good.key}}": "",
		"{certificate: both.pem, key: both.pem}":                 "",
		"{certificate: expired.pem, key: expired.key}":           at + "warning expired-certificate: the certificate expired on " + day(-2) + " (renew it)\n",
		"{certificate: chain.pem, key: good.key}":                at + "warning expired-certificate: the certificate of \"CN=a.example\" in the chain expired on " + day(-2) + " (renew it)\n",
		"{certificate: future.pem, key: future.key}":             at + "warning expired-certificate: the certificate is not valid before " + day(3) + " (check the clock of this machine)\n",
		"{certificate: good.pem, key: expired.key}":              at + "error invalid-certificate: the certificate and the key do not belong together: tls: private key does not match public key\n",
		"{certificate: good.key, key: good.pem}":                 at + "error invalid-certificate: the certificate cannot be read: it is not PEM text of a certificate\n",
		"{certificate: garbage.pem, key: good.key}":              at + "error invalid-certificate: the certificate cannot be read: it is not PEM text of a certificate\n",
		"{certificate: cut.pem, key: good.key}":                  at + "error invalid-certificate: the certificate cannot be read: it is not PEM text of a certificate\n",
		"{certificate: broken.pem, key: good.key}":               at + "error invalid-certificate: the certificate cannot be read: x509: malformed certificate\n",
		"{certificate: good.pem, key: garbage.pem}":              at + "error invalid-certificate: the certificate and the key do not belong together: tls: failed to find any PEM data in key input\n",
		"{}": at + "error missing-certificate: the TLS listener on port 8443 has no certificate (give the listener, or a domain of its gateway, a certificate and a key)\n",
	} {
		write(t, "gatehouse.yaml", fmt.Sprintf("gateways: [{name: edge, listeners: [{port: 8443, tls:      %s}]}]\n", tls))
		if got := lines(load(t, "gatehouse.yaml").Diagnostics); got != want {
			t.Errorf("%s\n got %swant %s", tls, got, want)
		}
	}
	// A domain's certificate serves a listener that has none; a domain needs one.
	write(t, "gatehouse.yaml", "gateways: [{name: edge, listeners: [{port: 8443, tls: {}}]}]\ndomains:\n  - {name: a.example, tls: {certificate: good.pem, key: good.key}, mappings: []}\n")
	if got := lines(load(t, "gatehouse.yaml").Diagnostics); got != "" {
		t.Error(got)
	}
	write(t, "gatehouse.yaml", "domains:\n  - {name: a.example, tls: {minVersion: \"1.3\"}, mappings: []}\n")
	if got := lines(load(t, "gatehouse.yaml").Diagnostics); got != "gatehouse.yaml:2:28: error missing-certificate: the domain a.example has no certificate\n" {
		t.Error(got)
	}
	// A backend is shown a certificate, and trusted by an authority.
	for tls, want := range map[string]string{
		"{ca: good.pem, certificate: good.pem, key: good.key}": "",
		"{ca: garbage.pem}":                         "gatehouse.yaml:1:52: error invalid-certificate: the authorities (ca) cannot be read: it is not PEM text of a certificate\n",
		"{certificate: good.pem, key: expired.key}": "gatehouse.yaml:1:52: error invalid-certificate: the certificate and the key do not belong together: tls: private key does not match public key\n",
	} {
		write(t, "gatehouse.yaml", fmt.Sprintf("backends: [{name: b, endpoints: [\"a:1\"], tls:      %s}]\n", tls))
		if got := lines(load(t, "gatehouse.yaml").Diagnostics); got != want {
			t.Errorf("%s\n got %swant %s", tls, got, want)
		}
	}
	// From the environment, the text itself.
	loader := definition.NewLoader(definition.Options{LookupEnv: func(name string) (string, bool) {
		value, ok := map[string]string{"CERTIFICATE": good, "KEY": goodKey, "OTHER": expiredKey}[name]
		return value, ok
	}})
	for key, wanted := range map[string]bool{"${KEY}": true, "${OTHER}": false} {
		write(t, "gatehouse.yaml", "gateways: [{name: edge, listeners: [{port: 8443, tls: {certificate: \"${CERTIFICATE}\", key: \""+key+"\"}}]}]\n")
		result := loader.Load(t.Context(), []string{"gatehouse.yaml"})
		if (result.Snapshot != nil) != wanted || strings.Contains(lines(result.Diagnostics), "PRIVATE") {
			t.Errorf("%s: %s", key, lines(result.Diagnostics))
		}
	}
}

// Command makecerts makes the certificates of the edge example: an authority of
// its own, and a server certificate each for the listener and the domains. With
// -clients it makes what the authorizers example needs besides: an authority for
// clients, two certificates of it, and the list on which it revokes one of them. They
// last a day and are for trying out only; keys never belong in a repository.
//
//	go run ./examples/edge/makecerts [-dir examples/edge/certs] [-clients]
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

func main() {
	dir := flag.String("dir", "examples/edge/certs", "folder to write to")
	clients := flag.Bool("clients", false, "make certificates of clients, too")
	flag.Parse()
	err := run(*dir)
	if err == nil && *clients {
		err = makeClients(*dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "makecerts:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	ca := authority("Gatehouse example authority")
	caKey, err := issue(dir, "ca", ca, nil, nil)
	if err != nil {
		return err
	}
	for name, hosts := range map[string][]string{
		"default":  {"localhost", "*.execute-api.localhost"},
		"api":      {"api.example.com"},
		"tenants":  {"*.tenants.example.com"},
		"partners": {"partners.example.com"},
	} {
		server := &x509.Certificate{
			Subject:     pkix.Name{CommonName: hosts[0]},
			DNSNames:    hosts,
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}
		if name == "default" {
			server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		}
		if _, err := issue(dir, name, server, ca, caKey); err != nil {
			return err
		}
	}
	return nil
}

// makeClients has an authority of their own sign clients' certificates.
func makeClients(dir string) error {
	ca := authority("Gatehouse example authority for clients")
	caKey, err := issue(dir, "clients-ca", ca, nil, nil)
	if err != nil {
		return err
	}
	var last *x509.Certificate
	for _, name := range []string{"client", "revoked"} {
		last = &x509.Certificate{
			Subject:     pkix.Name{CommonName: name, Organization: []string{"Acme"}},
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		if _, err := issue(dir, name, last, ca, caKey); err != nil {
			return err
		}
	}
	list := &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: last.NotBefore, NextUpdate: last.NotAfter,
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: last.SerialNumber, RevocationTime: last.NotBefore}},
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca, caKey)
	if err != nil {
		return fmt.Errorf("signing the revocation list: %w", err)
	}
	return write(filepath.Join(dir, "clients.crl"), "X509 CRL", der, 0o644)
}

// authority is what the certificate of an authority says.
func authority(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: name},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// issue writes NAME.pem and NAME.key for a certificate signed by the authority,
// or by itself when there is none. It completes what the certificate says.
func issue(dir, name string, cert, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if ca == nil {
		ca, caKey = cert, key
	}
	cert.NotBefore = time.Now().Add(-time.Minute)
	cert.NotAfter = time.Now().Add(24 * time.Hour)
	if cert.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, ca, &key.PublicKey, caKey)
	if err != nil {
		return nil, fmt.Errorf("signing %s: %w", name, err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	*cert = *signed
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := write(filepath.Join(dir, name+".pem"), "CERTIFICATE", der, 0o644); err != nil {
		return nil, err
	}
	return key, write(filepath.Join(dir, name+".key"), "PRIVATE KEY", keyDER, 0o600)
}

// write replaces the file in one step, so that a running gateway which reloads
// certificates never sees half of one.
func write(path, kind string, der []byte, mode os.FileMode) error {
	fresh := path + ".new"
	if err := os.WriteFile(fresh, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

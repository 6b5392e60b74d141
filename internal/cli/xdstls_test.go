package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"gatehouse/xds"
)

// authority issues certificates for tests.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// issue writes NAME.pem and NAME.key.
func (a *authority) issue(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "EC PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(a.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return cert, key
}

func (a *authority) leaf(name string) {
	a.t.Helper()
	a.issue(name, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) pair(name string) []tls.Certificate {
	a.t.Helper()
	pair, err := tls.LoadX509KeyPair(a.file(name+".pem"), a.file(name+".key"))
	if err != nil {
		a.t.Fatal(err)
	}
	return []tls.Certificate{pair}
}

func TestOnlyEnvoysWithACertificateAreServed(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	ours.leaf("server")
	ours.leaf("envoy")
	theirs.leaf("stranger")
	address := serveXDS(t, serveFlags{
		xdsCert: ours.file("server.pem"), xdsKey: ours.file("server.key"), xdsClientCA: ours.file("ca.pem"),
	})
	roots := x509.NewCertPool()
	roots.AddCert(ours.cert)

	tests := map[string]struct {
		creds credentials.TransportCredentials
		want  codes.Code
	}{
		// The stream is open, and stays so until the deadline.
		"our certificate":    {credentials.NewTLS(&tls.Config{RootCAs: roots, Certificates: ours.pair("envoy")}), codes.DeadlineExceeded},
		"no certificate":     {credentials.NewTLS(&tls.Config{RootCAs: roots}), codes.Unavailable},
		"another authority":  {credentials.NewTLS(&tls.Config{RootCAs: roots, Certificates: theirs.pair("stranger")}), codes.Unavailable},
		"no TLS":             {insecure.NewCredentials(), codes.Unavailable},
		"renewed, all of it": {nil, codes.DeadlineExceeded},
	}
	for _, name := range []string{"our certificate", "no certificate", "another authority", "no TLS", "renewed, all of it"} {
		t.Run(name, func(t *testing.T) {
			test := tests[name]
			if test.creds == nil {
				ours.leaf("server")
				ours.leaf("envoy")
				test.creds = credentials.NewTLS(&tls.Config{RootCAs: roots, Certificates: ours.pair("envoy")})
			}
			if err := askXDS(t, address, test.creds); status.Code(err) != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestMistakesInCertificatesAreToldAtOnce(t *testing.T) {
	a := newAuthority(t)
	a.leaf("server")
	a.leaf("other")
	for name, flags := range map[string]serveFlags{
		"no file":      {xdsCert: a.file("absent.pem"), xdsKey: a.file("server.key")},
		"another key":  {xdsCert: a.file("server.pem"), xdsKey: a.file("other.key")},
		"CA is no CA":  {xdsCert: a.file("server.pem"), xdsKey: a.file("server.key"), xdsClientCA: a.file("server.key")},
		"CA not there": {xdsCert: a.file("server.pem"), xdsKey: a.file("server.key"), xdsClientCA: a.file("absent.pem")},
	} {
		if _, err := xdsServerOptions(flags); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// serveXDS serves nothing at all, and gives the address.
func serveXDS(t *testing.T, flags serveFlags) string {
	t.Helper()
	options, err := xdsServerOptions(flags)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := listen("--xds-address", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x, g := xds.New(xds.Options{}), grpc.NewServer(options...)
	x.Register(g)
	done := make(chan error, 1)
	go func() { done <- g.Serve(socket) }()
	t.Cleanup(func() {
		x.Close()
		g.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return socket.Addr().String()
}

// askXDS opens a stream as an Envoy would, and gives the error that ends it.
func askXDS(t *testing.T, address string, creds credentials.TransportCredentials) error {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

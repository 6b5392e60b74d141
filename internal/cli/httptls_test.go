package cli

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
)

// TestHTTPByTLS serves by TLS, takes a certificate that was replaced, and keeps the last one
// while there is none.
func TestHTTPByTLS(t *testing.T) {
	a := newAuthority(t)
	a.leaf("http")
	flags := &httpTLSFlags{cert: a.file("http.pem"), key: a.file("http.key")}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })}
	served := make(chan error, 1)
	go func() { served <- flags.serve(server, socket) }()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	ask := func() (serial, protocol string) {
		t.Helper()
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		answer, err := (&http.Client{Transport: transport}).Get("https://" + socket.Addr().String() + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.TLS.PeerCertificates[0].SerialNumber.String(), string(text)
	}
	first, protocol := ask()
	if protocol != "HTTP/2.0" {
		t.Errorf("served by %s", protocol)
	}
	a.leaf("http")
	second, _ := ask()
	if second == first {
		t.Error("a certificate that was replaced is not shown")
	}
	if err := os.WriteFile(a.file("http.pem"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if third, _ := ask(); third != second {
		t.Errorf("with a broken file the certificate %s is shown, not %s", third, second)
	}
	plain, err := http.Get("http://" + socket.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	plain.Body.Close()
	if plain.StatusCode != http.StatusBadRequest {
		t.Errorf("plain HTTP is answered %s", plain.Status)
	}
	_ = server.Close()
	if err := <-served; err != http.ErrServerClosed {
		t.Error(err)
	}
}

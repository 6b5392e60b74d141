package oidctest

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Issuer serves its discovery document and key set on a loopback address.
type Issuer struct {
	// URL is the iss claim of its tokens.
	URL string
	// CA is the PEM certificate to verify it with; empty without TLS.
	CA string

	t        testing.TB
	path     string
	address  string
	useTLS   bool
	mu       sync.Mutex
	server   *httptest.Server
	current  keyPair
	earlier  []Key
	extra    []jose.JSONWebKey
	headers  map[string]string
	requests map[string]int
	// client and grants are of the code flow.
	client *Client
	grants map[string]grant
}

// Option is for Start.
type Option func(*Issuer)

// TLS makes the issuer speak https, with the certificate in CA.
func TLS() Option { return func(i *Issuer) { i.useTLS = true } }

// Path is the path of the issuer's URL, such as "/eu-west-1_AbC"; none by default.
func Path(path string) Option { return func(i *Issuer) { i.path = path } }

// Start starts an issuer with an RSA and an EC key, and ends it with the test.
func Start(t testing.TB, options ...Option) *Issuer {
	t.Helper()
	i := &Issuer{t: t, headers: map[string]string{}, requests: map[string]int{}}
	for _, o := range options {
		o(i)
	}
	i.current = newKeyPair(t)
	i.listen("127.0.0.1:0")
	i.URL = i.server.URL + i.path
	t.Cleanup(i.Stop)
	return i
}

// listen needs the lock, unless nobody else knows the issuer.
func (i *Issuer) listen(address string) {
	i.t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		i.t.Fatalf("issuer: %v", err)
	}
	i.address = l.Addr().String()
	i.server = httptest.NewUnstartedServer(http.HandlerFunc(i.serve))
	if err := i.server.Listener.Close(); err != nil {
		i.t.Fatalf("issuer: %v", err)
	}
	i.server.Listener = l
	// Clients that refuse its certificate are what some tests are about.
	i.server.Config.ErrorLog = discard
	if !i.useTLS {
		i.server.Start()
		return
	}
	i.server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	i.server.StartTLS()
	i.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.server.Certificate().Raw}))
}

// Stop makes the issuer unreachable. Its tokens can be made all the same.
func (i *Issuer) Stop() {
	i.mu.Lock()
	server := i.server
	i.server = nil
	i.mu.Unlock()
	if server != nil {
		// Not with the lock: it waits for requests that need it.
		server.CloseClientConnections()
		server.Close()
	}
}

// Resume makes a stopped issuer reachable again, at the same URL.
func (i *Issuer) Resume() {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.server == nil {
		i.listen(i.address)
	}
}

// SetHeader adds a header to all answers, such as Cache-Control.
func (i *Issuer) SetHeader(name, value string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.headers[name] = value
}

// Requests is how often the issuer was asked for "discovery", "keys" or "token".
func (i *Issuer) Requests(what string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests[what]
}

// Rotate makes new keys, which sign from now on. Those before are still published.
func (i *Issuer) Rotate() {
	i.t.Helper()
	fresh := newKeyPair(i.t)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.earlier = append(i.earlier, i.current.rsa, i.current.ec)
	i.current = fresh
}

// Retire publishes the current keys alone.
func (i *Issuer) Retire() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.earlier = nil
}

// Publish adds a key to the key set as it is, private or symmetric though it may be.
func (i *Issuer) Publish(k jose.JSONWebKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.extra = append(i.extra, k)
}

// JWKS is the key set, as JSON.
func (i *Issuer) JWKS() string {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	data, err := json.Marshal(i.keySet())
	if err != nil {
		i.t.Fatalf("issuer: %v", err)
	}
	return string(data)
}

func (i *Issuer) keySet() jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.current.rsa.public(), i.current.ec.public()}}
	for _, k := range i.earlier {
		set.Keys = append(set.Keys, k.public())
	}
	set.Keys = append(set.Keys, i.extra...)
	return set
}

// JWKSURL is where the key set is.
func (i *Issuer) JWKSURL() string { return i.URL + "/jwks" }

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	if i.serveCode(w, r) {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	var body any
	switch strings.TrimPrefix(r.URL.Path, i.path) {
	case "/.well-known/openid-configuration":
		i.requests["discovery"]++
		body = map[string]any{
			"issuer":                                i.URL,
			"jwks_uri":                              i.URL + "/jwks",
			"authorization_endpoint":                i.URL + "/authorize",
			"token_endpoint":                        i.URL + "/token",
			"response_types_supported":              []string{"code"},
			"code_challenge_methods_supported":      []string{"S256"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256"},
		}
	case "/jwks":
		i.requests["keys"]++
		body = i.keySet()
	default:
		http.NotFound(w, r)
		return
	}
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for name, value := range i.headers {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Type", "application/json")
	// A client that goes away is its own affair.
	_, _ = w.Write(data)
}

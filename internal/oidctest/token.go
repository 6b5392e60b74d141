package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"maps"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

var discard = log.New(io.Discard, "", 0)

// Key is a key pair that signs tokens.
type Key struct {
	ID        string
	Algorithm jose.SignatureAlgorithm
	private   crypto.Signer
}

// NewKey makes a key for RS256 (2048 bits) or ES256, which no issuer publishes.
func NewKey(t testing.TB, algorithm jose.SignatureAlgorithm) Key {
	t.Helper()
	var private crypto.Signer
	var err error
	switch algorithm {
	case jose.RS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		t.Fatalf("no keys are made for %s", algorithm)
	}
	if err != nil {
		t.Fatalf("making a key: %v", err)
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	return Key{hex.EncodeToString(id[:]), algorithm, private}
}

func (k Key) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"}
}

// Private is the whole key as a JWK, which nobody should publish.
func (k Key) Private() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private, KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"}
}

// A keyPair is what an issuer signs with at one time.
type keyPair struct{ rsa, ec Key }

func newKeyPair(t testing.TB) keyPair {
	return keyPair{NewKey(t, jose.RS256), NewKey(t, jose.ES256)}
}

// Key gives the issuer's current key for RS256 or ES256.
func (i *Issuer) Key(algorithm jose.SignatureAlgorithm) Key {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	switch algorithm {
	case jose.RS256:
		return i.current.rsa
	case jose.ES256:
		return i.current.ec
	}
	i.t.Fatalf("the issuer has no key for %s", algorithm)
	return Key{}
}

// TokenOption is for Token.
type TokenOption func(*minting)

type minting struct {
	key   Key
	keyID string
}

// SignedBy signs with another key than the issuer's current one for RS256: that for
// ES256, one from before a rotation, or a stranger's.
func SignedBy(k Key) TokenOption { return func(m *minting) { m.key, m.keyID = k, k.ID } }

// WithKeyID puts another kid into the header than the key's; "" puts none. It comes
// after SignedBy.
func WithKeyID(id string) TokenOption { return func(m *minting) { m.keyID = id } }

// Token makes a token that is good for an hour, of subject "user-1". The claims are
// added, or replace these; nil takes one away.
func (i *Issuer) Token(claims map[string]any, options ...TokenOption) string {
	i.t.Helper()
	m := minting{key: i.Key(jose.RS256)}
	m.keyID = m.key.ID
	for _, o := range options {
		o(&m)
	}
	now := time.Now()
	all := map[string]any{
		"iss": i.URL, "sub": "user-1",
		"iat": now.Add(-time.Second).Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(all)
	if err != nil {
		i.t.Fatalf("claims: %v", err)
	}
	so := (&jose.SignerOptions{}).WithType("JWT")
	if m.keyID != "" {
		so = so.WithHeader("kid", m.keyID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: m.key.Algorithm, Key: m.key.private}, so)
	if err != nil {
		i.t.Fatalf("signing: %v", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		i.t.Fatalf("signing: %v", err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		i.t.Fatalf("signing: %v", err)
	}
	return token
}

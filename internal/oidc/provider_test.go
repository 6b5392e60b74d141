package oidc_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// providerKey is a key of the provider, both as it signs and as it is published.
type providerKey struct {
	id      string
	private *rsa.PrivateKey
}

type signingKey struct{ providerKey }

func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k signingKey) Key() any                                    { return k.private }

type publishedKey struct{ providerKey }

func (k publishedKey) ID() string                         { return k.id }
func (k publishedKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publishedKey) Use() string                        { return "sig" }
func (k publishedKey) Key() any                           { return &k.private.PublicKey }

// rotating is the store of the library's example, with keys that rotate, and tokens
// that are JWTs.
type rotating struct {
	*storage.Storage
	mu   sync.Mutex
	keys []providerKey
}

func (s *rotating) rotate(t *testing.T, id string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append([]providerKey{{id, key}}, s.keys...)
}

func (s *rotating) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = s.keys[:1]
}

func (s *rotating) SigningKey(context.Context) (op.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return signingKey{s.keys[0]}, nil
}

func (s *rotating) KeySet(context.Context) ([]op.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []op.Key
	for _, k := range s.keys {
		keys = append(keys, publishedKey{k})
	}
	return keys, nil
}

type jwtClient struct{ op.Client }

func (jwtClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

func (s *rotating) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	c, err := s.Storage.ClientCredentials(ctx, id, secret)
	return jwtClient{c}, err
}

// startProvider starts a whole OpenID provider, which signs tokens for a client.
func startProvider(t *testing.T) (issuer string, store *rotating, token func() string) {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	store = &rotating{Storage: storage.NewStorage(storage.NewUserStore(server.URL))}
	store.rotate(t, "first")
	provider, err := op.NewProvider(&op.Config{CryptoKey: sha256.Sum256([]byte("test"))}, store, op.StaticIssuer(server.URL),
		op.WithAllowInsecure(), op.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		t.Fatal(err)
	}
	handler = provider
	return server.URL, store, func() string {
		t.Helper()
		form := url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/oauth/token", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		// The client that the library's example has.
		request.SetBasicAuth("sid1", "verysecret")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			AccessToken string `json:"access_token"`
		}
		if err := json.Unmarshal(body, &answer); err != nil || answer.AccessToken == "" {
			t.Fatalf("%d %s: %v", response.StatusCode, body, err)
		}
		return answer.AccessToken
	}
}

// TestRealProvider meets somebody else's discovery document, key set and tokens.
func TestRealProvider(t *testing.T) {
	issuer, store, token := startProvider(t)
	s := snapshot([]string{issuer})
	f := keep(t, "", quick)
	old := token()
	if err := verify(t, filled(t, f, s), issuer, old); err != nil {
		t.Fatal(err)
	}
	store.rotate(t, "second")
	f.change(t)
	both, fresh := filled(t, f, s), token()
	for name, token := range map[string]string{"first": old, "second": fresh} {
		if err := verify(t, both, issuer, token); err != nil {
			t.Errorf("token of the %s key: %v", name, err)
		}
	}
	store.retire()
	f.change(t)
	after := filled(t, f, s)
	if verify(t, after, issuer, old) == nil || verify(t, after, issuer, fresh) != nil {
		t.Error("the first key is still there, or the second is not")
	}
}

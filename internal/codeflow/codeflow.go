// Package codeflow has people sign in at an OpenID Connect provider, by the authorization code
// flow with a proof key (PKCE).
// See https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
package codeflow

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"gatehouse/gateway"
)

// Bounds: how long a user may take at the provider, and how far its clock may be ahead.
const (
	Age  = 10 * time.Minute
	skew = time.Minute
)

// Options are a provider, and what it knows us as.
type Options struct {
	Issuer, ClientID string
	// ClientSecret is empty for a client that has none.
	ClientSecret gateway.Secret
	// Callback is the URL that people come back to.
	Callback string
	// Client is what asks the provider; one of NewClient by default.
	Client *http.Client
}

// Provider is asked for its endpoints when somebody signs in: it may be away before that. It
// is safe for concurrent use.
type Provider struct {
	options Options

	mu    sync.Mutex
	known rp.RelyingParty
}

// New does not ask the provider anything yet.
func New(o Options) *Provider {
	if o.Client == nil {
		o.Client, _ = NewClient("") // which cannot be wrong
	}
	return &Provider{options: o}
}

// Flow is what is to be known of a sign-in that has begun when its user comes back. It is for
// a cookie that nobody can read or make, and which lasts for Age.
type Flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
}

// Why a sign-in that came back is none.
var (
	// ErrNotBegun is for an answer to no sign-in of this browser.
	ErrNotBegun = errors.New("this sign-in was not begun here, or too long ago")
	// ErrRefused is for what the provider or its user refused.
	ErrRefused = errors.New("the provider says no")
)

// signing are the algorithms that tokens may be signed with: those with keys that only the
// provider has.
var signing = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

type nonceKey struct{}

// party is what the provider has said of its endpoints, which it is asked once.
func (p *Provider) party(ctx context.Context) (rp.RelyingParty, error) {
	p.mu.Lock()
	known := p.known
	p.mu.Unlock()
	if known != nil {
		return known, nil
	}
	o := &p.options
	known, err := rp.NewRelyingPartyOIDC(ctx, o.Issuer, o.ClientID, o.ClientSecret.Reveal(), o.Callback, []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail},
		rp.WithHTTPClient(o.Client),
		rp.WithVerifierOpts(
			rp.WithSupportedSigningAlgorithms(signing...), rp.WithIssuedAtOffset(skew),
			rp.WithNonce(func(ctx context.Context) string { nonce, _ := ctx.Value(nonceKey{}).(string); return nonce }),
		))
	if err != nil {
		return nil, fmt.Errorf("asking the provider %s: %w", o.Issuer, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = known
	return known, nil
}

// Begin gives where a user has to go, and what is to be kept meanwhile.
func (p *Provider) Begin(ctx context.Context) (location string, f Flow, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	party, err := p.party(ctx)
	if err != nil {
		return "", Flow{}, err
	}
	// Verifiers are 256 bits that nobody can guess, and so do for all three.
	f = Flow{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
	return rp.AuthURL(f.State, party,
		rp.WithCodeChallenge(oidc.NewSHACodeChallenge(f.Verifier)),
		rp.AuthURLOpt(rp.WithURLParam("nonce", f.Nonce))), f, nil
}

// Finish gives what the provider says of the user who has come back with an answer. The flow
// is empty where none was kept.
func (p *Provider) Finish(ctx context.Context, f Flow, answer url.Values) (*oidc.IDTokenClaims, error) {
	if state := answer.Get("state"); state == "" || subtle.ConstantTimeCompare([]byte(f.State), []byte(state)) != 1 {
		return nil, ErrNotBegun
	}
	if answer.Has("error") {
		return nil, fmt.Errorf("%w: %.200q", ErrRefused, answer.Get("error"))
	}
	ctx, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	party, err := p.party(ctx)
	if err != nil {
		return nil, err
	}
	tokens, err := rp.CodeExchange[*oidc.IDTokenClaims](context.WithValue(ctx, nonceKey{}, f.Nonce), answer.Get("code"), party, rp.WithCodeVerifier(f.Verifier))
	if err != nil {
		return nil, fmt.Errorf("the provider's token: %w", err)
	}
	return tokens.IDTokenClaims, nil
}

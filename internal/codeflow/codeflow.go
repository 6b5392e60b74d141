// Package codeflow has people sign in at an OpenID Connect provider, by the authorization code
// flow with a proof key (PKCE).
// See https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
package codeflow

import (
	"context"
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"gatehouse/gateway"
)

// Timeout bounds a question to a provider.
const Timeout = 10 * time.Second

// Options are a provider, and what it knows us as.
type Options struct {
	Issuer, ClientID string
	// ClientSecret is empty for a client that has none.
	ClientSecret gateway.Secret
	// Callback is the URL that people come back to.
	Callback string
	// Skew is by how much the provider's clock may be ahead.
	Skew time.Duration
	// Client is what asks the provider.
	Client *http.Client
}

// Provider is one that has said where its endpoints are. It is safe for concurrent use.
type Provider struct{ party rp.RelyingParty }

// Flow is what is to be known of a sign-in that has begun when its user comes back. It is for
// a cookie that nobody can read or make.
type Flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
}

// signing are the algorithms that tokens may be signed with: those with keys that only the
// provider has.
var signing = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

type nonceKey struct{}

// Discover asks a provider where its endpoints are.
func Discover(ctx context.Context, o Options) (*Provider, error) {
	party, err := rp.NewRelyingPartyOIDC(ctx, o.Issuer, o.ClientID, o.ClientSecret.Reveal(), o.Callback, []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail},
		rp.WithHTTPClient(o.Client),
		rp.WithVerifierOpts(
			rp.WithSupportedSigningAlgorithms(signing...), rp.WithIssuedAtOffset(o.Skew),
			rp.WithNonce(func(ctx context.Context) string { nonce, _ := ctx.Value(nonceKey{}).(string); return nonce }),
		))
	if err != nil {
		return nil, err
	}
	return &Provider{party}, nil
}

// Begin gives where a user has to go, and what is to be kept meanwhile.
func (p *Provider) Begin() (location string, f Flow) {
	// Verifiers are 256 bits that nobody can guess, and so do for all three.
	f = Flow{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
	return rp.AuthURL(f.State, p.party,
		rp.WithCodeChallenge(oidc.NewSHACodeChallenge(f.Verifier)),
		rp.AuthURLOpt(rp.WithURLParam("nonce", f.Nonce))), f
}

// Answers reports whether a state that came back is that of this sign-in.
func (f *Flow) Answers(state string) bool {
	return state != "" && subtle.ConstantTimeCompare([]byte(f.State), []byte(state)) == 1
}

// Finish gives what the provider says of the user who has come back with a code.
func (p *Provider) Finish(ctx context.Context, f Flow, code string) (*oidc.IDTokenClaims, error) {
	tokens, err := rp.CodeExchange[*oidc.IDTokenClaims](context.WithValue(ctx, nonceKey{}, f.Nonce), code, p.party, rp.WithCodeVerifier(f.Verifier))
	if err != nil {
		return nil, err
	}
	return tokens.IDTokenClaims, nil
}

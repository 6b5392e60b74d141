package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"gatehouse/gateway"
)

// ProviderOptions are an OpenID Connect provider, and who of its users may see the dashboard.
type ProviderOptions struct {
	Issuer, ClientID string
	// ClientSecret is empty for a client that has none.
	ClientSecret gateway.Secret
	// Callback is the URL that users come back to.
	Callback string
	// Emails are addresses that the provider has verified, or @DOMAIN for all of a domain;
	// Groups are those of the claim "groups". One that fits is enough.
	Emails, Groups []string
	// Client is what asks the provider, one with a timeout by default.
	Client *http.Client
}

// Provider signs users in by the authorization code flow, with a proof key (PKCE).
// See https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
type Provider struct {
	options ProviderOptions

	mu    sync.Mutex
	known rp.RelyingParty
}

// providerTimeout bounds each question to the provider.
const providerTimeout = 10 * time.Second

// signing are the algorithms that tokens may be signed with: those with keys that only the
// provider has.
var signing = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// ErrNotAllowed is for a user of the provider who may not see the dashboard.
var ErrNotAllowed = errors.New("this user may not see the dashboard")

// NewProvider does not ask the provider anything yet: it may be away for a while.
func NewProvider(o ProviderOptions) (*Provider, error) {
	var wrong []error
	issuer, err := url.Parse(o.Issuer)
	switch {
	case err != nil || issuer.Host == "" || issuer.Scheme != "https" && issuer.Scheme != "http":
		wrong = append(wrong, fmt.Errorf("the issuer %q is not a URL", o.Issuer))
	case issuer.Scheme == "http" && !isLoopback(issuer.Hostname()):
		wrong = append(wrong, fmt.Errorf("the issuer %s must be reached by https", o.Issuer))
	}
	if o.ClientID == "" {
		wrong = append(wrong, errors.New("the client has no id"))
	}
	if len(o.Emails) == 0 && len(o.Groups) == 0 {
		wrong = append(wrong, errors.New("nobody is let in: name e-mail addresses or groups"))
	}
	for _, e := range o.Emails {
		if !strings.Contains(e, "@") {
			wrong = append(wrong, fmt.Errorf("%q is no e-mail address, nor @DOMAIN", e))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: providerTimeout}
	}
	return &Provider{options: o}, nil
}

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// flow is what is to be known of a sign-in that has begun when its user comes back.
type flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Ends     int64  `json:"e"`
}

// flowTime is how long a user may take at the provider.
const flowTime = 10 * time.Minute

type nonceKey struct{}

// party asks the provider where its endpoints are, once.
func (p *Provider) party(ctx context.Context) (rp.RelyingParty, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	o := &p.options
	known, err := rp.NewRelyingPartyOIDC(ctx, o.Issuer, o.ClientID, o.ClientSecret.Reveal(), o.Callback, []string{"openid", "email", "profile"},
		rp.WithHTTPClient(o.Client),
		rp.WithVerifierOpts(
			rp.WithSupportedSigningAlgorithms(signing...), rp.WithIssuedAtOffset(time.Minute),
			rp.WithNonce(func(ctx context.Context) string { nonce, _ := ctx.Value(nonceKey{}).(string); return nonce }),
		))
	if err != nil {
		return nil, fmt.Errorf("asking the provider %s: %w", o.Issuer, err)
	}
	p.known = known
	return known, nil
}

// Begin gives where a user has to go, and what the cookie is to hold meanwhile.
func (p *Provider) Begin(ctx context.Context, s *Sessions) (location, cookie string, err error) {
	party, err := p.party(ctx)
	if err != nil {
		return "", "", err
	}
	f := flow{State: Token(), Nonce: Token(), Verifier: oauth2.GenerateVerifier(), Ends: s.now().Add(flowTime).Unix()}
	challenge := sha256.Sum256([]byte(f.Verifier))
	location = rp.AuthURL(f.State, party,
		rp.WithCodeChallenge(base64.RawURLEncoding.EncodeToString(challenge[:])),
		rp.AuthURLOpt(rp.WithURLParam("nonce", f.Nonce)))
	return location, s.Seal("flow", f), nil
}

// Finish takes a user in who has come back with a code.
func (p *Provider) Finish(ctx context.Context, s *Sessions, cookie string, answer url.Values) (User, error) {
	var f flow
	if !s.Open("flow", cookie, &f) || f.Ends <= s.now().Unix() {
		return User{}, errors.New("no sign-in was begun here, or too long ago")
	}
	if state := answer.Get("state"); state == "" || state != f.State {
		return User{}, errors.New("the answer is to another sign-in")
	}
	if problem := answer.Get("error"); problem != "" {
		return User{}, fmt.Errorf("the provider says %q", problem)
	}
	party, err := p.party(ctx)
	if err != nil {
		return User{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, nonceKey{}, f.Nonce), 2*providerTimeout)
	defer cancel()
	tokens, err := rp.CodeExchange[*oidc.IDTokenClaims](ctx, answer.Get("code"), party, rp.WithCodeVerifier(f.Verifier))
	if err != nil {
		return User{}, fmt.Errorf("the provider's token: %w", err)
	}
	claims := tokens.IDTokenClaims
	if !p.lets(claims) {
		return User{}, ErrNotAllowed
	}
	name := claims.Subject
	if claims.EmailVerified && claims.Email != "" {
		name = claims.Email
	}
	return User{Name: name, Provider: true}, nil
}

// lets reports whether a user is among those who may.
func (p *Provider) lets(claims *oidc.IDTokenClaims) bool {
	if email := strings.ToLower(claims.Email); bool(claims.EmailVerified) && email != "" {
		_, domain, _ := strings.Cut(email, "@")
		for _, allowed := range p.options.Emails {
			allowed = strings.ToLower(allowed)
			if allowed == email || strings.HasPrefix(allowed, "@") && allowed[1:] == domain {
				return true
			}
		}
	}
	switch groups := claims.Claims["groups"].(type) {
	case string:
		return slices.Contains(p.options.Groups, groups)
	case []any:
		return slices.ContainsFunc(groups, func(g any) bool {
			name, isText := g.(string)
			return isText && slices.Contains(p.options.Groups, name)
		})
	}
	return false
}

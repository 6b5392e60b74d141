package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"gatehouse/gateway"
	"gatehouse/internal/codeflow"
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
	known *codeflow.Provider
}

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
		o.Client = &http.Client{Timeout: codeflow.Timeout}
	}
	return &Provider{options: o}, nil
}

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// flow is a sign-in that has begun, and until when it may end.
type flow struct {
	codeflow.Flow
	Ends int64 `json:"e"`
}

// flowTime is how long a user may take at the provider.
const flowTime = 10 * time.Minute

// party asks the provider where its endpoints are, once.
func (p *Provider) party(ctx context.Context) (*codeflow.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return p.known, nil
	}
	o := &p.options
	known, err := codeflow.Discover(ctx, codeflow.Options{
		Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, Callback: o.Callback, Skew: time.Minute, Client: o.Client,
	})
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
	location, begun := party.Begin()
	return location, s.Seal("flow", flow{begun, s.now().Add(flowTime).Unix()}), nil
}

// Finish takes a user in who has come back with a code.
func (p *Provider) Finish(ctx context.Context, s *Sessions, cookie string, answer url.Values) (User, error) {
	var f flow
	if !s.Open("flow", cookie, &f) || f.Ends <= s.now().Unix() {
		return User{}, errors.New("no sign-in was begun here, or too long ago")
	}
	if !f.Answers(answer.Get("state")) {
		return User{}, errors.New("the answer is to another sign-in")
	}
	if problem := answer.Get("error"); problem != "" {
		return User{}, fmt.Errorf("the provider says %q", problem)
	}
	party, err := p.party(ctx)
	if err != nil {
		return User{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*codeflow.Timeout)
	defer cancel()
	claims, err := party.Finish(ctx, f.Flow, answer.Get("code"))
	if err != nil {
		return User{}, fmt.Errorf("the provider's token: %w", err)
	}
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

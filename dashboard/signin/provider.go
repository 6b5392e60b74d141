package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
	// Client is what asks the provider, one with bounds by default.
	Client *http.Client
}

// Provider signs users in by the authorization code flow.
type Provider struct {
	options ProviderOptions
	flow    *codeflow.Provider
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
	return &Provider{o, codeflow.New(codeflow.Options{
		Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, Callback: o.Callback, Client: o.Client,
	})}, nil
}

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// Begin gives where a user has to go, and what is to be kept meanwhile.
func (p *Provider) Begin(ctx context.Context) (location string, f codeflow.Flow, err error) {
	return p.flow.Begin(ctx)
}

// Finish takes a user in who has come back with an answer.
func (p *Provider) Finish(ctx context.Context, f codeflow.Flow, answer url.Values) (User, error) {
	claims, err := p.flow.Finish(ctx, f, answer)
	if err != nil {
		return User{}, err
	}
	if !p.lets(claims) {
		return User{}, ErrNotAllowed
	}
	name := claims.Subject
	if claims.EmailVerified && claims.Email != "" {
		name = claims.Email
	}
	return User{Name: name, Subject: claims.Subject}, nil
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

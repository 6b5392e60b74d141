package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
	// ApproverEmails and ApproverGroups are who of them may decide on requests for API keys.
	ApproverEmails, ApproverGroups []string
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
	for _, e := range slices.Concat(o.Emails, o.ApproverEmails) {
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
	user := User{Name: claims.Subject, Subject: claims.Subject, Groups: p.known(claims.Claims["groups"])}
	if claims.EmailVerified && claims.Email != "" {
		user.Name, user.Email = claims.Email, strings.ToLower(claims.Email)
	}
	if !p.Still(user) {
		return User{}, ErrNotAllowed
	}
	return user, nil
}

// known gives those of somebody's groups that are asked about: users may have very many.
func (p *Provider) known(claim any) (groups []string) {
	all, _ := claim.([]any)
	if one, isText := claim.(string); isText {
		all = []any{one}
	}
	for _, g := range slices.Concat(p.options.Groups, p.options.ApproverGroups) {
		if slices.Contains(all, any(g)) && !slices.Contains(groups, g) {
			groups = append(groups, g)
		}
	}
	return groups
}

// Still reports whether a user may see the dashboard: somebody who has signed in before the
// process was started again with other options may not.
func (p *Provider) Still(u User) bool { return among(u, p.options.Emails, p.options.Groups) }

// Approves reports whether a user may decide on requests for API keys.
func (p *Provider) Approves(u User) bool {
	return p.Still(u) && among(u, p.options.ApproverEmails, p.options.ApproverGroups)
}

// among reports whether a user has one of the addresses, or is in one of the groups.
func among(u User, emails, groups []string) bool {
	if u.Email != "" {
		_, domain, _ := strings.Cut(u.Email, "@")
		for _, allowed := range emails {
			allowed = strings.ToLower(allowed)
			if allowed == u.Email || strings.HasPrefix(allowed, "@") && allowed[1:] == domain {
				return true
			}
		}
	}
	return slices.ContainsFunc(u.Groups, func(g string) bool { return slices.Contains(groups, g) })
}

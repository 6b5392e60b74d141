package cli

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/dashboard"
	"gatehouse/dashboard/signin"
	"gatehouse/gateway"
	"gatehouse/internal/sessions"
)

// dashboardFlags say who sees the dashboard.
type dashboardFlags struct {
	signIn bool
	// signInChosen tells whether the user said so.
	signInChosen func() bool
	url          string
	issuer       string
	clientID     string
	secretFile   string
	emails       []string
	groups       []string
	// approvals has requests for API keys be decided on; approverEmails and approverGroups
	// are who of the provider's users may.
	approvals      bool
	approverEmails []string
	approverGroups []string
}

// clientSecretVariable is where the client's secret may be: it has no flag, since others see
// what is on a command line.
const clientSecretVariable = envPrefix + "DASHBOARD_OIDC_CLIENT_SECRET"

func (f *dashboardFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.signIn, "dashboard-sign-in", false, "have people sign in to the dashboard (default while --http-address is not a loopback address, or there is a provider)")
	flags.StringVar(&f.url, "dashboard-url", "", "where browsers find --http-address, such as https://gatehouse.example.com; for --dashboard-oidc-issuer")
	flags.StringVar(&f.issuer, "dashboard-oidc-issuer", "", "OpenID Connect provider that signs people in to the dashboard, by its URL")
	flags.StringVar(&f.clientID, "dashboard-oidc-client-id", "", "what the provider knows the dashboard as")
	flags.StringVar(&f.secretFile, "dashboard-oidc-client-secret-file", "", "file with the client's secret, if it has one (or in the environment: "+clientSecretVariable+")")
	flags.StringSliceVar(&f.emails, "dashboard-oidc-emails", nil, "who may see the dashboard: verified e-mail addresses, or @DOMAIN, with commas between")
	flags.StringSliceVar(&f.groups, "dashboard-oidc-groups", nil, "who may see the dashboard: groups of the provider (claim groups), with commas between")
	flags.BoolVar(&f.approvals, "dashboard-approvals", false, "let requests for API keys be decided on at the dashboard; with sign-in, by access keys that may do "+signin.DecideAction+", and by the approvers of the provider")
	flags.StringSliceVar(&f.approverEmails, "dashboard-oidc-approver-emails", nil, "who of those who may see the dashboard may decide on requests for API keys: e-mail addresses, or @DOMAIN, with commas between")
	flags.StringSliceVar(&f.approverGroups, "dashboard-oidc-approver-groups", nil, "who of those who may see the dashboard may decide on requests for API keys: groups of the provider, with commas between")
	f.signInChosen = func() bool { return changed(flags, "dashboard-sign-in") }
}

// asks reports whether people have to sign in at an address.
func (f *dashboardFlags) asks(httpAddress string) bool {
	if f.signInChosen != nil && f.signInChosen() {
		return f.signIn
	}
	return !loopback(httpAddress) || f.issuer != ""
}

func (f *dashboardFlags) check(httpAddress string) error {
	if f.issuer == "" {
		if f.clientID != "" || f.secretFile != "" || len(f.emails) > 0 || len(f.groups) > 0 {
			return usagef("--dashboard-oidc-client-id, -client-secret-file, -emails and -groups are for --dashboard-oidc-issuer, which is not given")
		}
	} else if _, err := f.provider(); err != nil {
		return usagef("--dashboard-oidc-issuer: %w", err)
	}
	if len(f.approverEmails)+len(f.approverGroups) > 0 && (f.issuer == "" || !f.approvals) {
		return usagef("--dashboard-oidc-approver-emails and -groups are for --dashboard-oidc-issuer and --dashboard-approvals, which are not both given")
	}
	if !f.asks(httpAddress) && f.issuer != "" {
		return usagef("--dashboard-sign-in=false and --dashboard-oidc-issuer contradict each other")
	}
	if !f.asks(httpAddress) && !loopback(httpAddress) {
		return usagef("--dashboard-sign-in=false would show the dashboard to everyone who reaches --http-address %s", httpAddress)
	}
	return nil
}

// provider is nil without an issuer.
func (f *dashboardFlags) provider() (*signin.Provider, error) {
	if f.issuer == "" {
		return nil, nil
	}
	u, err := url.Parse(f.url)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("--dashboard-url must say where browsers find --http-address, such as https://gatehouse.example.com; it is %q", f.url)
	}
	secret, err := f.secret()
	if err != nil {
		return nil, err
	}
	return signin.NewProvider(signin.ProviderOptions{
		Issuer: f.issuer, ClientID: f.clientID, ClientSecret: secret, Callback: u.JoinPath(dashboard.CallbackPath).String(), Emails: f.emails, Groups: f.groups,
		ApproverEmails: f.approverEmails, ApproverGroups: f.approverGroups,
	})
}

// maxSecretFile bounds a file that has a secret in it.
const maxSecretFile = 4096

func (f *dashboardFlags) secret() (gateway.Secret, error) {
	return secretOf("--dashboard-oidc-client-secret-file", f.secretFile, clientSecretVariable)
}

// secretOf reads the secret of a flag's file or, without one, of the environment.
func secretOf(flag, name, variable string) (gateway.Secret, error) {
	if name == "" {
		return gateway.Secret(os.Getenv(variable)), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	switch secret := strings.TrimSpace(string(text)); {
	case err != nil:
		return "", fmt.Errorf("%s: %w", flag, err)
	case secret == "":
		return "", fmt.Errorf("%s is empty", flag)
	case len(text) > maxSecretFile:
		return "", fmt.Errorf("%s is too long for a secret", flag)
	default:
		return gateway.Secret(secret), nil
	}
}

// access is who may see the dashboard, nil for everyone.
func (c *controlPlane) dashboardAccess(f *dashboardFlags, httpAddress string) (*dashboard.Access, error) {
	if !f.asks(httpAddress) {
		return nil, nil
	}
	provider, err := f.provider()
	if err != nil {
		return nil, err
	}
	access := &dashboard.Access{Provider: provider, Keys: &signin.Keys{Credentials: c.credentials, AccountID: c.accountID, Now: time.Now}}
	if c.stored != nil {
		access.Sessions = sessions.InStore(c.stored.store, "global/dashboard/")
	}
	return access, nil
}

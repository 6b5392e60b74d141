package cli

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"gatehouse/dashboard"
	"gatehouse/gateway"
	"gatehouse/internal/revision"
	"gatehouse/internal/webhook"
	"gatehouse/management/httpapi"
	"gatehouse/management/store"
	"gatehouse/portal"
	"gatehouse/ratelimit"
)

// portalFlags say where portals listen.
type portalFlags struct {
	address, url string
	insecure     bool
	// webhook is told of requests for keys; the messages are signed with what is in secretFile.
	webhook, secretFile string
}

// webhookSecretVariable is where the secret may be: it has no flag, since others see what is on a
// command line.
const webhookSecretVariable = envPrefix + "PORTAL_WEBHOOK_SECRET"

func (f *portalFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "portal-address", "", "where the gateway reaches the portals of definitions, such as 127.0.0.1:8003; port 0 takes a free one (default none: portals are not served)")
	flags.StringVar(&f.url, "portal-url", "", "where visitors find the portals of the management API, such as https://developers.example.com; each has its id for the first segment of its paths (default http:// and --portal-address, if that is on loopback)")
	flags.BoolVar(&f.insecure, "insecure-portal", false, "let keys and sessions of consumers travel between the gateway and --portal-address on another machine as plain text")
	flags.StringVar(&f.webhook, "portal-webhook", "", "https URL that is sent a signed message of each request for an API key. If it is a secret, give it as "+envName("portal-webhook")+" instead")
	flags.StringVar(&f.secretFile, "portal-webhook-secret-file", "", "file with the secret that messages to --portal-webhook are signed with (or in the environment: "+webhookSecretVariable+"), as openssl rand -base64 32 makes it")
}

func (f *portalFlags) check(roles rolesFlag) error {
	if f.url != "" {
		if !roles.has("management") {
			return usagef("--portal-url is for the role management, which --roles leaves out")
		}
		if u, err := url.Parse(f.url); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return usagef("--portal-url is no URL such as https://developers.example.com")
		}
	}
	switch {
	case f.webhook == "" && f.secretFile != "":
		return usagef("--portal-webhook-secret-file is for --portal-webhook, which is not given")
	case f.address == "" && f.webhook != "":
		return usagef("--portal-webhook is for --portal-address, which is not given")
	case f.address == "" && f.insecure:
		return usagef("--insecure-portal is for --portal-address, which is not given")
	case f.address == "":
		return nil
	case !roles.has("portal"):
		return usagef("--portal-address is for the role portal, which --roles leaves out")
	}
	if _, _, err := net.SplitHostPort(f.address); err != nil {
		return usagef("--portal-address: %w", err)
	}
	if !loopback(f.address) && !f.insecure {
		return usagef("--portal-address %s can be reached from other machines, and API keys travel there as plain text: "+
			"have it on 127.0.0.1, or give --insecure-portal if the network is private; consumers reach portals through a domain of the gateway", f.address)
	}
	return nil
}

// startWebhook has the owner of portals told of requests for keys; nil where nobody is.
func (f *portalFlags) startWebhook(log *slog.Logger, metrics prometheus.Registerer) (*webhook.Sender, error) {
	if f.webhook == "" {
		return nil, nil
	}
	secret, err := secretOf("--portal-webhook-secret-file", f.secretFile, webhookSecretVariable)
	if err != nil {
		return nil, err
	}
	sender, err := webhook.New(webhook.Options{URL: f.webhook, Secret: secret, Log: log.With("component", "webhook"), Registerer: metrics})
	if err != nil {
		return nil, usagef("--portal-webhook: %w", err)
	}
	return sender, nil
}

// askedForKey is what a webhook is told of a request for a key.
type askedForKey struct {
	ID            string    `json:"id"`
	Portal        string    `json:"portal"`
	API           string    `json:"api"`
	Stage         string    `json:"stage"`
	Plan          string    `json:"plan"`
	Name          string    `json:"name"`
	Email         string    `json:"email"`
	EmailVerified bool      `json:"emailVerified"`
	Purpose       string    `json:"purpose,omitempty"`
	Created       time.Time `json:"created"`
}

// askedKind is the type of such a message.
const askedKind = "portal.key.requested"

func tellAsked(to *webhook.Sender) func(portal.Request) {
	return func(r portal.Request) {
		to.Send(askedKind, r.Created, askedForKey{r.ID, r.Portal, r.API, r.Stage, r.Plan, r.Name, r.Email, r.EmailVerified, r.Purpose, r.Created})
	}
}

func startPortal(c *controlPlane) service {
	var kept store.Store
	if c.stored != nil {
		kept = c.stored.store
	}
	options := portal.Options{Log: c.log.With("component", "portal"), Store: kept, Off: c.portalOff}
	if c.counting != nil {
		options.Usage = consumerUsage{c.counting}
	}
	if c.webhook != nil {
		options.Asked = tellAsked(c.webhook)
	}
	c.portal = portal.New(options)
	return service{
		prepare: func(s *gateway.Snapshot) (revision.Swap, gateway.Diagnostics) {
			compiled, ds := c.portal.Compile(s)
			return func() func() { return c.portal.Swap(compiled) }, ds
		},
		shutdown: func(ctx context.Context) error {
			err := c.portal.Close(ctx)
			if c.webhook != nil {
				c.webhook.Close()
			}
			return err
		},
	}
}

// portalsAt is where portals of the management API are served. Those of a machine itself are
// found without a gateway.
func (c *controlPlane) portalsAt() httpapi.PortalSite {
	at := httpapi.PortalSite{URL: strings.TrimRight(c.portalURL, "/"), Off: c.portalOff && c.roles.has("portal")}
	if at.URL == "" && c.portalSocket != nil && loopback(c.portalSocket.Addr().String()) {
		at.URL = "http://" + c.portalSocket.Addr().String()
	}
	return at
}

// portalRequests is where owners find requests for keys, beside the other pages.
const portalRequests = "/portal/requests"

func (c *controlPlane) addPortalRequests(own *ownPages) {
	var requests http.Handler
	served := c.portal != nil && c.writable
	if served {
		requests = http.NewCrossOriginProtection().Handler(c.portal.DecisionHandler(portalRequests))
	}
	own.add(served, portalRequests, requests)
	own.add(served, portalRequests+"/{id}", requests)
}

// portalKeyRequests has requests for keys be decided on at the dashboard.
type portalKeyRequests struct{ portal func() *portal.Server }

func (p portalKeyRequests) List(ctx context.Context) ([]dashboard.KeyRequest, error) {
	requests, err := p.portal().Requests(ctx)
	shown := make([]dashboard.KeyRequest, 0, len(requests))
	for i := range requests {
		shown = append(shown, shownKeyRequest(&requests[i]))
	}
	return shown, err
}

func (p portalKeyRequests) Decide(ctx context.Context, id, state, reason, by string) (dashboard.KeyRequest, error) {
	r, err := p.portal().Decide(ctx, id, portal.Decision{State: portal.State(state), Reason: reason}, by)
	if err == nil {
		return shownKeyRequest(r), nil
	}
	if text, told := portal.Told(err); told {
		err = &dashboard.NotDecided{Text: text}
	}
	return dashboard.KeyRequest{}, err
}

func shownKeyRequest(r *portal.Request) dashboard.KeyRequest {
	shown := dashboard.KeyRequest{
		ID: r.ID, Portal: r.Portal, Stage: r.API + "/" + r.Stage, Plan: r.Plan, Name: r.Name, Email: r.Email, EmailVerified: r.EmailVerified,
		Purpose: r.Purpose, State: string(r.State), Reason: r.Reason, KeyID: r.KeyID, DecidedBy: r.DecidedBy, Created: r.Created,
	}
	if r.Decided != nil {
		shown.Decided = *r.Decided
	}
	return shown
}

// consumerUsage tells portals what the role ratelimit has counted.
type consumerUsage struct{ server *ratelimit.Server }

func (u consumerUsage) Daily(ctx context.Context, plan, key string, from, to time.Time) ([]portal.Day, bool, error) {
	usage, found, err := u.server.DailyUsage(ctx, planID(plan), key, from, to)
	if err != nil || !found {
		return nil, found, err
	}
	days := make([]portal.Day, 0, len(usage.Keys[key]))
	for i, d := range usage.Keys[key] {
		days = append(days, portal.Day{Day: usage.From.AddDate(0, 0, i), Calls: d[0], Left: d[1], Unlimited: usage.Unlimited})
	}
	return days, true, nil
}

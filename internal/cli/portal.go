package cli

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"gatehouse/dashboard"
	"gatehouse/gateway"
	"gatehouse/internal/revision"
	"gatehouse/management/httpapi"
	"gatehouse/management/store"
	"gatehouse/portal"
	"gatehouse/ratelimit"
)

// portalFlags say where portals listen.
type portalFlags struct {
	address, url string
	insecure     bool
}

func (f *portalFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "portal-address", "", "where the gateway reaches the portals of definitions, such as 127.0.0.1:8003; port 0 takes a free one (default none: portals are not served)")
	flags.StringVar(&f.url, "portal-url", "", "where visitors find the portals of the management API, such as https://developers.example.com; each has its id for the first segment of its paths (default http:// and --portal-address, if that is on loopback)")
	flags.BoolVar(&f.insecure, "insecure-portal", false, "let keys and sessions of consumers travel between the gateway and --portal-address on another machine as plain text")
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

func startPortal(c *controlPlane) service {
	var kept store.Store
	if c.stored != nil {
		kept = c.stored.store
	}
	options := portal.Options{Log: c.log.With("component", "portal"), Store: kept, Off: c.portalOff}
	if c.counting != nil {
		options.Usage = consumerUsage{c.counting}
	}
	c.portal = portal.New(options)
	return service{
		prepare: func(s *gateway.Snapshot) (revision.Swap, gateway.Diagnostics) {
			compiled, ds := c.portal.Compile(s)
			return func() func() { return c.portal.Swap(compiled) }, ds
		},
		shutdown: func(ctx context.Context) error { return c.portal.Close(ctx) },
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

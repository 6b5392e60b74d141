package native

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

var portalNameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// parsePortal reads a site for developers.
func parsePortal(v source.Value) gateway.Portal {
	o := v.Object()
	name := o.Require("name")
	p := gateway.Portal{Source: v.Pos()}
	if name.Exists() {
		p.Name = name.NonEmpty()
	}
	if p.Name != "" && !portalNameForm.MatchString(p.Name) {
		name.Errorf("invalid-name", "use lower-case letters, digits and hyphens, at most 63", "%s cannot be a part of the portal's paths", name.Shown())
		p.Name = ""
	}
	p.Title, p.Description = o.Get("title").Text(), o.Get("description").Text()
	p.URL = publicAddress(o.Require("url"))
	if signIn := o.Get("signIn"); signIn.Exists() {
		p.SignIn = parsePortalSignIn(signIn)
	}
	for _, group := range o.Get("groups").List() {
		p.Groups = append(p.Groups, parsePortalGroup(group))
	}
	for _, page := range o.Get("pages").List() {
		p.Pages = append(p.Pages, parsePortalPage(page))
	}
	if colors := o.Get("colors"); colors.Exists() {
		p.Colors = parsePortalColors(colors)
	}
	apis := o.Get("apis")
	if !apis.Exists() && len(p.Pages) == 0 {
		apis = o.Require("apis")
	}
	for _, a := range apis.List() {
		p.APIs = append(p.APIs, parsePortalAPI(a))
	}
	if apis.IsList() && len(p.APIs)+len(p.Pages) == 0 {
		apis.Errorf("empty-list", "", "the portal publishes nothing")
	}
	o.Done()
	return p
}

func parsePortalAPI(v source.Value) gateway.PortalAPI {
	o := v.Object()
	a := gateway.PortalAPI{
		Title: o.Get("title").Text(), Description: o.Get("description").Text(), Group: o.Get("group").Text(),
		Server: publicAddress(o.Require("server")), Source: v.Pos(),
	}
	if stage := o.Require("stage"); !stage.IsNull() {
		a.API, a.Stage = stageReference(stage)
	}
	if plan := o.Get("plan"); plan.Exists() {
		a.Plan = plan.NonEmpty()
	}
	for _, hidden := range o.Get("hide").List() {
		a.Hidden = append(a.Hidden, gateway.PortalRoutes{Pattern: hidden.NonEmpty(), Source: hidden.Pos()})
	}
	for _, shown := range o.Get("show").List() {
		a.Shown = append(a.Shown, parsePortalOperations(shown))
	}
	o.Done()
	return a
}

// stageReference reads API/STAGE.
func stageReference(v source.Value) (api, stage string) {
	text := v.NonEmpty()
	if text == "" {
		return "", ""
	}
	api, stage, ok := strings.Cut(text, "/")
	if !ok || api == "" || stage == "" {
		v.Errorf("invalid-stage-reference", "write API/STAGE, such as petstore/v1", "%s does not name a stage of an API", v.Shown())
		return "", ""
	}
	return api, stage
}

func parsePortalSignIn(v source.Value) *gateway.PortalSignIn {
	o := v.Object()
	issuer := o.Require("issuer")
	s := &gateway.PortalSignIn{
		ClientID: o.RequireText("clientId"), ClientSecret: o.Get("clientSecret").Secret(), CA: pemOf(o.Get("ca")), Source: v.Pos(),
	}
	if issuer.Exists() {
		s.Issuer = issuer.NonEmpty()
	}
	checkHTTPURL(issuer, s.Issuer)
	if s.Issuer != "" && !isSafe(s.Issuer) {
		issuer.Errorf("insecure-url", "write https://", "who signs in at %s could be anyone on the way there", issuer.Shown())
	}
	o.Done()
	return s
}

// parsePortalOperations reads routes that are shown: a pattern, or an object that says more
// of them.
func parsePortalOperations(v source.Value) gateway.PortalOperations {
	if !v.IsObject() {
		return gateway.PortalOperations{PortalRoutes: gateway.PortalRoutes{Pattern: v.NonEmpty(), Source: v.Pos()}}
	}
	o := v.Object()
	shown := gateway.PortalOperations{
		PortalRoutes: gateway.PortalRoutes{Pattern: o.RequireText("route"), Source: v.Pos()},
		Title:        o.Get("title").Text(), Description: o.Get("description").Text(), Group: o.Get("group").Text(),
		Server: publicAddress(o.Get("server")), ReadOnly: !o.Get("tryIt").Bool(true),
	}
	o.Done()
	return shown
}

func parsePortalGroup(v source.Value) gateway.PortalGroup {
	o := v.Object()
	g := gateway.PortalGroup{Title: o.RequireText("title"), Description: o.Get("description").Text(), Source: v.Pos()}
	o.Done()
	return g
}

// parsePortalPage reads a page, whose text may be in a file of its own.
func parsePortalPage(v source.Value) gateway.PortalPage {
	o := v.Object()
	name, body := o.Require("name"), o.Require("body")
	page := gateway.PortalPage{Title: o.RequireText("title"), Group: o.Get("group").Text(), Source: v.Pos()}
	if name.Exists() {
		page.Name = name.NonEmpty()
	}
	if page.Name != "" && !portalNameForm.MatchString(page.Name) {
		name.Errorf("invalid-name", "use lower-case letters, digits and hyphens, at most 63", "%s cannot be a part of the page's path", name.Shown())
	}
	if body.IsObject() {
		page.Body = string(body.FileContent())
	} else if body.Exists() {
		page.Body = body.NonEmpty()
	}
	o.Done()
	return page
}

var colorForm = regexp.MustCompile(`^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$`)

func parsePortalColors(v source.Value) *gateway.PortalColors {
	o := v.Object()
	color := func(key string) string {
		c := o.Get(key)
		if !c.Exists() {
			return ""
		}
		text := c.NonEmpty()
		if text != "" && !colorForm.MatchString(text) {
			c.Errorf("invalid-color", "write #RGB or #RRGGBB, such as \"#1d4ed8\"", "%s is not a color", c.Shown())
			return ""
		}
		return strings.ToLower(text)
	}
	colors := &gateway.PortalColors{
		Accent: color("accent"), Background: color("background"), Error: color("error"),
		Header: color("header"), Navigation: color("navigation"), Text: color("text"),
	}
	o.Done()
	return colors
}

// publicAddress reads where browsers are to find something: a URL with perhaps a path.
func publicAddress(v source.Value) string {
	if !v.Exists() {
		return ""
	}
	text := v.NonEmpty()
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	// What ends a directive of a Content-Security-Policy, or a segment of a pattern, is in
	// no address that anyone has.
	plain := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" && !strings.ContainsAny(text, " \t\"'<>\\^`{|};,*#%") && !strings.Contains(u.Path, "//") && !strings.Contains(u.Path, "/.")
	if !plain {
		v.Errorf("invalid-url", "write https://HOST or https://HOST/PATH", "%s is not an address that browsers can be sent to", v.Shown())
		return ""
	}
	if !isSafe(text) {
		v.Errorf("insecure-url", "write https://", "API keys travel to %s, and anyone on the way could read them", v.Shown())
	}
	return strings.TrimRight(text, "/")
}

// isSafe reports whether nobody else can read what is sent to a URL.
func isSafe(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "https" {
		return true // what is no URL is reported as that
	}
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost")
}

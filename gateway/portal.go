package gateway

import (
	"net/url"
	"strings"
)

// Portal is a site for developers: it publishes APIs, has them tried out, and takes
// requests for API keys.
type Portal struct {
	// Name is the first segment of its paths on the portal's own listener.
	Name, Title, Description string
	// URL is where consumers reach it, without a slash at its end.
	URL  string
	APIs []PortalAPI
	// Groups are headings, in their order; others come after them.
	Groups []PortalGroup
	// Pages are others than those about APIs, in their order.
	Pages []PortalPage
	// Colors are nil where the portal has its own.
	Colors *PortalColors
	// SignIn is how consumers say who they are; nil means by a secret that they are given.
	SignIn *PortalSignIn
	Source Position
}

// PortalAPI is a stage that a portal publishes.
type PortalAPI struct {
	API, Stage         string
	Title, Description string
	// Group is the heading that it is listed below; empty means none.
	Group string
	// Server is where consumers reach the stage, without a slash at its end.
	Server string
	// Plan is the usage plan that consumers may ask for a key of; empty means none.
	Plan string
	// Hidden are routes that are not published: "METHOD /path", "/path" for all its methods,
	// or "/path/*" for all that is below.
	Hidden []PortalRoutes
	// Shown are the only routes that are published, in the order of their groups; empty means
	// all that are not hidden.
	Shown []PortalOperations
	// Document is the OpenAPI document, as JSON, that the stage was written as, for its words;
	// empty where there is none.
	Document string
	Source   Position
}

// PortalRoutes chooses routes.
type PortalRoutes struct {
	Pattern string
	Source  Position
}

// PortalOperations are routes that a portal shows, and what it says of them.
type PortalOperations struct {
	PortalRoutes
	// Title and Description go before those of the document.
	Title, Description string
	// Group is the heading that they stand below; empty means as in the document.
	Group string
	// Server is where they are called, if not at that of the stage.
	Server string
	// ReadOnly keeps calls from being tried out.
	ReadOnly bool
}

// PortalGroup is a heading that pages and APIs are listed below.
type PortalGroup struct {
	Title, Description string
	Source             Position
}

// PortalPage is a page that says what its owner wrote, in Markdown.
type PortalPage struct {
	// Name is the last segment of its path.
	Name, Title string
	// Group is the heading that it is listed below; empty means none.
	Group  string
	Body   string
	Source Position
}

// PortalColors are those of a portal's pages, such as #1d4ed8; empty ones stay the portal's own.
type PortalColors struct{ Accent, Background, Error, Header, Navigation, Text string }

// PortalSignIn is an OpenID provider that consumers sign in at.
type PortalSignIn struct {
	Issuer, ClientID string
	// ClientSecret is empty for public clients, which PKCE alone protects.
	ClientSecret Secret
	// CA are the authorities that the issuer's certificate is verified with, PEM; empty
	// means the system's.
	CA     string
	Source Position
}

// Matches reports whether a route is among those that are chosen.
func (r *PortalRoutes) Matches(route *Route) bool {
	pattern := r.Pattern
	if method, path, ok := strings.Cut(pattern, " "); ok {
		if method != route.Method {
			return false
		}
		pattern = path
	}
	if below, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(route.Path, below+"/")
	}
	return pattern == route.Path
}

// Shows finds what a portal says of a route, or nil.
func (a *PortalAPI) Shows(route *Route) *PortalOperations {
	for i := range a.Shown {
		if a.Shown[i].Matches(route) {
			return &a.Shown[i]
		}
	}
	return nil
}

// Published reports whether consumers are told of a route: one that is shown and not
// hidden, nor there for browsers only, which ask by OPTIONS before they call.
func (a *PortalAPI) Published(route *Route) bool {
	if len(a.Shown) > 0 && a.Shows(route) == nil {
		return false
	}
	for i := range a.Hidden {
		if a.Hidden[i].Matches(route) {
			return false
		}
	}
	return route.Method != "OPTIONS"
}

// Origin is the origin of an address, such as "https://api.example.com"; empty where the
// address makes no sense.
func Origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// Portal finds a portal by name, or nil.
func (s *Snapshot) Portal(name string) *Portal {
	for i := range s.Portals {
		if s.Portals[i].Name == name {
			return &s.Portals[i]
		}
	}
	return nil
}

package gateway

import (
	"regexp"
	"strings"
	"unicode"
)

// maxRouteKey is Amazon's bound.
const maxRouteKey = 128

// webSocket checks the routes of a WebSocket API.
func (v *validation) webSocket(a *API, d *Deployment) {
	if len(d.Routes) == 0 {
		v.errorf("no-routes", d.Source, "add routes: with $default, $connect or keys of your own", "the WebSocket API %s has no routes", a.ID)
	}
	seen := map[string]Position{}
	names := map[string]Position{}
	for _, authorizer := range d.Authorizers {
		v.unique(names, "authorizer", authorizer.Name, authorizer.Source)
	}
	for i := range d.Routes {
		r := &d.Routes[i]
		key := r.Path
		v.unique(seen, "route", key, r.Source)
		special := key == ConnectRoute || key == DisconnectRoute || key == DefaultRoute
		switch {
		case strings.HasPrefix(key, "$") && !special:
			v.errorf("invalid-route-key", r.Source, "there are $connect, $disconnect and $default; other keys do not begin with a dollar sign", "%q is not a route of a WebSocket API", key)
		case key == "" || len(key) > maxRouteKey || strings.ContainsFunc(key, unfitForKey):
			v.errorf("invalid-route-key", r.Source, "write printable characters without spaces, 128 at most", "%q is not a valid route key", key)
		}
		if key == ConnectRoute {
			continue
		}
		// A caller is known from the time it connected; there is nothing later on to tell
		// another by.
		if r.Authorization != nil {
			v.errorf("connect-only", r.Authorization.Source, "move it to $connect", "callers of a WebSocket API are authorized when they connect, not by the route %s", key)
		}
		if r.APIKeyRequired {
			v.errorf("connect-only", r.APIKeySource, "move it to $connect", "API keys are shown when a client connects, not by the route %s", key)
		}
		if key == DisconnectRoute && r.ResponseSelectionExpression != "" {
			v.errorf("no-effect", r.Source, "remove routeResponseSelectionExpression", "nobody is there any more who could be sent the answer of $disconnect")
		}
	}
}

// unfitForKey are the characters that no route key has.
func unfitForKey(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }

// responseKey is how an answer of an integration is chosen: /a regular expression/, or
// $default.
var responseKey = regexp.MustCompile(`^/(.+)/$`)

// ParseResponseKey reads the key of an integration response of a WebSocket API. It is
// nil for the default one.
func ParseResponseKey(key string) (*regexp.Regexp, error) {
	if key == DefaultRoute || key == "" {
		return nil, nil
	}
	text := regexp.QuoteMeta(key)
	if m := responseKey.FindStringSubmatch(key); m != nil {
		text = m[1]
	}
	// Without the parentheses an alternative would be bound at one end only.
	if _, err := regexp.Compile(text); err != nil {
		return nil, err
	}
	return regexp.Compile(`^(?:` + text + `)$`)
}

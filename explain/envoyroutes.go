package explain

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	envoymatcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"gatehouse/internal/wire"
	"gatehouse/translator"
)

// hosts are the virtual hosts that an Envoy is sent, by domain.
type hosts map[string]*routev3.VirtualHost

const routeConfigurationType = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"

func hostsOf(resources translator.Resources) hosts {
	out := hosts{}
	configs := resources[routeConfigurationType]
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		config, ok := configs[name].(*routev3.RouteConfiguration)
		if !ok {
			continue
		}
		for _, vh := range config.GetVirtualHosts() {
			for _, domain := range vh.GetDomains() {
				// A host's own configuration has "*" for it, as only its requests come there.
				if own, found := strings.CutPrefix(name, "host/"); found && domain == "*" {
					domain = own
				}
				if out[domain] == nil {
					out[domain] = vh
				}
			}
		}
	}
	return out
}

// find gives the virtual host of a host: that of its name, else of the longest suffix, else
// that for all; nil for none.
// See https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
func (h hosts) find(host string) (domain string, vh *routev3.VirtualHost) {
	if vh := h[host]; vh != nil {
		return host, vh
	}
	for suffix := host; ; {
		at := strings.IndexByte(suffix, '.')
		if at < 0 {
			break
		}
		if vh := h["*"+suffix[at:]]; vh != nil {
			return "*" + suffix[at:], vh
		}
		suffix = suffix[at+1:]
	}
	return "*", h["*"]
}

// route finds the route that Envoy takes, nil for none: in the list under the longest prefix
// the first that matches. fraction tells of one that takes a part of the requests only.
func route(vh *routev3.VirtualHost, a *asked) *routev3.Route {
	longest := ""
	tree := translator.RoutesByPath(vh)
	for prefix := range tree {
		if strings.HasPrefix(a.target(), prefix) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	list := &routev3.RouteList{}
	if action := tree[longest].GetAction().GetTypedConfig(); action == nil || action.UnmarshalTo(list) != nil {
		return nil
	}
	for _, r := range list.GetRoutes() {
		if matches(r.GetMatch(), a) {
			return r
		}
	}
	return nil
}

func matches(m *routev3.RouteMatch, a *asked) bool {
	if m.GetRuntimeFraction() != nil && !a.canary {
		return false
	}
	if !matchesPath(m, a.path) {
		return false
	}
	for _, h := range m.GetHeaders() {
		if matchesHeader(h, a) != !h.GetInvertMatch() {
			return false
		}
	}
	for _, q := range m.GetQueryParameters() {
		if !matchesQuery(q, a.query) {
			return false
		}
	}
	return true
}

func matchesPath(m *routev3.RouteMatch, path string) bool {
	switch p := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Path:
		return path == p.Path
	case *routev3.RouteMatch_Prefix:
		return strings.HasPrefix(path, p.Prefix)
	case *routev3.RouteMatch_PathSeparatedPrefix:
		return path == p.PathSeparatedPrefix || strings.HasPrefix(path, p.PathSeparatedPrefix+"/")
	case *routev3.RouteMatch_SafeRegex:
		return wholly(p.SafeRegex.GetRegex(), path)
	}
	return false
}

// wholly matches a text as a whole, as Envoy's regular expressions of routes do. Both sides
// have RE2's language.
func wholly(pattern, text string) bool {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	return err == nil && re.MatchString(text)
}

// matchesHeader is the match without its inversion.
func matchesHeader(h *routev3.HeaderMatcher, a *asked) bool {
	var values []string
	switch name := strings.ToLower(h.GetName()); name {
	case ":method":
		values = []string{a.method}
	case ":authority":
		values = []string{a.host}
	case ":path":
		values = []string{a.target()}
	default:
		values = a.header.Values(name)
	}
	if h.GetTreatMissingHeaderAsEmpty() && len(values) == 0 {
		values = []string{""}
	}
	switch m := h.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_PresentMatch:
		return (len(values) > 0) == m.PresentMatch
	case *routev3.HeaderMatcher_StringMatch:
		// Envoy takes the values of a header together.
		return len(values) > 0 && matchesString(m.StringMatch, strings.Join(values, ","))
	}
	return len(values) > 0
}

func matchesString(m *envoymatcherv3.StringMatcher, text string) bool {
	fold := func(s string) string { return s }
	if m.GetIgnoreCase() {
		fold = strings.ToLower
	}
	text = fold(text)
	switch p := m.GetMatchPattern().(type) {
	case *envoymatcherv3.StringMatcher_Exact:
		return text == fold(p.Exact)
	case *envoymatcherv3.StringMatcher_Prefix:
		return strings.HasPrefix(text, fold(p.Prefix))
	case *envoymatcherv3.StringMatcher_Suffix:
		return strings.HasSuffix(text, fold(p.Suffix))
	case *envoymatcherv3.StringMatcher_Contains:
		return strings.Contains(text, fold(p.Contains))
	case *envoymatcherv3.StringMatcher_SafeRegex:
		return wholly(p.SafeRegex.GetRegex(), text)
	}
	return false
}

func matchesQuery(q *routev3.QueryParameterMatcher, query string) bool {
	// Not url.ParseQuery, which drops what has a semicolon in it.
	value, found := "", false
	for item := range strings.SplitSeq(query, "&") {
		name, text, _ := strings.Cut(item, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if name == q.GetName() {
			value, found = text, true
			break
		}
	}
	switch m := q.GetQueryParameterMatchSpecifier().(type) {
	case *routev3.QueryParameterMatcher_PresentMatch:
		return found == m.PresentMatch
	case *routev3.QueryParameterMatcher_StringMatch:
		return found && matchesString(m.StringMatch, value)
	}
	return found
}

// about is a value of a route's metadata.
func about(r *routev3.Route, key string) string {
	return r.GetMetadata().GetFilterMetadata()[wire.MetadataNamespace].GetFields()[key].GetStringValue()
}

// again is what a request by the path form asks for in its second pass: the API's own host,
// and the path that is left.
func again(r *routev3.Route, a *asked) *asked {
	next := *a
	action := r.GetRoute()
	if host := action.GetHostRewritePathRegex(); host != nil {
		next.host = rewrite(host, a.path)
	}
	if path := action.GetRegexRewrite(); path != nil {
		next.path = rewrite(path, a.path)
	}
	return &next
}

var reference = regexp.MustCompile(`\\(\d)`)

// rewrite is Envoy's: RE2's references are \1, Go's ${1}.
func rewrite(r *envoymatcherv3.RegexMatchAndSubstitute, text string) string {
	re, err := regexp.Compile(r.GetPattern().GetRegex())
	if err != nil {
		return text
	}
	return re.ReplaceAllString(text, reference.ReplaceAllString(strings.ReplaceAll(r.GetSubstitution(), "$", "$$"), "$${$1}"))
}

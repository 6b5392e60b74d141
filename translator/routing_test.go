package translator_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"gatehouse/gateway"
	"gatehouse/translator"
)

// TestTreesLeadWhereAmazonDoes routes paths through the prefix trees of random APIs as
// Envoy would, and compares that with a walk through the resources as Amazon describes
// it: no bucket may lack a route, or have it in another place.
func TestTreesLeadWhereAmazonDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 120 {
		protocol := gateway.REST
		if i%2 == 1 {
			protocol = gateway.HTTP
		}
		mapped := map[string]*gateway.Deployment{}
		s := &gateway.Snapshot{Gateways: []gateway.Gateway{{Name: "edge", Listeners: []gateway.Listener{{Port: 8080}}}}}
		domain := gateway.Domain{Name: "api.example.com", Gateway: "edge"}
		for j, base := range []string{"", "a", "a/b"} {
			if random.IntN(2) == 0 {
				continue
			}
			d := randomAPI(random, protocol)
			id := fmt.Sprintf("api%d", j)
			s.APIs = append(s.APIs, gateway.API{ID: id, Name: id, Protocol: protocol, Stages: []gateway.Stage{{Name: "s", Deployment: d}}})
			domain.Mappings = append(domain.Mappings, gateway.DomainMapping{Path: base, API: id, Stage: "s"})
			mapped[base] = d
		}
		s.Domains = []gateway.Domain{domain}
		if found := s.Validate(); found.HasErrors() && len(mapped) > 0 {
			t.Fatal(found)
		}
		out, diags := translator.New().Translate(s.Seal())
		if out == nil {
			t.Fatal(diags)
		}
		tree := treesOf(t, out.Gateways["edge"][shownTypes["tree"]]["host/api.example.com"])["api.example.com"]
		for range 50 {
			method, path := randomMethod(random), randomPath(random)
			if got, want := tree.route(method, path), walk(mapped, protocol, method, path); got != want {
				t.Errorf("%s API, %s %s: %s, want %s\n%s", protocol, method, path, got, want, describe(mapped))
				break
			}
		}
	}
}

func randomAPI(random *rand.Rand, protocol gateway.Protocol) *gateway.Deployment {
	d := &gateway.Deployment{Protocol: protocol}
	seen := map[string]bool{}
	add := func(method, path string) {
		r := gateway.Route{Method: method, Path: path, Integration: &gateway.Integration{
			Type: gateway.IntegrationHTTPProxy, URI: "http://127.0.0.1:9101/", ConnectionType: gateway.ConnectionInternet,
		}}
		if !seen[r.Key()] {
			seen[r.Key()] = true
			d.Routes = append(d.Routes, r)
		}
	}
	for range 1 + random.IntN(8) {
		var b strings.Builder
		depth := random.IntN(4)
		for k := range depth {
			switch n := random.IntN(8); {
			case n < 4:
				b.WriteString("/" + literals[random.IntN(len(literals))])
			case n < 7 || k < depth-1:
				fmt.Fprintf(&b, "/{v%d}", k)
			default:
				fmt.Fprintf(&b, "/{v%d+}", k)
			}
		}
		path := cmp.Or(b.String(), "/")
		if protocol == gateway.HTTP && depth > 0 && !strings.HasSuffix(path, "+}") && random.IntN(5) == 0 {
			path += "/"
		}
		if protocol == gateway.REST {
			if !oneVariable(seen, path) {
				continue
			}
		}
		add(randomMethod(random), path)
	}
	if protocol == gateway.HTTP && random.IntN(3) == 0 {
		add(gateway.AnyMethod, gateway.DefaultRoute)
	}
	if len(d.Routes) == 0 {
		add("GET", "/")
	}
	return d
}

// oneVariable keeps REST APIs valid: below a resource stands one variable, be it plain
// or greedy. It notes those of the path in taken.
func oneVariable(taken map[string]bool, path string) bool {
	parts := strings.Split(path[1:], "/")
	for i, part := range parts {
		below := strings.Join(parts[:i], "/")
		if strings.HasSuffix(part, "+}") && taken["plain below "+below] || !strings.HasSuffix(part, "+}") && strings.HasSuffix(part, "}") && taken["greedy below "+below] {
			return false
		}
	}
	for i, part := range parts {
		switch below := strings.Join(parts[:i], "/"); {
		case strings.HasSuffix(part, "+}"):
			taken["greedy below "+below] = true
		case strings.HasSuffix(part, "}"):
			taken["plain below "+below] = true
		}
	}
	return true
}

// literals begin alike, so that buckets do, too, and are base paths besides.
var literals = []string{"a", "ab", "b", "abc"}

func randomMethod(random *rand.Rand) string {
	return []string{"GET", "POST", gateway.AnyMethod}[random.IntN(3)]
}

func randomPath(random *rand.Rand) string {
	var b strings.Builder
	for range random.IntN(6) {
		b.WriteString("/" + append(literals, "x")[random.IntN(len(literals)+1)])
	}
	if b.Len() == 0 || random.IntN(4) == 0 {
		b.WriteByte('/')
	}
	return b.String()
}

// route finds a path's route as Envoy does: the bucket of the longest prefix, in it the
// first that matches. A request with the method ANY is one with PUT.
func (tree routeTree) route(method, path string) string {
	longest := ""
	for prefix := range tree {
		if strings.HasPrefix(path, prefix) && len(prefix) > len(longest) {
			longest = prefix
		}
	}
	for _, r := range tree[longest] {
		if matchesPath(r.GetMatch(), path) && matchesMethod(r.GetMatch(), asked(method)) {
			return r.GetMetadata().GetFilterMetadata()["gw"].GetFields()["api"].GetStringValue() + " " + nameOf(r)
		}
	}
	return "none at all"
}

func asked(method string) string {
	if method == gateway.AnyMethod {
		return "PUT"
	}
	return method
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
		return regexp.MustCompile("^(?:" + p.SafeRegex.Regex + ")$").MatchString(path)
	}
	return false
}

func matchesMethod(m *routev3.RouteMatch, method string) bool {
	if len(m.GetHeaders()) == 0 {
		return true
	}
	s := m.GetHeaders()[0].GetStringMatch()
	if s.GetSafeRegex() != nil {
		return regexp.MustCompile("^(?:" + s.GetSafeRegex().GetRegex() + ")$").MatchString(method)
	}
	return s.GetExact() == method
}

// walk is the routing as Amazon describes it.
func walk(mapped map[string]*gateway.Deployment, protocol gateway.Protocol, method, path string) string {
	for _, base := range []string{"a/b", "a", ""} {
		d := mapped[base]
		rest, below := strings.CutPrefix(path, "/"+base)
		if base == "" {
			rest, below = path, true
		}
		if d == nil || !below || rest != "" && !strings.HasPrefix(rest, "/") {
			continue
		}
		id := "api" + fmt.Sprint(slices.Index([]string{"", "a", "a/b"}, base))
		rest = cmp.Or(rest, "/")
		if protocol == gateway.REST {
			rest = cmp.Or(strings.TrimSuffix(rest, "/"), "/")
		}
		parts := strings.Split(rest[1:], "/")
		if rest == "/" {
			parts = nil
		}
		if found := descend(d.Routes, parts, method, protocol == gateway.REST); found != "" {
			return id + " " + found
		}
		if protocol == gateway.HTTP {
			if found := greedy(d.Routes, parts, method); found != "" {
				return id + " " + found
			}
			if slices.ContainsFunc(d.Routes, func(r gateway.Route) bool { return r.Path == gateway.DefaultRoute }) {
				return id + " " + gateway.DefaultRoute
			}
		}
		return id + " no route"
	}
	return " unmapped"
}

// descend goes down the tree of resources, comes back where it leads nowhere, and gives
// the key of the route it ends at. Literals go before variables before the greedy one.
func descend(routes []gateway.Route, parts []string, method string, withGreedy bool) string {
	var step func(at string, parts []string) string
	step = func(at string, parts []string) string {
		if len(parts) == 0 {
			return ofMethod(routes, cmp.Or(at, "/"), method)
		}
		if found := step(at+"/"+parts[0], parts[1:]); found != "" {
			return found
		}
		depth := strings.Count(at, "/")
		if parts[0] != "" {
			if found := step(fmt.Sprintf("%s/{v%d}", at, depth), parts[1:]); found != "" {
				return found
			}
		}
		if withGreedy {
			return ofMethod(routes, fmt.Sprintf("%s/{v%d+}", at, depth), method)
		}
		return ""
	}
	return step("", parts)
}

// greedy finds the greedy route with the most specific beginning.
func greedy(routes []gateway.Route, parts []string, method string) string {
	var step func(at string, parts []string) string
	step = func(at string, parts []string) string {
		if strings.Join(parts, "/") == "" {
			return ""
		}
		depth := strings.Count(at, "/")
		for _, next := range []string{at + "/" + parts[0], fmt.Sprintf("%s/{v%d}", at, depth)} {
			if parts[0] == "" {
				continue
			}
			if found := step(next, parts[1:]); found != "" {
				return found
			}
		}
		return ofMethod(routes, fmt.Sprintf("%s/{v%d+}", at, depth), method)
	}
	return step("", parts)
}

func ofMethod(routes []gateway.Route, path, method string) string {
	for _, m := range []string{asked(method), gateway.AnyMethod} {
		for i := range routes {
			if routes[i].Path == path && routes[i].Method == m {
				return routes[i].Key()
			}
		}
	}
	return ""
}

func describe(mapped map[string]*gateway.Deployment) string {
	var b strings.Builder
	for _, base := range []string{"", "a", "a/b"} {
		if d := mapped[base]; d != nil {
			fmt.Fprintf(&b, "/%s:", base)
			for i := range d.Routes {
				b.WriteString(" " + d.Routes[i].Key() + ";")
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

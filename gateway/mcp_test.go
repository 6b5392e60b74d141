package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/gateway"
)

// TestMCPRoute holds what an endpoint asks for to what its tools do.
func TestMCPRoute(t *testing.T) {
	a, b := gateway.Authorization{Type: gateway.AuthorizationJWT, Authorizer: "a"}, gateway.Authorization{Type: gateway.AuthorizationJWT, Authorizer: "b"}
	scoped := a
	scoped.Scopes = []string{"s"}
	type asks struct {
		of  *gateway.Authorization
		key bool
	}
	open, key, tokenA, tokenB, tokenAScoped, both, bothB := asks{}, asks{nil, true}, asks{&a, false}, asks{&b, false}, asks{&scoped, false}, asks{&a, true}, asks{&b, true}
	for name, c := range map[string]struct {
		routes []asks
		access string
		want   string
	}{
		"all open":               {[]asks{open, open}, "", "open"},
		"one open":               {[]asks{key, open, tokenA}, "", "open"},
		"keys":                   {[]asks{key, key}, "", "key"},
		"tokens":                 {[]asks{tokenA, tokenA}, "", "a"},
		"scopes":                 {[]asks{tokenAScoped, tokenAScoped}, "", "a[s]"},
		"scopes of some":         {[]asks{tokenAScoped, tokenA}, "", "a"},
		"both":                   {[]asks{both, both}, "", "a key"},
		"a key for some":         {[]asks{both, tokenA}, "", "a"},
		"a key, and more":        {[]asks{both, key}, "", "key"},
		"a key with any token":   {[]asks{both, bothB}, "", "key"},
		"two authorizers":        {[]asks{tokenA, tokenB}, "", "GET /0 and GET /1 ask for different proofs of their callers"},
		"a token or a key":       {[]asks{tokenA, key}, "", "GET /0 and GET /1 ask for different proofs of their callers"},
		"as said":                {[]asks{tokenA, key}, "GET /1", "key"},
		"open, as said":          {[]asks{both, both}, "open", "open"},
		"more than needed":       {[]asks{open, both}, "GET /1", "a key"},
		"as a route that is not": {[]asks{open}, "GET /9", `the API has no route "GET /9"`},
	} {
		d := &gateway.Deployment{}
		for i, r := range c.routes {
			path := fmt.Sprintf("/%d", i)
			d.Routes = append(d.Routes, gateway.Route{Method: "GET", Path: path, Authorization: r.of, APIKeyRequired: r.key})
			d.Tools = append(d.Tools, gateway.Tool{Name: "t" + path, Route: "GET " + path})
		}
		route, err := (&gateway.Stage{Deployment: d, MCP: &gateway.MCP{Access: c.access}}).MCPRoute()
		got := "open"
		switch {
		case err != nil:
			got = err.Error()
		case route.Authorization != nil && route.APIKeyRequired:
			got = route.Authorization.Authorizer + " key"
		case route.Authorization != nil:
			if got = route.Authorization.Authorizer; len(route.Authorization.Scopes) > 0 {
				got += fmt.Sprint(route.Authorization.Scopes)
			}
		case route.APIKeyRequired:
			got = "key"
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestTools chooses tools.
func TestTools(t *testing.T) {
	d := &gateway.Deployment{Tools: []gateway.Tool{
		{Name: "list", Route: "GET /pets"}, {Name: "add", Route: "POST /pets"}, {Name: "old", Route: "GET /old", Deprecated: true}, {Name: "inner", Route: "GET /inner", Internal: true},
	}}
	for name, c := range map[string]struct{ include, exclude, want string }{
		"all":                 {"", "", "list add"},
		"some":                {"", "add", "list"},
		"by route":            {"", "GET /pets", "add"},
		"by method":           {"GET *", "", "list"},
		"by name":             {"old,add", "", "add old"},
		"by beginning":        {"GET /p*", "", "list"},
		"by middle":           {"*/pe*s", "POST*", "list"},
		"every one":           {"*", "", "list add"},
		"exclude is stronger": {"list", "list", ""},
		"internal":            {"GET /inner", "", "inner"},
		"not overlapping":     {"GET /petsets*", "", ""},
		"longer than it is":   {"listlist*list", "", ""},
	} {
		m := &gateway.MCP{}
		for _, each := range strings.Split(c.include, ",") {
			if each != "" {
				m.Include = append(m.Include, gateway.ToolSelector{Pattern: each})
			}
		}
		if c.exclude != "" {
			m.Exclude = []gateway.ToolSelector{{Pattern: c.exclude}}
		}
		var got []string
		for _, tool := range (&gateway.Stage{Deployment: d, MCP: m}).Tools() {
			got = append(got, tool.Name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

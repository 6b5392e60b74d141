package integration

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// FuzzCacheKey holds that two requests have one key if, and only if, all their values of
// the parameters are the same: whoever could make his key that of another request would
// have others be given his answer.
func FuzzCacheKey(f *testing.F) {
	r := &gateway.Route{Method: "GET", Path: "/{a}/{b+}", Integration: &gateway.Integration{CacheKeyParameters: []string{
		"method.request.path.a", "method.request.path.b", "method.request.querystring.q", "method.request.header.H", "method.request.header.I",
	}}}
	st := &stage{protocol: gateway.REST, routes: map[string]*route{}}
	var found gateway.Diagnostics
	b := &stageCompiler{stage: st, found: &found}
	c := &cachedRoute{parameters: b.keyParameters(r), seed: []byte("seed")}
	template, err := gateway.ParsePath(r.Path)
	if err != nil || found != nil {
		f.Fatal(err, found)
	}
	of := &route{stage: st, Route: r, template: template}
	f.Add("/x/y?q=1", "h", "i", "/x/y?q=1&q=2", "h\x00", "i")
	f.Add("/x/y?q=a%26q=b", "", "hi", "/x/y?q=a&q=b", "hi", "")
	f.Add("/x/y/z", "a", "", "/x%2Fy/z", "", "a")
	f.Fuzz(func(t *testing.T, target1, h1, i1, target2, h2, i2 string) {
		exchangeOf := func(target, h, i string) *exchange {
			x := &exchange{route: of, request: &http.Request{Method: "GET", Header: http.Header{}, RequestURI: target}}
			x.path, x.query, _ = strings.Cut(target, "?")
			for name, value := range map[string]string{"H": h, "I": i} {
				// A dot stands for two headers of the name.
				if value != "" {
					x.request.Header[name] = strings.Split(value, ".")
				}
			}
			return x
		}
		one, two := exchangeOf(target1, h1, i1), exchangeOf(target2, h2, i2)
		same := true
		for _, p := range c.parameters {
			same = same && slices.Equal(p.values(one), p.values(two))
		}
		if equal := c.key(one) == c.key(two); equal != same {
			t.Errorf("the same values: %t, the same key: %t", same, equal)
		}
	})
}

// Clients cannot send what tells of the caller, so a key must not be made of it either.
func TestInternalHeadersAreNoParameters(t *testing.T) {
	b := &stageCompiler{}
	for _, name := range []string{wire.RouteHeader, strings.ToUpper(wire.InvalidateHeader)} {
		if b.valuesOf(&gateway.Route{}, gateway.Expression{Kind: gateway.RequestHeader, Name: name}) != nil {
			t.Error(name)
		}
	}
}

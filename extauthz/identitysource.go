package extauthz

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/gateway"
)

// identitySource is where an authorizer finds who calls.
type identitySource struct {
	kind identityKind
	// name of the header (in lower case), parameter or variable.
	name string
	// all: every value is meant, not the last.
	all bool
}

type identityKind int

const (
	identityHeader identityKind = iota
	identityQuery
	identityStageVariable
	identityContext
)

var identityPrefixes = []struct {
	prefix string
	kind   identityKind
	all    bool
}{
	{"method.request.header.", identityHeader, false},
	{"method.request.multivalueheader.", identityHeader, true},
	{"method.request.querystring.", identityQuery, false},
	{"method.request.multivaluequerystring.", identityQuery, true},
	{"route.request.header.", identityHeader, false},
	{"route.request.querystring.", identityQuery, false},
	{"$request.header.", identityHeader, true},
	{"$request.querystring.", identityQuery, true},
	{"stageVariables.", identityStageVariable, false},
	{"$stageVariables.", identityStageVariable, false},
	{"context.", identityContext, false},
	{"$context.", identityContext, false},
}

func parseIdentitySource(text string) (identitySource, error) {
	for _, p := range identityPrefixes {
		name, ok := strings.CutPrefix(text, p.prefix)
		if !ok || name == "" {
			continue
		}
		switch p.kind {
		case identityHeader:
			name = strings.ToLower(name)
		case identityContext:
			if contextVariables[name] == nil {
				return identitySource{}, fmt.Errorf("%q is not known when an authorizer is asked", text)
			}
		}
		return identitySource{p.kind, name, p.all}, nil
	}
	return identitySource{}, fmt.Errorf("%q is not an identity source", text)
}

// values are all values of the source. The key under which an answer is kept has all of
// them: the function can see each, whichever of them is the identity.
func (s identitySource) values(c *check) []string {
	switch s.kind {
	case identityHeader:
		return c.values(s.name)
	case identityQuery:
		return named(c.queryParameters(c.stage.protocol == gateway.REST), s.name)
	case identityStageVariable:
		if value, ok := c.stage.variables[s.name]; ok {
			return []string{value}
		}
		return nil
	}
	if value := contextVariables[s.name](c); value != "" {
		return []string{value}
	}
	return nil
}

// identity is what the function is told of the values: the last one, or all of them.
func (s identitySource) identity(values []string) string {
	switch {
	case len(values) == 0:
		return ""
	case s.all:
		return strings.Join(values, ",")
	}
	return values[len(values)-1]
}

// missing reports whether a source has no value, or nothing in it.
func missing(values []string) bool {
	return !slices.ContainsFunc(values, func(value string) bool { return value != "" })
}

// contextVariables are those of $context that are known before the authorizer is asked.
var contextVariables = map[string]func(*check) string{
	"accountId":          func(c *check) string { return c.stage.identity.Account },
	"apiId":              func(c *check) string { return c.stage.key.api },
	"domainName":         func(c *check) string { name, _ := c.domain(); return name },
	"domainPrefix":       func(c *check) string { _, prefix := c.domain(); return prefix },
	"httpMethod":         func(c *check) string { return c.http.GetMethod() },
	"identity.apiKey":    func(c *check) string { return c.apiKey() },
	"identity.sourceIp":  func(c *check) string { return c.sourceIP() },
	"identity.userAgent": func(c *check) string { return c.header("user-agent") },
	"path":               func(c *check) string { return c.request.path },
	"protocol":           func(c *check) string { return c.http.GetProtocol() },
	"requestId":          func(c *check) string { return c.id() },
	"resourceId":         func(c *check) string { return c.route.resourceID },
	"resourcePath":       func(c *check) string { return c.route.path },
	"routeKey":           func(c *check) string { return c.route.key },
	"stage":              func(c *check) string { return c.stage.name },
}

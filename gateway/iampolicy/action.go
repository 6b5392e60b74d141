package iampolicy

import (
	"regexp"
	"slices"
	"strings"
)

// The actions of the execute-api service.
const (
	// Invoke calls a method.
	Invoke = "execute-api:Invoke"
	// InvalidateCache asks for a fresh answer from a method with a cache.
	InvalidateCache = "execute-api:InvalidateCache"
	// ManageConnections uses the @connections of a WebSocket API.
	ManageConnections = "execute-api:ManageConnections"
)

// known are the actions in lower case, as patterns of actions are compiled.
var knownActions = [...]string{
	strings.ToLower(Invoke), strings.ToLower(InvalidateCache), strings.ToLower(ManageConnections),
}

var actionSyntax = regexp.MustCompile(`^(\*|\*:\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+)$`)

// actions reads Action or NotAction. An action that there is not is refused: a
// statement that denies it would deny nothing.
func (p *parser) actions(at Path, value *node) []pattern {
	var all []pattern
	for _, v := range p.texts(at, value, "an action", textNode) {
		if !actionSyntax.MatchString(v.text) {
			p.problem(v.at, v.offset, "write "+Invoke, "%q is not an action", v.text)
			continue
		}
		lower := strings.ToLower(v.text)
		// Action names have no syntax but wildcards, so this cannot fail.
		compiled, _ := notation{wildcards: true}.compile(lower)
		vendor, _, named := strings.Cut(lower, ":")
		switch {
		case !named || vendor == "*":
		case vendor != service && p.options.Kind == ResourcePolicy:
			p.problem(v.at, v.offset, "write "+Invoke, "the resource policy of an API cannot decide about %s", v.text)
		case vendor == service && !slices.ContainsFunc(knownActions[:], func(a string) bool { return compiled.matches(a, nil) }):
			p.problem(v.at, v.offset, "there are "+Invoke+", "+InvalidateCache+" and "+ManageConnections, "there is no action %s", v.text)
		}
		all = append(all, compiled)
	}
	return all
}

// lowerAction spares the usual actions the making of a new string.
func lowerAction(action string) string {
	switch action {
	case Invoke:
		return knownActions[0]
	case InvalidateCache:
		return knownActions[1]
	case ManageConnections:
		return knownActions[2]
	}
	return strings.ToLower(action)
}

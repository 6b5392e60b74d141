package integration

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/http"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/integration/stagecache"
	"gatehouse/internal/lambdaevent"
	"gatehouse/internal/wire"
)

// keyParameter is one of a route's cacheKeyParameters.
type keyParameter struct {
	// name is how it is written.
	name string
	// header is the request's header that it is, if it is one.
	header string
	// values are all that a request has for it, in order: a key that knew only one of
	// several would have requests share an answer that others of them have made.
	values func(*exchange) []string
}

// keyParameters reads a route's, and reports those that cannot be found out.
func (b *stageCompiler) keyParameters(r *gateway.Route) []keyParameter {
	var all []keyParameter
	names := slices.Clone(r.Integration.CacheKeyParameters)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		source := name
		if strings.HasPrefix(name, "integration.request.") {
			at := slices.IndexFunc(r.Integration.RequestParameters, func(m gateway.ParameterMapping) bool { return m.Target == name })
			if at < 0 {
				b.errorf("invalid-cache-key", r.Integration.Source, "add it to requestParameters", "nothing sets the cache key parameter %s of %s", name, r.Key())
				continue
			}
			source = r.Integration.RequestParameters[at].Source
		}
		value, err := gateway.ParseRESTValue(source)
		if err != nil || len(value) != 1 {
			b.errorf("invalid-cache-key", r.Integration.Source, cacheKeyHint, "the cache key parameter %s of %s cannot be read", name, r.Key())
			continue
		}
		switch e := value[0]; {
		case e.Kind == gateway.Literal, e.Kind == gateway.StageVariable:
			// They are the same for every request of the deployment and stage.
		case e.Kind == gateway.RequestPath && !slices.Contains(b.pathTemplate(r).Variables(), e.Name):
			b.errorf("invalid-cache-key", r.Integration.Source, "", "the path of %s has no {%s}, which is a cache key parameter", r.Key(), e.Name)
		default:
			values := b.valuesOf(r, e)
			if values == nil {
				b.errorf("invalid-cache-key", r.Integration.Source, cacheKeyHint, "the cache key parameter %s of %s is none that is known before the integration is called", name, r.Key())
				continue
			}
			p := keyParameter{name: name, values: values}
			if e.Kind == gateway.RequestHeader || e.Kind == gateway.RequestMultiHeader {
				p.header = http.CanonicalHeaderKey(e.Name)
			}
			all = append(all, p)
		}
	}
	return all
}

const cacheKeyHint = "write method.request.path.NAME, .querystring.NAME or .header.NAME, or integration.request.… of one that is mapped from those, from context.authorizer.… or context.identity.sourceIp"

func (b *stageCompiler) pathTemplate(r *gateway.Route) gateway.PathTemplate {
	t, _ := gateway.ParsePath(r.Path) // Validate reports a path that cannot be read.
	return t
}

// valuesOf finds out what a request has for an expression; nil if nothing can.
func (b *stageCompiler) valuesOf(r *gateway.Route, e gateway.Expression) func(*exchange) []string {
	switch e.Kind {
	case gateway.RequestPath:
		return func(x *exchange) []string { return given(x.pathVariables()[e.Name]) }
	case gateway.RequestQuery, gateway.RequestMultiQuery:
		return func(x *exchange) (values []string) {
			for _, p := range lambdaevent.Query(x.query, true) {
				if p.Name == e.Name {
					values = append(values, p.Value)
				}
			}
			return values
		}
	case gateway.RequestHeader, gateway.RequestMultiHeader:
		name := http.CanonicalHeaderKey(e.Name)
		switch {
		case hasInternalPrefix(name):
			return nil
		case name == "Host":
			return func(x *exchange) []string { return []string{x.request.Host} }
		}
		return func(x *exchange) []string { return x.request.Header[name] }
	case gateway.ContextVariable:
		return contextOf(r, e.Name)
	}
	return nil
}

// contextOf is for what tells callers apart.
func contextOf(r *gateway.Route, name string) func(*exchange) []string {
	if name == "identity.sourceIp" {
		return func(x *exchange) []string { return []string{x.address} }
	}
	name, ok := strings.CutPrefix(name, "authorizer.")
	if !ok || r.Authorization == nil {
		return nil
	}
	header := ""
	switch r.Authorization.Type {
	case gateway.AuthorizationLambda:
		header = wire.AuthorizerHeader
	case gateway.AuthorizationUserPool:
		name, ok = strings.CutPrefix(name, "claims.")
		header = wire.ClaimsHeader
	default:
		ok = false
	}
	if !ok {
		return nil
	}
	return func(x *exchange) []string {
		value, known := x.object(header)[name]
		if !known {
			return nil
		}
		return []string{lambdaevent.ClaimText(value)}
	}
}

// given is a list of what there is.
func given(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// key names the answer that a request gets, in what is the same for all of its route.
func (c *cachedRoute) key(x *exchange) (key stagecache.Key) {
	h := sha256.New()
	h.Write(c.seed)
	hashText(h, x.request.Method)
	// The answers of functions are bytes to some clients, and base64 to others.
	if x.acceptsBytes() {
		hashText(h, "bytes")
	}
	for _, p := range c.parameters {
		hashText(h, p.name)
		values := p.values(x)
		hashLength(h, len(values))
		for _, value := range values {
			hashText(h, value)
		}
	}
	h.Sum(key[:0])
	return key
}

// hashText writes a text with its length, so that no two lists of texts look alike.
func hashText(h hash.Hash, text string) {
	hashLength(h, len(text))
	h.Write([]byte(text))
}

func hashLength(h hash.Hash, n int) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}

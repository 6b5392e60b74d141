package vtl

import "strconv"

// Overrides are what a template sets in $context.requestOverride and
// $context.responseOverride. They go before all parameter mappings.
type Overrides struct {
	// Request is for the integration, Response for the client.
	Request  RequestOverride
	Response ResponseOverride
}

// RequestOverride changes the request that the integration is sent.
type RequestOverride struct {
	// Header and QueryString have a name several times where it was given a list.
	Header, QueryString []Pair
	// Path are variables of the integration's path.
	Path []Pair
	// WholePath replaces the path of a private integration.
	WholePath string
}

// ResponseOverride changes the response that the client is sent.
type ResponseOverride struct {
	Header []Pair
	// Status is 0 where it is not overridden.
	Status int
}

// IsZero is whether nothing is overridden.
func (o Overrides) IsZero() bool {
	return len(o.Request.Header) == 0 && len(o.Request.QueryString) == 0 && len(o.Request.Path) == 0 &&
		o.Request.WholePath == "" && len(o.Response.Header) == 0 && o.Response.Status == 0
}

// overrides are the maps behind $context.requestOverride and responseOverride, which
// are made when a template first asks for them.
type overrides struct {
	request, response *Map
}

// overrideMap is a map in which each parameter can be set once. What an earlier
// template has set is there to be read, and may be set anew.
func overrideMap(inherited []Pair) *Map {
	m := &Map{final: true}
	for _, p := range inherited {
		before, _ := m.Get(p.Name)
		switch v := before.(type) {
		case nil:
			m.putName(p.Name, p.Value)
		case string:
			m.putName(p.Name, NewList(v, p.Value))
		case *List:
			v.items = append(v.items, p.Value)
		}
	}
	m.inherited = len(m.entries)
	return m
}

func (s *state) requestOverride() *Map {
	if s.overrides.request == nil {
		before := s.input.Overrides.Request
		m := NewMap(3)
		m.putName("header", overrideMap(before.Header))
		m.putName("querystring", overrideMap(before.QueryString))
		if before.WholePath != "" {
			m.putName("path", before.WholePath)
		} else {
			m.putName("path", overrideMap(before.Path))
		}
		s.overrides.request = m
	}
	return s.overrides.request
}

func (s *state) responseOverride() *Map {
	if s.overrides.response == nil {
		before := s.input.Overrides.Response
		m := &Map{final: true}
		m.putName("header", overrideMap(before.Header))
		if before.Status != 0 {
			m.putName("status", int32(before.Status))
		}
		m.inherited = len(m.entries)
		s.overrides.response = m
	}
	return s.overrides.response
}

// collect gives the overrides after rendering.
func (s *state) collect() Overrides {
	out := s.input.Overrides
	if m := s.overrides.request; m != nil {
		out.Request = RequestOverride{Header: s.pairs(m.lookup("header")), QueryString: s.pairs(m.lookup("querystring"))}
		switch path := m.lookup("path").(type) {
		case *Map:
			out.Request.Path = s.pairs(path)
		case nil:
		default:
			out.Request.WholePath = s.text(0, path)
		}
	}
	if m := s.overrides.response; m != nil {
		out.Response = ResponseOverride{Header: s.pairs(m.lookup("header")), Status: status(m.lookup("status"))}
	}
	return out
}

// status is a status code, 0 for all that is none and so ignored.
func status(v any) int {
	n, ok := whole(v)
	if text, isText := v.(string); isText {
		parsed, err := strconv.Atoi(text)
		n, ok = int64(parsed), err == nil && len(text) == 3
	}
	if !ok || n < 100 || n > 599 {
		return 0
	}
	return int(n)
}

// pairs are the entries of a map, with one pair for each item of a list.
func (s *state) pairs(v any) []Pair {
	m, ok := v.(*Map)
	if !ok || len(m.entries) == 0 {
		return nil
	}
	pairs := make([]Pair, 0, len(m.entries))
	for i := range m.entries {
		name := s.text(0, m.entries[i].printedKey())
		switch v := m.entries[i].value.(type) {
		case nil:
		case *List:
			for _, item := range v.items {
				pairs = append(pairs, Pair{name, s.text(0, item)})
			}
		default:
			pairs = append(pairs, Pair{name, s.text(0, v)})
		}
	}
	return pairs
}

// contextScope is $context: the variables of the request and the two overrides.
type contextScope struct {
	variables *Map
}

func (s *state) contextScope() *contextScope {
	if s.scope == nil {
		var variables *Map
		if s.input.Context != nil {
			variables = s.input.Context()
		}
		if variables == nil {
			variables = &Map{}
		}
		s.scope = &contextScope{variables}
	}
	return s.scope
}

func (c *contextScope) get(s *state, name string) any {
	switch name {
	case "requestOverride":
		return s.requestOverride()
	case "responseOverride":
		return s.responseOverride()
	}
	return c.variables.lookup(name)
}

func (c *contextScope) put(s *state, at int, key, v any) {
	switch key {
	case "requestOverride", "responseOverride":
		// The maps stay; templates set what is in them.
	default:
		s.put(at, c.variables, key, v)
	}
}

func (c *contextScope) call(s *state, a *access, args []any) any {
	if name, ok := only[string](args); ok && a.name == "get" {
		return c.get(s, name)
	}
	return s.callMap(a, c.variables, args)
}

package vtl

// reference is $name with what follows it.
type reference struct {
	at   int
	slot int
	// root is what the name stands for as long as the template does not set it.
	root builtin
	path []access
	// prefix is printed before the value: what is left of backslashes.
	prefix string
	// escaped references print their source instead of their value.
	escaped bool
	source  string
	// open references end in a property, and might go on.
	open bool
}

// nullWord is a bare word among the arguments of a method, which is null.
type nullWord struct{}

func (nullWord) eval(*state) any { return nil }

type accessKind uint8

const (
	property accessKind = iota
	method
	index
)

// access is one step from a value to another.
type access struct {
	at   int
	kind accessKind
	name string
	args []expr
	// compiled is the JSONPath or regular expression that the first argument is, where
	// it is the same each time.
	compiled any
}

// eval gives the value, with the empty text in the place of nothing.
func (r *reference) eval(s *state) any {
	if v := r.resolve(s, r.path); v != nil {
		return v
	}
	return ""
}

func (r *reference) resolve(s *state, path []access) any {
	v := s.vars[r.slot]
	if v == (unset{}) {
		if r.root == noBuiltin {
			return nil
		}
		v = s.builtin(r.root)
		s.vars[r.slot] = v
	}
	if !s.step(r.at, 1+len(path)) {
		return nil
	}
	for i := range path {
		if v == nil {
			return nil
		}
		v = path[i].from(s, v)
		if s.err != nil {
			return nil
		}
	}
	return v
}

func (a *access) from(s *state, v any) any {
	switch a.kind {
	case property:
		return s.property(a.at, v, a.name)
	case index:
		key := a.args[0].eval(s)
		if s.err != nil {
			return nil
		}
		return s.index(a.at, v, key)
	}
	base := len(s.args)
	for _, arg := range a.args {
		value := arg.eval(s)
		s.args = append(s.args, value)
	}
	if s.err != nil {
		return nil
	}
	result := s.call(a, v, s.args[base:])
	clear(s.args[base:])
	s.args = s.args[:base]
	return result
}

func (r *reference) render(s *state) flow {
	v := r.eval(s)
	if s.err != nil {
		return stopping
	}
	if r.escaped {
		s.out = append(append(s.out, r.prefix...), r.source...)
	} else if b, ok := v.(*block); ok {
		f, rendered := b.render(s)
		if f != onward {
			return f
		}
		if !rendered {
			s.out = append(s.out, r.source...)
		}
	} else {
		s.out = s.print(r.at, append(s.out, r.prefix...), v)
	}
	if s.err != nil || !s.written(r.at) {
		return stopping
	}
	return onward
}

// assign is #set. What cannot be set stays as it is, as with Velocity.
func (r *reference) assign(s *state, v any) {
	if len(r.path) == 0 {
		s.vars[r.slot] = v
		return
	}
	last := &r.path[len(r.path)-1]
	target := r.resolve(s, r.path[:len(r.path)-1])
	if target == nil || s.err != nil {
		return
	}
	var key any
	switch last.kind {
	case property:
		key = last.name
	case index:
		if key = last.args[0].eval(s); s.err != nil {
			return
		}
	default:
		return
	}
	switch target := target.(type) {
	case *Map:
		s.put(last.at, target, key, v)
	case *contextScope:
		target.put(s, last.at, key, v)
	case *List:
		if i, ok := whole(key); ok {
			s.setItem(last.at, target, i, v)
		}
	case *pair:
		if key == "value" {
			target.setValue(v)
		}
	}
}

// put sets a key of a map for the template.
func (s *state) put(at int, m *Map, key, v any) any {
	if m.final && !m.override(key) {
		s.fail(at, ErrOverride, "a parameter is overridden twice; compute its value first and set it once")
		return nil
	}
	if !s.grow(at, 48) {
		return nil
	}
	return m.put(key, v)
}

// override makes way for a key that is set once, and tells whether it may be set.
func (m *Map) override(key any) bool {
	i := m.find(key)
	if i >= m.inherited {
		return false
	}
	if i >= 0 {
		// An inherited parameter is set anew, and is the template's own from then on.
		m.remove(key)
		m.inherited--
	}
	return true
}

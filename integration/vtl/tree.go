package vtl

// node is a part of a template that is rendered.
type node interface {
	render(s *state) flow
}

// expr is a part that has a value. Where rendering fails, state.err says so.
type expr interface {
	eval(s *state) any
}

func renderAll(s *state, nodes []node) flow {
	for _, n := range nodes {
		if f := n.render(s); f != onward {
			return f
		}
	}
	return onward
}

type textNode struct {
	text []byte
	at   int
}

func (n *textNode) render(s *state) flow {
	s.out = append(s.out, n.text...)
	if !s.written(n.at) {
		return stopping
	}
	return onward
}

// literal is a value that no rendering changes.
type literal struct{ value any }

func (l literal) eval(*state) any { return l.value }

// interpolation is text in double quotes with references or directives in it.
type interpolation struct {
	at    int
	nodes []node
}

func (n *interpolation) eval(s *state) any {
	mark := len(s.out)
	flow := renderAll(s, n.nodes)
	text := string(s.out[mark:])
	s.out = s.out[:mark]
	if flow == stopping || !s.grow(n.at, len(text)) {
		return nil
	}
	return text
}

type listLiteral struct {
	at    int
	items []expr
}

func (l *listLiteral) eval(s *state) any {
	if !s.grow(l.at, 48+16*len(l.items)) {
		return nil
	}
	list := &List{items: make([]any, 0, len(l.items))}
	for _, item := range l.items {
		list.items = append(list.items, item.eval(s))
	}
	return list
}

type mapLiteral struct {
	at           int
	keys, values []expr
}

func (l *mapLiteral) eval(s *state) any {
	if !s.grow(l.at, 64+48*len(l.keys)) {
		return nil
	}
	m := NewMap(len(l.keys))
	for i := range l.keys {
		key := l.keys[i].eval(s)
		m.put(key, l.values[i].eval(s))
	}
	return m
}

// rangeLiteral is [1..5], which may count down too.
type rangeLiteral struct {
	at       int
	from, to expr
}

func (r *rangeLiteral) eval(s *state) any {
	from, to := r.from.eval(s), r.to.eval(s)
	if !isNumber(from) || !isNumber(to) {
		return nil
	}
	first, last := int64(int32(truncated(from))), int64(int32(truncated(to)))
	step, count := int64(1), last-first+1
	if last < first {
		step, count = -1, first-last+1
	}
	// Counted before it is made: [1..2000000000] is 20 bytes of a template.
	if count > int64(s.limits.MemoryBytes/16) {
		count = int64(s.limits.MemoryBytes/16) + 1
	}
	if !s.grow(r.at, int(count)*16) {
		return nil
	}
	list := &List{items: make([]any, count)}
	for i := range list.items {
		list.items[i] = int32(first + step*int64(i))
	}
	return list
}

type setNode struct {
	left  *reference
	right expr
}

func (n *setNode) render(s *state) flow {
	v := n.right.eval(s)
	if s.err != nil || !s.step(n.left.at, 1) {
		return stopping
	}
	// Velocity leaves a variable as it is where it would become null.
	if v != nil {
		n.left.assign(s, v)
	}
	if s.err != nil {
		return stopping
	}
	return onward
}

type ifNode struct {
	at         int
	conditions []expr
	// bodies has one more than conditions where there is an #else.
	bodies [][]node
}

func (n *ifNode) render(s *state) flow {
	if !s.step(n.at, 1) {
		return stopping
	}
	for i, condition := range n.conditions {
		met := s.holds(condition)
		if s.err != nil {
			return stopping
		}
		if met {
			return renderAll(s, n.bodies[i])
		}
	}
	if len(n.bodies) > len(n.conditions) {
		return renderAll(s, n.bodies[len(n.conditions)])
	}
	return onward
}

type stopNode struct{}

func (stopNode) render(*state) flow { return stopping }

// breakNode leaves a loop; scope is which, where one is named.
type breakNode struct {
	at    int
	scope expr
}

func (n *breakNode) render(s *state) flow {
	s.leave = s.loops
	if n.scope != nil {
		leave, ok := n.scope.eval(s).(*loop)
		if !ok {
			s.fail(n.at, ErrValue, "#break is given something that is no loop")
			return stopping
		}
		s.leave = leave
	}
	if s.leave == nil {
		// Outside of loops it ends the template.
		return stopping
	}
	return breaking
}

// defineNode gives a name to a part of the template.
type defineNode struct {
	slot int
	body []node
}

func (n *defineNode) render(s *state) flow {
	s.vars[n.slot] = &block{body: n.body}
	return onward
}

// block is the value of a name that #define gave.
type block struct {
	body  []node
	depth int
}

// blockDepth is how often a block may be rendered inside itself.
const blockDepth = 2

func (b *block) render(s *state) (flow, bool) {
	if b.depth >= blockDepth {
		return onward, false
	}
	b.depth++
	f := renderAll(s, b.body)
	b.depth--
	return f, true
}

func (b *block) print(s *state, out []byte) []byte {
	kept := s.out
	s.out = out
	b.render(s)
	out, s.out = s.out, kept
	return out
}

// loop is one run of a #foreach, and what $foreach stands for in it.
type loop struct {
	parent *loop
	index  int
	last   bool
}

func (l *loop) topmost() *loop {
	for l.parent != nil {
		l = l.parent
	}
	return l
}

type foreachNode struct {
	at   int
	slot int
	list expr
	body []node
	// Slots of what a loop sets besides, -1 where the template does not ask for it.
	scopeSlot, countSlot, nextSlot int
}

func (n *foreachNode) render(s *state) flow {
	v := n.list.eval(s)
	if s.err != nil {
		return stopping
	}
	next, changed := n.items(s, v)
	if next == nil {
		return onward
	}
	current := &loop{parent: s.loops}
	kept := [4]any{s.kept(n.slot), s.kept(n.scopeSlot), s.kept(n.countSlot), s.kept(n.nextSlot)}
	s.loops = current
	n.put(s, n.scopeSlot, current)
	result := n.run(s, current, next, changed)
	s.loops = current.parent
	for i, slot := range [4]int{n.slot, n.scopeSlot, n.countSlot, n.nextSlot} {
		n.put(s, slot, kept[i])
	}
	if result == breaking {
		if s.leave != current {
			return breaking
		}
		s.leave = nil
		return onward
	}
	return result
}

func (n *foreachNode) run(s *state, current *loop, next func() (any, bool, bool), changed func() bool) flow {
	for {
		item, more, ok := next()
		if !ok {
			return onward
		}
		if current.index >= s.limits.LoopIterations {
			s.fail(n.at, ErrLimit, "#foreach runs more than %d times", s.limits.LoopIterations)
		}
		if !s.step(n.at, 1) {
			return stopping
		}
		current.last = !more
		s.vars[n.slot] = item
		if n.countSlot >= 0 {
			s.vars[n.countSlot] = int32(current.index + 1)
		}
		if n.nextSlot >= 0 {
			s.vars[n.nextSlot] = more
		}
		if f := renderAll(s, n.body); f != onward {
			return f
		}
		if changed() {
			s.fail(n.at, ErrValue, "the list of #foreach is changed in the loop")
			return stopping
		}
		current.index++
	}
}

func (s *state) kept(slot int) any {
	if slot < 0 {
		return unset{}
	}
	return s.vars[slot]
}

func (n *foreachNode) put(s *state, slot int, v any) {
	if slot >= 0 {
		s.vars[slot] = v
	}
}

// items gives what a value is looped over by: the next item, whether more come, and
// whether there was one; nil where the value cannot be looped over, which Velocity
// passes over in silence.
func (n *foreachNode) items(s *state, v any) (next func() (any, bool, bool), changed func() bool) {
	i := -1
	switch v := v.(type) {
	case *List:
		size := len(v.items)
		return func() (any, bool, bool) {
			if i++; i >= len(v.items) {
				return nil, false, false
			}
			return v.items[i], i+1 < len(v.items), true
		}, func() bool { return len(v.items) != size && i+1 != len(v.items) }
	case *Map:
		size := len(v.entries)
		return func() (any, bool, bool) {
			if i++; i >= len(v.entries) {
				return nil, false, false
			}
			return v.entries[i].value, i+1 < len(v.entries), true
		}, func() bool { return len(v.entries) != size && i+1 != len(v.entries) }
	case *iterator:
		return func() (any, bool, bool) {
			item, ok := v.next()
			return item, v.at < len(v.items), ok
		}, func() bool { return false }
	}
	return nil, nil
}

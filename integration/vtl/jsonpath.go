package vtl

import (
	"strings"
)

// jsonPath is a compiled JSONPath as the Jayway library reads it, which Amazon's
// service uses: a definite path gives the value itself, or nothing where it is
// missing; an indefinite one (with .. or *, a filter, a slice or several indexes)
// gives a list of what it finds.
type jsonPath struct {
	steps    []pathStep
	definite bool
}

type pathStep interface {
	// apply calls found for each value that the step leads to.
	apply(e *pathRun, v any, found func(any))
}

// pathRun is one use of a path.
type pathRun struct {
	s    *state
	at   int
	root any
}

// find gives the value of the path, and whether there is one.
func (p *jsonPath) find(e *pathRun, v any) (any, bool) {
	results, ok := p.all(e, v)
	if !ok {
		return nil, false
	}
	if p.definite {
		if len(results) == 0 {
			return nil, false
		}
		return results[0], true
	}
	return &List{items: results, kind: jsonList}, true
}

// maxResults bounds what .. and filters may find in one body.
const maxResults = 100_000

func (p *jsonPath) all(e *pathRun, v any) ([]any, bool) {
	current := []any{v}
	for _, step := range p.steps {
		var next []any
		for _, one := range current {
			step.apply(e, one, func(found any) {
				if len(next) < maxResults && e.s.step(e.at, 1) {
					next = append(next, found)
				} else {
					e.s.fail(e.at, ErrLimit, "the JSONPath finds more than %d values", maxResults)
				}
			})
			if e.s.err != nil {
				return nil, false
			}
		}
		current = next
	}
	if !e.s.grow(e.at, 16*len(current)) {
		return nil, false
	}
	return current, true
}

// functionStep is a function at the end of a path, which each value found is given to.
type functionStep string

func (f functionStep) apply(_ *pathRun, v any, found func(any)) {
	switch v := v.(type) {
	case *List:
		if f == "length" || f == "size" {
			found(int32(len(v.items)))
		} else if result, ok := aggregate(string(f), v); ok {
			found(result)
		}
	case *Map:
		if f == "length" || f == "size" {
			found(int32(len(v.entries)))
		}
	}
}

// aggregate computes min, max, avg or sum over the numbers of a list, a Double.
func aggregate(function string, list *List) (any, bool) {
	n, sum, least, most := 0, 0.0, 0.0, 0.0
	for _, item := range list.items {
		if !isNumber(item) {
			continue
		}
		f := float(item)
		if n == 0 {
			least, most = f, f
		}
		n, sum, least, most = n+1, sum+f, min(least, f), max(most, f)
	}
	if n == 0 {
		return nil, false
	}
	switch function {
	case "min":
		return least, true
	case "max":
		return most, true
	case "avg":
		return sum / float64(n), true
	default:
		return sum, true
	}
}

// nameStep is .name, ['name'] or ['a','b'], which gives an object with those.
type nameStep struct {
	names []string
	// leaf tells the last step of a path, at which several names give one object.
	leaf bool
}

func (n *nameStep) apply(_ *pathRun, v any, found func(any)) {
	m, ok := v.(*Map)
	if !ok {
		return
	}
	if len(n.names) == 1 {
		if i := m.findName(n.names[0]); i >= 0 {
			found(m.entries[i].value)
		}
		return
	}
	picked := NewMap(len(n.names))
	for _, name := range n.names {
		if i := m.findName(name); i >= 0 {
			if !n.leaf {
				found(m.entries[i].value)
			}
			picked.putName(name, m.entries[i].value)
		}
	}
	if n.leaf {
		found(picked)
	}
}

// indexStep is [0], [-1] or [0,2].
type indexStep []int

func (n indexStep) apply(_ *pathRun, v any, found func(any)) {
	list, ok := v.(*List)
	if !ok {
		return
	}
	for _, i := range n {
		if i < 0 {
			i += len(list.items)
		}
		if i >= 0 && i < len(list.items) {
			found(list.items[i])
		}
	}
}

// sliceStep is [from:to], either of which may be missing.
type sliceStep struct {
	from, to       int
	hasFrom, hasTo bool
}

func (n sliceStep) apply(_ *pathRun, v any, found func(any)) {
	list, ok := v.(*List)
	if !ok {
		return
	}
	size := len(list.items)
	from, to := 0, size
	if n.hasFrom {
		if from = n.from; from < 0 {
			from = max(0, from+size)
		}
	}
	if n.hasTo {
		if to = n.to; to < 0 {
			to += size
		}
		to = min(to, size)
	}
	for i := from; i < to; i++ {
		found(list.items[i])
	}
}

// wildStep is * of an object or array.
type wildStep struct{}

func (wildStep) apply(_ *pathRun, v any, found func(any)) { children(v, found) }

func children(v any, found func(any)) {
	switch v := v.(type) {
	case *Map:
		for i := range v.entries {
			found(v.entries[i].value)
		}
	case *List:
		for _, item := range v.items {
			found(item)
		}
	}
}

// deepStep is .. followed by a step: it is tried on the value and all below.
type deepStep struct{ step pathStep }

func (d *deepStep) apply(e *pathRun, v any, found func(any)) {
	if !e.s.step(e.at, 1) || !e.s.deeper(e.at) {
		return
	}
	defer e.s.shallower()
	if f, ok := d.step.(*filterStep); ok {
		// A filter is asked about each object once, not again as the item of an array.
		if _, isMap := v.(*Map); isMap && f.condition.meets(e, v) {
			found(v)
		}
	} else {
		d.step.apply(e, v, found)
	}
	children(v, func(child any) {
		if e.s.err == nil {
			d.apply(e, child, found)
		}
	})
}

// filterStep is [?(…)]: the items of an array, or an object itself, that meet it.
type filterStep struct{ condition filter }

func (f *filterStep) apply(e *pathRun, v any, found func(any)) {
	switch v := v.(type) {
	case *List:
		for _, item := range v.items {
			if e.s.step(e.at, 1) && f.condition.meets(e, item) {
				found(item)
			}
		}
	case *Map:
		if f.condition.meets(e, v) {
			found(v)
		}
	}
}

// filter is a condition on a value.
type filter interface {
	meets(e *pathRun, v any) bool
}

type (
	filterOr  struct{ left, right filter }
	filterAnd struct{ left, right filter }
	filterNot struct{ of filter }
	// filterExists is a path alone.
	filterExists struct{ path *operand }
	filterTest   struct {
		op          string
		left, right *operand
	}
)

func (f filterOr) meets(e *pathRun, v any) bool  { return f.left.meets(e, v) || f.right.meets(e, v) }
func (f filterAnd) meets(e *pathRun, v any) bool { return f.left.meets(e, v) && f.right.meets(e, v) }
func (f filterNot) meets(e *pathRun, v any) bool { return !f.of.meets(e, v) }

func (f filterExists) meets(e *pathRun, v any) bool {
	found, ok := f.path.value(e, v)
	if list, isList := found.(*List); ok && isList && !f.path.path.definite {
		return len(list.items) > 0
	}
	return ok
}

// operand is one side of a test: a path from the item (@) or the body ($), or a value.
type operand struct {
	path     *jsonPath
	fromRoot bool
	constant any
	re       *javaRegexp
}

func (o *operand) value(e *pathRun, v any) (any, bool) {
	if o.path == nil {
		return o.constant, true
	}
	if o.fromRoot {
		v = e.root
	}
	if !e.s.deeper(e.at) {
		return nil, false
	}
	defer e.s.shallower()
	return o.path.find(e, v)
}

func (f filterTest) meets(e *pathRun, v any) bool {
	left, ok := f.left.value(e, v)
	if f.op == "=~" {
		text, isText := left.(string)
		return ok && isText && e.s.step(e.at, f.right.re.cost(text)) && f.right.re.all(text)
	}
	right, okToo := f.right.value(e, v)
	switch f.op {
	case "==":
		return ok && okToo && e.s.alike(e.at, left, right)
	case "!=":
		return ok != okToo || !e.s.alike(e.at, left, right)
	}
	if !ok || !okToo {
		return f.op == "nin" && !ok && okToo
	}
	switch f.op {
	case "<", "<=", ">", ">=":
		order, comparable := orderOf(left, right)
		if !comparable {
			return false
		}
		switch f.op {
		case "<":
			return order < 0
		case "<=":
			return order <= 0
		case ">":
			return order > 0
		default:
			return order >= 0
		}
	case "in":
		return contains(e, right, left)
	case "nin":
		return !contains(e, right, left)
	case "contains":
		if text, isText := left.(string); isText {
			part, isText := right.(string)
			return isText && strings.Contains(text, part)
		}
		return contains(e, left, right)
	case "size":
		size, isNumber := whole(right)
		n := -1
		switch l := left.(type) {
		case *List:
			n = len(l.items)
		case string:
			n = length(l)
		}
		return isNumber && int64(n) == size
	default: // empty
		empty := false
		switch l := left.(type) {
		case *List:
			empty = len(l.items) == 0
		case string:
			empty = l == ""
		default:
			return false
		}
		return right == empty
	}
}

// alike compares as JSON does: 1 is 1.0, and text is no number.
func (s *state) alike(at int, a, b any) bool {
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b) == 0
	}
	return s.equals(at, a, b)
}

func orderOf(a, b any) (int, bool) {
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b), true
	}
	x, ok := a.(string)
	y, okToo := b.(string)
	return strings.Compare(x, y), ok && okToo
}

func contains(e *pathRun, list, v any) bool {
	l, ok := list.(*List)
	if !ok {
		return false
	}
	for _, item := range l.items {
		if e.s.alike(e.at, item, v) {
			return true
		}
		if e.s.err != nil {
			break
		}
	}
	return false
}

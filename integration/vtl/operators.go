package vtl

import "math/big"

type operator uint8

const (
	opOr operator = iota
	opAnd
	opEqual
	opNotEqual
	opLess
	opLessOrEqual
	opGreater
	opGreaterOrEqual
	opAdd
	opSubtract
	opMultiply
	opDivide
	opModulus
)

type notExpr struct{ of expr }

func (n *notExpr) eval(s *state) any { return !s.holds(n.of) }

// holds is the value of a condition. Velocity asks references and comparisons for
// their truth, and takes texts, numbers, lists and sums that stand there themselves
// for false.
func (s *state) holds(condition expr) bool {
	switch c := condition.(type) {
	case *reference, *notExpr:
	case literal:
		return c.value == true
	case *binaryExpr:
		if c.op >= opAdd {
			return false
		}
	default:
		return false
	}
	return truth(condition.eval(s))
}

type binaryExpr struct {
	at          int
	op          operator
	left, right expr
}

func (b *binaryExpr) eval(s *state) any {
	if !s.step(b.at, 1) {
		return nil
	}
	switch b.op {
	case opOr:
		return s.holds(b.left) || s.holds(b.right)
	case opAnd:
		return s.holds(b.left) && s.holds(b.right)
	}
	left := b.left.eval(s)
	if s.err != nil {
		return nil
	}
	right := b.right.eval(s)
	if s.err != nil {
		return nil
	}
	switch b.op {
	case opEqual:
		return s.same(b.at, left, right)
	case opNotEqual:
		return !s.same(b.at, left, right)
	case opLess, opLessOrEqual, opGreater, opGreaterOrEqual:
		// Velocity orders nothing but numbers.
		if !isNumber(left) || !isNumber(right) {
			return false
		}
		order := compareNumbers(left, right)
		switch b.op {
		case opLess:
			return order < 0
		case opLessOrEqual:
			return order <= 0
		case opGreater:
			return order > 0
		default:
			return order >= 0
		}
	case opAdd:
		_, text := left.(string)
		if _, textToo := right.(string); text || textToo {
			return s.concat(b.at, left, right)
		}
	}
	if !isNumber(left) || !isNumber(right) {
		return nil
	}
	result := calculate(b.op, left, right)
	if n, ok := result.(*big.Int); ok {
		if n.BitLen() > 4*maxWhole {
			s.fail(b.at, ErrLimit, "a number gets more than %d digits", maxWhole)
			return nil
		}
		s.step(b.at, n.BitLen()/8)
	}
	return result
}

func (s *state) concat(at int, left, right any) any {
	a, b := s.text(at, left), s.text(at, right)
	if !s.grow(at, len(a)+len(b)) {
		return nil
	}
	return a + b
}

// same is ==: numbers by their value, like with like by equals, all else by text.
func (s *state) same(at int, a, b any) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b) == 0
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return x == y && s.step(at, len(x)>>4)
		}
	case *Map:
		if y, ok := b.(*Map); ok {
			return s.equals(at, x, y)
		}
	case *List:
		if y, ok := b.(*List); ok {
			return s.equals(at, x, y)
		}
	}
	return s.text(at, a) == s.text(at, b)
}

// equals is Java's equals, for which 1 and 1.0 differ.
func (s *state) equals(at int, a, b any) bool {
	if !s.step(at, 1) || !s.deeper(at) {
		return false
	}
	defer s.shallower()
	switch x := a.(type) {
	case *big.Int:
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	case *Map:
		y, ok := b.(*Map)
		if !ok || len(x.entries) != len(y.entries) {
			return false
		}
		for i := range x.entries {
			j := y.find(x.entries[i].printedKey())
			if j < 0 || !s.equals(at, x.entries[i].value, y.entries[j].value) {
				return false
			}
		}
		return true
	case *List:
		y, ok := b.(*List)
		if !ok || len(x.items) != len(y.items) {
			return false
		}
		for i := range x.items {
			if !s.equals(at, x.items[i], y.items[i]) {
				return false
			}
		}
		return true
	case *pair:
		y, ok := b.(*pair)
		return ok && s.equals(at, x.key, y.key) && s.equals(at, x.value(), y.value())
	}
	return a == b
}

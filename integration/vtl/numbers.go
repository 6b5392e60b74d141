package vtl

import (
	"math/big"
	"strconv"
	"strings"
)

var numberMethods = []string{
	"intValue", "longValue", "doubleValue", "compareTo", "parseInt", "parseLong", "parseDouble", "parseBoolean",
	"valueOf", "toHexString", "toBinaryString", "abs", "max", "min", "signum",
}

// callNumber are the methods of numbers, those of their classes too: templates have
// no classes, and so call $number.parseInt("7").
func (s *state) callNumber(a *access, v any, args []any) (any, bool) {
	if !isNumber(v) {
		return nil, false
	}
	switch len(args) {
	case 0:
		switch a.name {
		case "intValue":
			return s.toInt(v), true
		case "longValue":
			return truncated(v), true
		case "doubleValue":
			return float(v), true
		case "abs":
			if n, ok := v.(*big.Int); ok {
				return new(big.Int).Abs(n), true
			}
		case "signum":
			if n, ok := v.(*big.Int); ok {
				return int32(n.Sign()), true
			}
		}
	case 1:
		switch a.name {
		case "compareTo":
			if !sameKind(v, args[0]) {
				s.fail(a.at, ErrValue, "compareTo is given a value of another kind")
				return nil, true
			}
			return int32(compareNumbers(v, args[0])), true
		case "toString":
			if _, ok := whole(args[0]); ok && !isFloating(v) {
				return s.text(a.at, args[0]), true
			}
		case "toHexString", "toBinaryString":
			return inBase(a.name, v, args[0])
		case "parseInt", "parseLong", "parseDouble", "valueOf":
			return s.parseNumber(a, v, args[0])
		}
	case 2:
		if (a.name == "max" || a.name == "min") && isNumber(args[0]) && isNumber(args[1]) {
			if (compareNumbers(args[0], args[1]) >= 0) == (a.name == "max") {
				return args[0], true
			}
			return args[1], true
		}
	}
	return nil, false
}

// toInt is intValue: Doubles stop at the ends of what fits, whole numbers wrap.
func (s *state) toInt(v any) any {
	n := truncated(v)
	if isFloating(v) {
		n = max(min(n, 1<<31-1), -1<<31)
	}
	return int32(n)
}

func sameKind(a, b any) bool {
	switch a.(type) {
	case int32:
		_, ok := b.(int32)
		return ok
	case int64:
		_, ok := b.(int64)
		return ok
	case float64:
		_, ok := b.(float64)
		return ok
	case *big.Int:
		_, ok := b.(*big.Int)
		return ok
	}
	return false
}

func inBase(method string, class, v any) (any, bool) {
	n, ok := whole(v)
	if !ok {
		return nil, false
	}
	base := 16
	if method == "toBinaryString" {
		base = 2
	}
	if _, isInt := class.(int32); isInt {
		return strconv.FormatUint(uint64(uint32(n)), base), true
	}
	return strconv.FormatUint(uint64(n), base), true
}

// parseNumber reads text as the class of v does, which fails as in Java.
func (s *state) parseNumber(a *access, v, from any) (any, bool) {
	text, isText := from.(string)
	if !isText {
		if a.name == "valueOf" && isNumber(from) {
			return from, true
		}
		return nil, false
	}
	wrong := func() (any, bool) {
		s.fail(a.at, ErrValue, "%s cannot read the text as a number", a.name)
		return nil, true
	}
	kind := a.name
	if kind == "valueOf" {
		switch v.(type) {
		case int32:
			kind = "parseInt"
		case int64:
			kind = "parseLong"
		default:
			kind = "parseDouble"
		}
	}
	if kind == "parseDouble" {
		text = strings.TrimRight(strings.TrimSpace(text), "dDfF")
		if strings.ContainsAny(text, "_xXpPiI") {
			return wrong()
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil && f-f == 0 {
			return wrong()
		}
		return f, true
	}
	size := 32
	if kind == "parseLong" {
		size = 64
	}
	n, err := strconv.ParseInt(text, 10, size)
	if err != nil {
		return wrong()
	}
	if size == 32 {
		return int32(n), true
	}
	return n, true
}

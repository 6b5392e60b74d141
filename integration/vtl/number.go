package vtl

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

func isNumber(v any) bool {
	switch v.(type) {
	case int32, int64, float64, *big.Int, decimal:
		return true
	}
	return false
}

// float is the number as a Double.
func float(v any) float64 {
	switch n := v.(type) {
	case int32:
		return float64(n)
	case int64:
		return float64(n)
	case float64:
		return n
	case decimal:
		return n.near
	case *big.Int:
		f, _ := new(big.Float).SetInt(n).Float64()
		return f
	}
	return 0
}

// whole is the number as a Long, and whether it is a whole number that fits.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int32:
		return int64(n), true
	case int64:
		return n, true
	}
	return 0, false
}

// truncated is what intValue and longValue start from.
func truncated(v any) int64 {
	switch n := v.(type) {
	case int32:
		return int64(n)
	case int64:
		return n
	case *big.Int:
		return new(big.Int).And(n, new(big.Int).SetUint64(math.MaxUint64)).Int64()
	}
	switch f := float(v); {
	case f != f:
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	default:
		return int64(f)
	}
}

func bigInt(v any) *big.Int {
	if n, ok := v.(*big.Int); ok {
		return n
	}
	n, _ := whole(v)
	return big.NewInt(n)
}

func isFloating(v any) bool {
	switch v.(type) {
	case float64, decimal:
		return true
	}
	return false
}

func compareNumbers(a, b any) int {
	if isFloating(a) || isFloating(b) {
		switch x, y := float(a), float(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		default:
			return 0
		}
	}
	x, ok := whole(a)
	y, okToo := whole(b)
	if !ok || !okToo {
		return bigInt(a).Cmp(bigInt(b))
	}
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	default:
		return 0
	}
}

// calculate does what Velocity's MathUtils does: whole numbers stay whole and grow
// as they need to, and a Double makes everything a Double. Without a result, such
// as for a division by zero, it is nil.
func calculate(op operator, a, b any) any {
	if isFloating(a) || isFloating(b) {
		x, y := float(a), float(b)
		switch op {
		case opAdd:
			return x + y
		case opSubtract:
			return x - y
		case opMultiply:
			return x * y
		case opDivide:
			if y == 0 {
				return nil
			}
			return x / y
		default:
			if y == 0 {
				return nil
			}
			return math.Mod(x, y)
		}
	}
	x, ok := whole(a)
	y, okToo := whole(b)
	if !ok || !okToo {
		return calculateBig(op, bigInt(a), bigInt(b))
	}
	var result int64
	switch op {
	case opAdd:
		if result = x + y; (result > x) != (y > 0) && y != 0 {
			return calculateBig(op, bigInt(a), bigInt(b))
		}
	case opSubtract:
		if result = x - y; (result < x) != (y > 0) && y != 0 {
			return calculateBig(op, bigInt(a), bigInt(b))
		}
	case opMultiply:
		if x != 0 {
			if result = x * y; result/x != y || (x == -1 && y == math.MinInt64) {
				return calculateBig(op, bigInt(a), bigInt(b))
			}
		}
	case opDivide:
		if y == 0 {
			return nil
		}
		result = x / y
	default:
		if y == 0 {
			return nil
		}
		result = x % y
	}
	_, long := a.(int64)
	if _, longToo := b.(int64); long || longToo {
		return result
	}
	return integer(result)
}

func calculateBig(op operator, x, y *big.Int) any {
	switch op {
	case opAdd:
		return new(big.Int).Add(x, y)
	case opSubtract:
		return new(big.Int).Sub(x, y)
	case opMultiply:
		return new(big.Int).Mul(x, y)
	}
	if y.Sign() == 0 {
		return nil
	}
	if op == opDivide {
		return new(big.Int).Quo(x, y)
	}
	return new(big.Int).Rem(x, y)
}

// parseNumber reads a literal of a template or of JSON: Integer, Long or BigInteger
// for whole numbers, else Double.
func parseNumber(text string) any {
	if !strings.ContainsAny(text, ".eE") {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return integer(n)
		}
		n, ok := new(big.Int).SetString(text, 10)
		if !ok {
			return nil
		}
		return n
	}
	f, _ := strconv.ParseFloat(text, 64)
	return f
}

// appendDouble writes a Double as Java does: in plain digits between a thousandth
// and ten million, else with an exponent, and always with a fraction.
func appendDouble(out []byte, f float64) []byte {
	switch {
	case f != f:
		return append(out, "NaN"...)
	case math.IsInf(f, 1):
		return append(out, "Infinity"...)
	case math.IsInf(f, -1):
		return append(out, "-Infinity"...)
	}
	if size := math.Abs(f); size == 0 || (size >= 1e-3 && size < 1e7) {
		before := len(out)
		out = strconv.AppendFloat(out, f, 'f', -1, 64)
		if !strings.Contains(string(out[before:]), ".") {
			out = append(out, ".0"...)
		}
		return out
	}
	text := strconv.FormatFloat(f, 'E', -1, 64)
	digits, exponent, _ := strings.Cut(text, "E")
	out = append(out, digits...)
	if !strings.Contains(digits, ".") {
		out = append(out, ".0"...)
	}
	out = append(out, 'E')
	n, _ := strconv.Atoi(exponent)
	return strconv.AppendInt(out, int64(n), 10)
}

func appendNumber(out []byte, v any) []byte {
	switch n := v.(type) {
	case int32:
		return strconv.AppendInt(out, int64(n), 10)
	case int64:
		return strconv.AppendInt(out, n, 10)
	case float64:
		return appendDouble(out, n)
	case *big.Int:
		return n.Append(out, 10)
	case decimal:
		return append(out, n.text...)
	}
	return out
}

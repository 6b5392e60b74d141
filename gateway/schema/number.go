package schema

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"
)

// modest reports whether a number may be worked with. An exponent takes a few bytes to
// write and as many digits as it says to compute with.
func modest(text string) bool {
	mantissa, exponent, found := cutExponent(text)
	if len(mantissa) > maxDigits {
		return false
	}
	if !found {
		return true
	}
	n, err := strconv.Atoi(exponent)
	return err == nil && n <= maxExponent && n >= -maxExponent
}

func cutExponent(text string) (mantissa, exponent string, found bool) {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

// isInteger reports whether a number is whole. Draft 4 goes by how it is written.
func isInteger(text string, draft int) bool {
	if !strings.ContainsAny(text, ".eE") {
		return true
	}
	if draft == 4 {
		return false
	}
	_, exponent := normal(text)
	return exponent >= 0
}

// normal gives a number's digits, with its sign and without zeros at either end, and
// the power of ten that they are multiplied by. Numbers that are equal have the same.
func normal(text string) (digits string, exponent int) {
	mantissa, power, found := cutExponent(text)
	if found {
		exponent, _ = strconv.Atoi(power)
	}
	sign := ""
	if rest, negative := strings.CutPrefix(mantissa, "-"); negative {
		sign, mantissa = "-", rest
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = whole + fraction
	exponent -= len(fraction)
	shorter := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(shorter)
	digits = strings.TrimLeft(shorter, "0")
	if digits == "" {
		return "0", 0
	}
	return sign + digits, exponent
}

func equalNumbers(a, b string) bool {
	if a == b {
		return true
	}
	digitsA, exponentA := normal(a)
	digitsB, exponentB := normal(b)
	return digitsA == digitsB && exponentA == exponentB
}

// rational is the number itself.
func rational(text string) *big.Rat {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return new(big.Rat).SetInt64(n)
	}
	r, _ := new(big.Rat).SetString(text)
	return r
}

// bound is a number of a schema that others are compared with.
type bound struct {
	exact *big.Rat
	near  float64
}

func newBound(r *big.Rat) *bound {
	if r == nil {
		return nil
	}
	near, _ := r.Float64()
	return &bound{r, near}
}

func (b *bound) String() string { return ratText(b.exact) }

// number is one of a body, which is seldom needed exactly.
type number struct {
	text  string
	near  float64
	exact *big.Rat
}

func newNumber(text string) number {
	near, _ := strconv.ParseFloat(text, 64)
	return number{text: text, near: near}
}

// compare tells numbers apart by what is nearest to them, which keeps their order, and
// only where that is the same by what they are.
func (n *number) compare(b *bound) int {
	if n.near != b.near {
		return cmp.Compare(n.near, b.near)
	}
	return n.rational().Cmp(b.exact)
}

func (n *number) rational() *big.Rat {
	if n.exact == nil {
		n.exact = rational(n.text)
	}
	return n.exact
}

func (n *number) isMultiple(of *big.Rat) bool {
	return new(big.Rat).Quo(n.rational(), of).IsInt()
}

// ratText writes a number of a schema as people do.
func ratText(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	if digits, exact := r.FloatPrec(); exact {
		return r.FloatString(digits)
	}
	return r.RatString()
}

// rationalOrNil is the number, nil for one that is too long to work with.
func rationalOrNil(text string) *big.Rat {
	if !modest(text) {
		return nil
	}
	return rational(text)
}

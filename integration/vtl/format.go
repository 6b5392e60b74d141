package vtl

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// maxFormatWidth bounds the width and precision in String.format.
const maxFormatWidth = 1000

// format is String.format, which templates call on any text: $text.format("%05d", $n).
func (s *state) format(a *access, _ string, args []any) any {
	if len(args) == 0 {
		return notFound
	}
	pattern, ok := args[0].(string)
	if !ok {
		return notFound
	}
	args = args[1:]
	var out strings.Builder
	wrong := func(why string) any {
		s.fail(a.at, ErrValue, "format: %s", why)
		return nil
	}
	for next := 0; ; {
		before, rest, found := strings.Cut(pattern, "%")
		out.WriteString(before)
		if !found {
			break
		}
		end := strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune("-+ 0123456789.", r) })
		if end < 0 {
			return wrong("the pattern ends in the middle of a placeholder")
		}
		flags, verb := rest[:end], rest[end]
		pattern = rest[end+1:]
		if !smallWidths(flags) {
			return wrong("a placeholder is too wide")
		}
		switch verb {
		case '%':
			out.WriteByte('%')
			continue
		case 'n':
			out.WriteByte('\n')
			continue
		}
		if next >= len(args) {
			return wrong("there are more placeholders than values")
		}
		value := args[next]
		next++
		text, err := s.formatOne(a, flags, verb, value)
		if err != "" {
			return wrong(err)
		}
		if !s.grow(a.at, len(text)) {
			return nil
		}
		out.WriteString(text)
	}
	return out.String()
}

func smallWidths(flags string) bool {
	n := 0
	for _, c := range flags {
		if c < '0' || c > '9' {
			n = 0
		} else if n = n*10 + int(c-'0'); n > maxFormatWidth {
			return false
		}
	}
	return true
}

func (s *state) formatOne(a *access, flags string, verb byte, v any) (text, wrong string) {
	switch verb {
	case 's', 'S':
		text = fmt.Sprintf("%"+flags+"s", s.text(a.at, v))
		if verb == 'S' {
			text = upper(text)
		}
		return text, ""
	case 'b':
		return fmt.Sprintf("%"+flags+"s", fmt.Sprint(truth(v))), ""
	case 'd':
		n, ok := whole(v)
		if b, isBig := v.(*big.Int); isBig {
			return fmt.Sprintf("%"+flags+"d", b), ""
		} else if !ok {
			return "", "%d is given a value that is no whole number"
		}
		return fmt.Sprintf("%"+flags+"d", n), ""
	case 'x', 'X':
		n, ok := whole(v)
		if !ok {
			return "", "%x is given a value that is no whole number"
		}
		bits := uint64(n)
		if _, short := v.(int32); short {
			bits = uint64(uint32(n))
		}
		return fmt.Sprintf("%"+flags+string(verb), bits), ""
	case 'f', 'e':
		if !isFloating(v) {
			return "", "%f is given a value that is no number with a fraction"
		}
		f := float(v)
		if verb == 'f' && math.Abs(f) > 1e18 {
			return "", "the number is too large for %f"
		}
		if verb == 'f' {
			return fixed(flags, f), ""
		}
		return fmt.Sprintf("%"+flags+string(verb), f), ""
	}
	return "", "the placeholder %" + string(verb) + " is not supported"
}

// fixed is %f as Java rounds: what is half goes up, in the digits that the number
// prints with, where Go looks at the exact value.
func fixed(flags string, f float64) string {
	width, precision, found := strings.Cut(flags, ".")
	places := 6
	if found {
		places, _ = strconv.Atoi(precision)
	}
	digits := strconv.FormatFloat(math.Abs(f), 'f', -1, 64)
	if exact, ok := new(big.Rat).SetString(digits); ok {
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
		exact.Mul(exact, new(big.Rat).SetInt(scale)).Add(exact, big.NewRat(1, 2))
		whole := new(big.Int).Quo(exact.Num(), exact.Denom()).String()
		if len(whole) <= places {
			whole = strings.Repeat("0", places+1-len(whole)) + whole
		}
		digits = whole
		if places > 0 {
			digits = whole[:len(whole)-places] + "." + whole[len(whole)-places:]
		}
	}
	if math.Signbit(f) {
		digits = "-" + digits
	} else if strings.Contains(width, "+") {
		digits = "+" + digits
	} else if strings.Contains(width, " ") {
		digits = " " + digits
	}
	size, _ := strconv.Atoi(strings.TrimLeft(width, "-+ 0"))
	pad := max(0, size-len(digits))
	switch {
	case strings.Contains(width, "-"):
		return digits + strings.Repeat(" ", pad)
	case strings.HasPrefix(strings.TrimLeft(width, "+ "), "0"):
		sign := strings.TrimRight(digits, "0123456789.")
		return sign + strings.Repeat("0", pad) + digits[len(sign):]
	}
	return strings.Repeat(" ", pad) + digits
}

package cost

import (
	"math/big"
	"strings"
)

// exactDigits are those of money for programs: the finest price of a single thing has fewer.
const exactDigits = 9

// AmountDigits are those of amounts for programs, such as of gigabytes.
const AmountDigits = 6

// Money writes a sum for people, with as many digits as it takes to see it.
func Money(sum *big.Rat) string {
	switch {
	case sum.Sign() == 0:
		return "0.00"
	case sum.Cmp(big.NewRat(1, 100)) >= 0:
		return sum.FloatString(2)
	case sum.Cmp(big.NewRat(1, 1_000_000)) >= 0:
		return sum.FloatString(6)
	}
	return "<0.000001"
}

// ExactMoney writes a sum for programs.
func ExactMoney(sum *big.Rat) string { return Decimal(sum, exactDigits) }

// Decimal writes a number with so many digits at most behind the point.
func Decimal(r *big.Rat, digits int) string {
	text := r.FloatString(digits)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

package ratelimit

import (
	"cmp"
	"math"
	"slices"
)

// shares divides what there is of a limit among Envoys by what each asks for. Whoever
// asks for less than an equal part gets what it asks for, and the others divide what
// that leaves, in equal parts again (max-min fairness). What nobody asks for is divided
// equally, so that one whose callers become more has something until the next division.
//
// Shares are never negative and add up to the total. Demands that are no numbers, or
// below 0, count as 0: they come from the network.
func shares(total float64, demands []float64) []float64 {
	given := make([]float64, len(demands))
	if len(demands) == 0 || !(total > 0) {
		return given
	}
	wanted := make([]float64, len(demands))
	order := make([]int, len(demands))
	for i, d := range demands {
		order[i] = i
		if d > 0 {
			// More than all that there is, is not a stronger claim.
			wanted[i] = min(d, total)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(wanted[a], wanted[b]) })
	left := total
	for n, i := range order {
		given[i] = min(wanted[i], left/float64(len(order)-n))
		left -= given[i]
	}
	if left > 0 {
		for i := range given {
			given[i] += left / float64(len(given))
		}
	}
	return given
}

// wholeShares is shares in whole requests: they add up to the total exactly. What is
// lost by rounding down goes, one each, to those who lost most by it.
func wholeShares(total int64, demands []float64) []int64 {
	given := make([]int64, len(demands))
	if len(demands) == 0 || total <= 0 {
		return given
	}
	exact := shares(float64(total), demands)
	order := make([]int, len(demands))
	left := total
	for i, share := range exact {
		order[i] = i
		// Above 2^53 a float64 may be greater than the whole number it stands for.
		given[i] = min(int64(math.Floor(share)), left)
		left -= given[i]
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Compare(exact[b]-math.Floor(exact[b]), exact[a]-math.Floor(exact[a]))
	})
	each := left / int64(len(order))
	for n, i := range order {
		given[i] += each
		if int64(n) < left%int64(len(order)) {
			given[i]++
		}
	}
	return given
}

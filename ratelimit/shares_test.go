package ratelimit

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShares(t *testing.T) {
	for name, c := range map[string]struct {
		total   float64
		demands []float64
		want    []float64
	}{
		"nobody":                            {10, nil, []float64{}},
		"nothing to divide":                 {0, []float64{1, 2}, []float64{0, 0}},
		"nobody asks":                       {10, []float64{0, 0}, []float64{5, 5}},
		"all ask for more":                  {9, []float64{100, 50, 20}, []float64{3, 3, 3}},
		"one asks for little":               {9, []float64{100, 1, 100}, []float64{4, 1, 4}},
		"less is asked for than there is":   {12, []float64{4, 2}, []float64{7, 5}},
		"one for all":                       {10, []float64{3}, []float64{10}},
		"the order does not matter":         {9, []float64{1, 100, 100}, []float64{1, 4, 4}},
		"claims without measure are no use": {10, []float64{math.Inf(1), 100}, []float64{5, 5}},
		"demands that are none":             {10, []float64{math.NaN(), -5, 20}, []float64{0, 0, 10}},
	} {
		if diff := cmp.Diff(c.want, shares(c.total, c.demands)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWholeShares(t *testing.T) {
	for name, c := range map[string]struct {
		total   int64
		demands []float64
		want    []int64
	}{
		"one more for the first of equals": {10, []float64{9, 9, 9}, []int64{4, 3, 3}},
		"fewer than Envoys":                {2, []float64{9, 9, 9}, []int64{0, 1, 1}},
		"none left":                        {0, []float64{9}, []int64{0}},
		"overdrawn":                        {-3, []float64{9}, []int64{0}},
	} {
		if diff := cmp.Diff(c.want, wholeShares(c.total, c.demands)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestWholeSharesNeverExceedTheTotal is what quotas rest on: Envoys together get what
// is left and not one request more, whatever they claim.
func TestWholeSharesNeverExceedTheTotal(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 0, math.MaxFloat64, math.SmallestNonzeroFloat64}
	for range 20_000 {
		demands := make([]float64, 1+r.IntN(40))
		for i := range demands {
			demands[i] = r.ExpFloat64() * 1000
			if r.IntN(8) == 0 {
				demands[i] = odd[r.IntN(len(odd))]
			}
		}
		total := r.Int64N(1 << r.IntN(63))
		var sum int64
		for i, share := range wholeShares(total, demands) {
			if share < 0 {
				t.Fatalf("%d among %v: the share of %d is %d", total, demands, i, share)
			}
			sum += share
		}
		if sum != total {
			t.Fatalf("%d among %v: shares add up to %d", total, demands, sum)
		}
	}
}

package archive

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"gatehouse/telemetry/history"
)

// rounded is a count: increases are extrapolated, and need not be whole.
func rounded(value float64) uint64 {
	if math.IsNaN(value) || value <= 0 {
		return 0
	}
	return uint64(math.Round(min(value, 1e18)))
}

func boundOf(le model.LabelValue) (float64, bool) {
	bound, err := strconv.ParseFloat(string(le), 64)
	return bound, err == nil && !math.IsNaN(bound)
}

// parts is how finely the requests of a bucket are spread over it.
const parts = 24

// fill gives a sketch what buckets have counted, by their upper bounds in seconds and with
// all that is below. Within a bucket they are spread evenly, as histogram_quantile does;
// what is above the last bound is taken to be there.
func fill(s *history.Sketch, buckets map[float64]float64) {
	var lower, counted float64
	for _, bound := range slices.Sorted(maps.Keys(buckets)) {
		upper := bound
		if math.IsInf(upper, 1) {
			upper = lower
		}
		// Scrapes do not come at one instant: a bucket may seem to have less than a part of it.
		below := max(math.Round(buckets[bound]), counted)
		spread(s, rounded(below-counted), lower, upper)
		lower, counted = upper, below
	}
}

func spread(s *history.Sketch, n uint64, from, to float64) {
	if n == 0 {
		return
	}
	pieces := min(n, parts)
	for i := range pieces {
		share := n*(i+1)/pieces - n*i/pieces
		middle := from + (to-from)*(float64(i)+0.5)/float64(pieces)
		s.Observe(time.Duration(middle*float64(time.Second)), share)
	}
}

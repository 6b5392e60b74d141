package translator

import (
	"math"
	"testing"

	"gatehouse/gateway"
)

// TestTokenBucket compares what Envoy is told of a rate with the rate.
func TestTokenBucket(t *testing.T) {
	for _, c := range []struct {
		rate   float64
		burst  int64
		tokens uint32
		// seconds of the interval.
		seconds int64
		// most is the relative error.
		most float64
	}{
		{1, 1, 1, 1, 0},
		{10000, 5000, 10000, 1, 0},
		{0.5, 1, 5, 10, 0},
		{0.25, 1, 25, 100, 0},
		{0.1, 1, 1, 10, 0},
		{2.5, 1, 25, 10, 0},
		{0.3, 1, 3, 10, 0},
		{0.0001, 1, 1, 10_000, 0},
		{1.123456789, 1, 1123456789, 1e9, 0},
		{0.000001, 1, 1, 1_000_000, 0},
		{1.0 / 3, 1, 333333333, 1e9, 2e-9},
		{math.Pi * 100, 1, 3141592654, 1e7, 2e-9},
		{0.0000012345, 1, 1235, 1e9, 5e-4},
		{1e-12, 1, 1, 1e9, math.Inf(1)},
		{1e9, 1e9, 1e9, 1, 0},
		{999999999.5, 1, 1000000000, 1, 2e-9},
	} {
		class, _ := bucketOf(&gateway.Throttle{Rate: c.rate, Burst: c.burst})
		b := class.tokenBucket()
		tokens, seconds := b.TokensPerFill.GetValue(), b.FillInterval.GetSeconds()
		if tokens != c.tokens || seconds != c.seconds || b.FillInterval.GetNanos() != 0 || int64(b.MaxTokens) != c.burst {
			t.Errorf("%v: %d tokens in %v, at most %d; want %d in %d s", c.rate, tokens, b.FillInterval.AsDuration(), b.MaxTokens, c.tokens, c.seconds)
		}
		if err := math.Abs(float64(tokens)/float64(seconds)/c.rate - 1); err > c.most+1e-15 {
			t.Errorf("%v: the error is %g", c.rate, err)
		}
	}
}

// TestRoomForBuckets: a few more keys or routes do not change the filter, which would
// forget its buckets; but there is room for all in any case.
func TestRoomForBuckets(t *testing.T) {
	for live, want := range map[int]uint32{0: 16384, 8191: 16384, 8192: 32768, 100_000: 262144, 1 << 40: 1 << 30} {
		if got := room(live); got != want || int(got) < min(live, 1<<30) {
			t.Errorf("room for %d: %d, want %d", live, got, want)
		}
	}
}

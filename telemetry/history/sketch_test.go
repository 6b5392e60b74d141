package history

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQuantilesAreAsNearAsPromised(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var whole, left, right Sketch
	var times []time.Duration
	for i := range 20_000 {
		// Two humps, as of a cache, and a long tail.
		d := time.Duration(math.Exp(random.NormFloat64()*0.6) * float64(3*time.Millisecond))
		if i%3 == 0 {
			d = time.Duration(math.Exp(random.NormFloat64()*1.5) * float64(80*time.Millisecond))
		}
		d = min(max(d, shortest), longest)
		times = append(times, d)
		whole.Observe(d, 1)
		if i%7 < 3 {
			left.Observe(d, 1)
		} else {
			right.Observe(d, 1)
		}
	}
	slices.Sort(times)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		exact := times[max(int(math.Ceil(q*float64(len(times))))-1, 0)]
		got := whole.Quantile(q)
		if off := math.Abs(float64(got-exact)) / float64(exact); off > accuracy+1e-9 {
			t.Errorf("quantile %v: got %v, is %v: %.2f%% off", q, got, exact, 100*off)
		}
	}
	left.Merge(&right)
	var read Sketch
	in := &reader{left.appendTo(nil)}
	read.mergeEncoded(in)
	if len(in.rest) > 0 {
		t.Errorf("%d bytes are left", len(in.rest))
	}
	for name, s := range map[string]*Sketch{"merged": &left, "written and read": &read} {
		if diff := cmp.Diff(whole, *s, cmp.AllowUnexported(Sketch{})); diff != "" {
			t.Errorf("%s (-whole):\n%s", name, diff)
		}
	}
}

func TestSketchOfStrangeTimes(t *testing.T) {
	var s Sketch
	if got := s.Quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	s.Observe(-time.Second, 1)
	s.Observe(0, 1)
	s.Observe(1000*time.Hour, 2)
	if got := s.Quantile(0); got > shortest {
		t.Errorf("shortest: %v", got)
	}
	if got := s.Quantile(math.NaN()); got < longest*97/100 || s.Count() != 4 {
		t.Errorf("longest: %v of %d", got, s.Count())
	}
}

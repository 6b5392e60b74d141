package ratelimit

import "fmt"

// What one ask may have, which keeps sums far from where numbers overflow.
const (
	maxAsked = 1 << 50
	maxRate  = 1e12
)

// Check is an error when a store can't carry out the ask, whatever its state.
func (a *Ask) Check() error {
	switch b, w := a.Bucket, a.Window; {
	case (b == nil) == (w == nil):
		return fmt.Errorf("counter %q: want a bucket or a window", a.Counter)
	case b != nil && (b.Rate != b.Rate || b.Rate > maxRate):
		return fmt.Errorf("counter %q: rate %v", a.Counter, b.Rate)
	case w != nil && !w.Period.Known():
		return fmt.Errorf("counter %q: unknown period %q", a.Counter, w.Period)
	case a.Hits > maxAsked || a.Hits < -maxAsked:
		return fmt.Errorf("counter %q: %d hits at once", a.Counter, a.Hits)
	}
	return nil
}

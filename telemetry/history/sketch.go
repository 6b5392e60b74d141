package history

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// Sketch is how long requests took: enough of it to tell any quantile with an error of at
// most 2.5 percent of it, and mergeable with others without a loss. The zero value is
// ready to use. A copy shares its counts with the original.
//
// It counts by logarithmic buckets that are the same for all, as DDSketch does; times
// below the shortest and above the longest are counted as those.
type Sketch struct {
	n uint64
	// counts are those of the buckets from first on.
	first  int
	counts []uint64
}

const (
	accuracy = 0.025
	shortest = 20 * time.Microsecond
	longest  = time.Hour
)

var (
	growth    = (1 + accuracy) / (1 - accuracy)
	logGrowth = math.Log(growth)
)

// bucketOf is the bucket of a time: bucket i is for times above shortest·growth^(i-1), up
// to shortest·growth^i.
func bucketOf(d time.Duration) int {
	if d <= shortest {
		return 0
	}
	d = min(d, longest)
	return int(math.Ceil(math.Log(float64(d)/float64(shortest)) / logGrowth))
}

// middleOf is the time that is as far, relatively, from both ends of a bucket.
func middleOf(bucket int) time.Duration {
	return time.Duration(float64(shortest) * math.Pow(growth, float64(bucket)) * 2 / (1 + growth))
}

// Count is how many times it has.
func (s Sketch) Count() uint64 { return s.n }

// Observe adds a time, which happened n times.
func (s *Sketch) Observe(d time.Duration, n uint64) { s.add(bucketOf(d), n) }

func (s *Sketch) add(bucket int, n uint64) {
	if n == 0 {
		return
	}
	s.n += n
	switch end := s.first + len(s.counts); {
	case len(s.counts) == 0:
		s.first = bucket
		s.counts = append(s.counts, n)
		return
	case bucket < s.first:
		s.counts = slices.Insert(s.counts, 0, make([]uint64, s.first-bucket)...)
		s.first = bucket
	case bucket >= end:
		s.counts = append(s.counts, make([]uint64, bucket-end+1)...)
	}
	s.counts[bucket-s.first] += n
}

// Merge adds all that another has.
func (s *Sketch) Merge(o *Sketch) {
	if o.n == 0 {
		return
	}
	// The ends come first, so that there is one growth at each end.
	last := o.first + len(o.counts) - 1
	s.add(o.first, o.counts[0])
	if last > o.first {
		s.add(last, o.counts[last-o.first])
	}
	for i := 1; i < len(o.counts)-1; i++ {
		s.add(o.first+i, o.counts[i])
	}
}

// Quantile is the time that a part q of the requests did not exceed, 0 without requests.
func (s Sketch) Quantile(q float64) time.Duration {
	if s.n == 0 {
		return 0
	}
	if math.IsNaN(q) {
		q = 1
	}
	rank := uint64(math.Ceil(min(max(q, 0), 1) * float64(s.n)))
	rank = min(max(rank, 1), s.n)
	var seen uint64
	for i, n := range s.counts {
		if seen += n; seen >= rank {
			return middleOf(s.first + i)
		}
	}
	return middleOf(s.first + len(s.counts) - 1)
}

// appendTo writes it in few bytes: how many buckets have a count, and of each how far it
// is from the one before, and its count.
func (s *Sketch) appendTo(b []byte) []byte {
	used := 0
	for _, n := range s.counts {
		if n > 0 {
			used++
		}
	}
	b = binary.AppendUvarint(b, uint64(used))
	last := 0
	for i, n := range s.counts {
		if n > 0 {
			b = binary.AppendUvarint(b, uint64(s.first+i-last))
			b = binary.AppendUvarint(b, n)
			last = s.first + i
		}
	}
	return b
}

// mergeEncoded adds what appendTo wrote.
func (s *Sketch) mergeEncoded(in *reader) {
	bucket := 0
	for range in.uvarint() {
		bucket += int(in.uvarint())
		s.add(bucket, in.uvarint())
	}
}

// reader reads what this package has written itself.
type reader struct{ rest []byte }

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	r.rest = r.rest[max(size, 0):]
	return n
}

func (r *reader) text() string {
	n := r.uvarint()
	text := string(r.rest[:n])
	r.rest = r.rest[n:]
	return text
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

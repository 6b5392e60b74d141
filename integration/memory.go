package integration

import (
	"context"
	"math"
	"runtime/debug"
	"time"

	"golang.org/x/sync/semaphore"
)

// memory bounds what all requests under way hold together of bodies, events and results.
// Each is bounded by itself, but hundreds of slow ones of megabytes would take the process.
type memory struct {
	// all is for all requests, large for those that hold more than smallShare, besides.
	all, large *semaphore.Weighted
	// patience is how long a request waits for others to end.
	patience time.Duration
}

const (
	// defaultMemory is for Options.MemoryBytes.
	defaultMemory = 512 << 20
	// smallShare is how much a request holds before it counts as large. Large ones leave an
	// eighth of the memory to those that need no more than this.
	smallShare = 128 << 10
	// defaultPatience is for how long a request waits for memory. Those that wait are held
	// back by HTTP/2's flow control, and cost little.
	defaultPatience = 5 * time.Second
)

func newMemory(bytes int64, patience time.Duration) *memory {
	if bytes == 0 {
		bytes = defaultMemory
		// Who has told the runtime a limit (GOMEMLIMIT) means it for all that the process does.
		if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
			bytes = min(bytes, limit/2)
		}
	}
	return &memory{semaphore.NewWeighted(bytes), semaphore.NewWeighted(bytes - bytes/8), patience}
}

// share is what one request holds of it.
type share struct {
	of          *memory
	held, large int64
}

// take makes the share larger, and reports whether it could; it waits for others.
func (s *share) take(ctx context.Context, bytes int64) bool {
	if bytes <= 0 {
		return true
	}
	// All of a share counts as large as soon as it is.
	if more := s.held + bytes - s.large; s.held+bytes > smallShare {
		if !s.of.acquire(ctx, s.of.large, more) {
			return false
		}
		s.large += more
	}
	if !s.of.acquire(ctx, s.of.all, bytes) {
		return false
	}
	s.held += bytes
	return true
}

func (m *memory) acquire(ctx context.Context, from *semaphore.Weighted, bytes int64) bool {
	if from.TryAcquire(bytes) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, m.patience)
	defer cancel()
	return from.Acquire(ctx, bytes) == nil
}

// give gives back what is not needed any more.
func (s *share) give(bytes int64) {
	s.held -= bytes
	s.of.all.Release(bytes)
	if large := min(s.large, bytes); large > 0 {
		s.large -= large
		s.of.large.Release(large)
	}
}

// end gives back all.
func (s *share) end() {
	s.of.all.Release(s.held)
	s.of.large.Release(s.large)
	s.held, s.large = 0, 0
}

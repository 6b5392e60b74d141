package extauthz

import (
	"strings"
	"sync"
	"time"
)

// sparing lets something be said once a second, so that a function that is broken does
// not fill the disk with as many lines as there are requests.
type sparing struct {
	mu   sync.Mutex
	said map[string]time.Time
}

// maxSaid is when the memory of what was said is begun anew.
const maxSaid = 10_000

func (s *sparing) due(what string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, known := s.said[what]; known && now.Sub(last) < time.Second && !now.Before(last) {
		return false
	}
	if s.said == nil || len(s.said) >= maxSaid {
		s.said = map[string]time.Time{}
	}
	s.said[what] = now
	return true
}

// shortened is as much of a text as a line of the log needs. What a function answers may
// be in it, which can be anything.
func shortened(text string) string {
	const limit = 500
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

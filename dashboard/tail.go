package dashboard

import (
	"net/http"
	"slices"
	"time"
)

// tailed is what became of the requests that came while somebody looked on.
type tailed struct {
	// Since is when it began. Came are all that ended since then and were asked for; Unshown
	// of these were never in the list, as too many came before it was shown again.
	Since         time.Time
	Came, Unshown uint64
	// Lost are those of which nobody knows whether they were asked for.
	Lost uint64
}

// tailRequests keeps the list of requests for one who looks on: it hears of each that is
// asked for, so that what came and went between two looks is counted at least.
func (s *Server) tailRequests(r *http.Request) func(*Server, *http.Request) (*shown, error) {
	v, filter, err := s.askedRequests(r)
	if err != nil || v.Wrong != "" {
		return (*Server).requests
	}
	now := tailed{Since: s.options.Now()}
	last, tail := s.options.Traffic.Tail(r.Context(), filter, requestsSize)
	return func(s *Server, r *http.Request) (*shown, error) {
		v, _, err := s.askedRequests(r)
		if err != nil {
			return nil, err
		}
		came := tail.Next(requestsSize)
		now.Came += came.Count
		now.Unshown += came.Count - uint64(len(came.Last))
		now.Lost += came.Lost
		last = append(came.Last, last...)
		last = last[:min(len(last), requestsSize)]
		told := now
		v.Tailed = &told
		v.list(slices.Clone(last))
		return &shown{Title: "Requests", Data: v}, nil
	}
}

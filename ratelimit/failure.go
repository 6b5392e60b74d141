package ratelimit

import (
	"context"

	"gatehouse/gateway"
)

// withoutStore answers asks while the store does not.
func (s *Server) withoutStore(ctx context.Context, asks []Ask) []Answer {
	answers := make([]Answer, len(asks))
	for i := range asks {
		switch asks[i].Failure {
		case gateway.FailOpen:
			answers[i].Granted = asks[i].Hits
		case gateway.FailClosed:
			// Giving back is never refused.
			answers[i].Granted = min(0, asks[i].Hits)
		default:
			if s.options.Local == nil {
				continue
			}
			if got, err := s.options.Local.Take(ctx, []Ask{share(asks[i], s.options.Shares)}); err == nil {
				answers[i] = got[0]
			}
		}
	}
	return answers
}

// share is the ask of one of so many processes: rates are divided, and a limit is at
// least one, since a share of nothing would be a failure of its own.
func share(ask Ask, shares int64) Ask {
	if ask.Bucket != nil {
		ask.Bucket = &Bucket{Rate: ask.Bucket.Rate / float64(shares), Burst: part(ask.Bucket.Burst, shares)}
	}
	if ask.Window != nil {
		ask.Window = &Window{Limit: part(ask.Window.Limit, shares), Period: ask.Window.Period}
	}
	return ask
}

func part(whole, shares int64) int64 {
	if whole <= 0 {
		return whole
	}
	return max(1, whole/shares)
}

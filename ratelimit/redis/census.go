package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/ratelimit"
)

var _ ratelimit.Census = (*Store)(nil)

// mostServices and mostDemands bound what is taken in of others.
const (
	mostServices = 100
	mostDemands  = 1000
)

// Meet says what a service's Envoys ask for, and hears what those of others do, in one
// round trip.
func (s *Store) Meet(ctx context.Context, service string, claims []ratelimit.Claim) ([][]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	calls := make([]call, len(claims))
	for i, c := range claims {
		calls[i] = call{
			keys: []string{s.censusKey(c.Counter)},
			args: []any{service, demandsText(c.Demands), ratelimit.CensusExpiry.Milliseconds()},
		}
	}
	run(ctx, s.client, s.scripts.census, calls)
	others := make([][]float64, len(claims))
	for i := range calls {
		texts, err := calls[i].cmd.StringSlice()
		if err != nil {
			return nil, fmt.Errorf("redis: meet other services: %w", err)
		}
		for _, text := range texts[:min(len(texts), mostServices)] {
			others[i] = append(others[i], demandsOf(text)...)
		}
	}
	return others, nil
}

// censusKey is the key of a limit's claims.
func (s *Store) censusKey(counter string) string {
	return s.prefix + "c:" + counter
}

func demandsText(demands []float64) string {
	var b strings.Builder
	for i, d := range demands {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.FormatFloat(d, 'g', 6, 64))
	}
	return b.String()
}

// demandsOf reads what another service wrote; what is no number is none.
func demandsOf(text string) (demands []float64) {
	for _, field := range strings.Fields(text) {
		if len(demands) == mostDemands {
			break
		}
		d, err := strconv.ParseFloat(field, 64)
		if err != nil {
			d = 0
		}
		demands = append(demands, d)
	}
	return demands
}

package ratelimit

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"time"
)

// A Census is a Store by which the services that work on it tell each other what their
// Envoys ask for, so that they divide a rate as one would.
type Census interface {
	// Meet says what a service's Envoys ask for of each limit, and hears, in the same
	// places, what those of all other services do. A service that has not been heard of
	// for CensusExpiry is gone, and one that says that it has no Envoys is at once.
	Meet(ctx context.Context, service string, claims []Claim) (others [][]float64, err error)
}

// A Claim is what the Envoys of a service ask for of a limit: requests a second each.
type Claim struct {
	Counter string
	Demands []float64
}

const (
	// CensusExpiry is when a service that says nothing is gone.
	CensusExpiry = 10 * time.Second
	// censusInterval is how often services meet, about at most so many limits: then about
	// those which they have not met about for longest.
	censusInterval = time.Second
	maxClaims      = 2000
	// maxDemands bounds how many Envoys of a service others hear of.
	maxDemands = 1000
)

// serviceName is a name that no other service has.
func serviceName() string { return rand.Text() }

// meetOn has a service meet others until it is closed.
func (s *Server) meetOn(census Census) {
	ticker := time.NewTicker(censusInterval)
	defer ticker.Stop()
	for {
		select {
		case <-s.tally.stop:
			s.meet(census, s.pools.due()) // to say goodbye
			return
		case <-ticker.C:
			s.meet(census, s.pools.due())
		}
	}
}

// meet tells others about some limits. While the store does not answer all goes on with
// what was heard last: services keep to their parts.
func (s *Server) meet(census Census, about []*pool) {
	ps := s.pools
	for len(about) > 0 {
		n := min(len(about), maxAsks)
		claims := make([]Claim, n)
		ps.mu.Lock()
		for i, p := range about[:n] {
			claims[i] = Claim{Counter: p.counter, Demands: ps.demands(p)}
		}
		ps.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		others, err := census.Meet(ctx, s.name, claims)
		cancel()
		if err != nil || len(others) != n {
			s.metrics.storeErrors.Inc()
			s.options.Log.Debug("the other services can't be asked about shared rates", "error", err)
			return
		}
		ps.mu.Lock()
		for i, p := range about[:n] {
			ps.heard(p, others[i])
		}
		ps.mu.Unlock()
		about = about[n:]
	}
}

// due are the rates to meet about.
func (ps *pools) due() []*pool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	var list []*pool
	for _, p := range ps.at {
		if len(p.members) > 0 && p.members[0].limit.Throttle != nil {
			list = append(list, p)
		}
	}
	list = append(list, ps.gone...)
	ps.gone = nil
	// By name, too: which are met about must not depend on chance.
	slices.SortFunc(list, func(a, b *pool) int {
		return cmp.Or(a.met.Compare(b.met), cmp.Compare(a.counter, b.counter))
	})
	return list[:min(len(list), maxClaims)]
}

// strangers are the rates of a report that services have not met about.
func strangers(reported []*member) (list []*pool) {
	seen := map[*pool]bool{}
	for _, m := range reported {
		if m.limit.Throttle != nil && m.pool.met.IsZero() && !seen[m.pool] {
			seen[m.pool] = true
			list = append(list, m.pool)
		}
	}
	return list
}

// demands of the Envoys here. It needs mu.
func (ps *pools) demands(p *pool) []float64 {
	p.met = ps.now()
	var list []float64
	for _, m := range p.members[:min(len(p.members), maxDemands)] {
		list = append(list, m.claim())
	}
	return list
}

// heard has a pool go by what Envoys of other services ask for. It needs mu.
func (ps *pools) heard(p *pool, others []float64) {
	p.others = others
	if len(p.members) > 0 && p.members[0].limit.Throttle != nil {
		ps.share(p, nil)
		p.wake(nil)
	}
}

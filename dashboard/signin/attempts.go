package signin

import (
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// How often wrong secrets may be tried: a few from each address, and not many altogether.
const (
	attemptsEach, attemptsAll  = 5, 60
	secondsEach, secondsAll    = 20 * time.Second, time.Second
	maxAddresses               = 10_000
	networkBits6, networkBits4 = 64, 32
)

// Attempts bounds how often secrets are tried.
type Attempts struct {
	each *lru.Cache[netip.Prefix, *rate.Limiter]
	all  *rate.Limiter
}

// NewAttempts begins with none.
func NewAttempts() *Attempts {
	each, err := lru.New[netip.Prefix, *rate.Limiter](maxAddresses)
	if err != nil { // of a size that is constant
		panic(err)
	}
	return &Attempts{each: each, all: rate.NewLimiter(rate.Every(secondsAll), attemptsAll)}
}

// Allow reports whether an address may try now, and counts it.
func (a *Attempts) Allow(from netip.Addr, now time.Time) bool {
	from = from.Unmap().WithZone("")
	bits := networkBits4
	if from.Is6() {
		// Whoever has one address of these has all of them.
		bits = networkBits6
	}
	network, err := from.Prefix(bits)
	if err != nil {
		network = netip.Prefix{}
	}
	fresh := rate.NewLimiter(rate.Every(secondsEach), attemptsEach)
	limiter, known, _ := a.each.PeekOrAdd(network, fresh)
	if !known {
		limiter = fresh
	}
	a.each.Get(network) // which is used just now
	return limiter.AllowN(now, 1) && a.all.AllowN(now, 1)
}

package oidc

import (
	"slices"
	"strings"
	"time"
)

// Status is what is known of an issuer.
type Status struct {
	Issuer string
	// Keys is how many there are to verify its tokens with.
	Keys int
	// Introspection is where it is asked about tokens, for an issuer that has no keys.
	Introspection string
	// Introspected: the issuer is of that kind, whether or not the place is known.
	Introspected bool
	// Confirmed is when the issuer last said that these are its keys, Changed when it
	// first did. Both are zero before.
	Confirmed, Changed time.Time
	// Next is when it is asked again.
	Next time.Time
	// Failures are the fetches that failed since the last good one, Err why the last did.
	Failures int
	Err      error
	// Expired: there were keys, but they are too old to be used.
	Expired bool
}

// Stale reports whether keys are used that could not be refreshed.
func (s Status) Stale() bool { return (s.Keys > 0 || s.Introspection != "") && s.Failures > 0 }

// Status gives all issuers, in the order of their URLs.
func (k *Keeper) Status() []Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := make([]Status, 0, len(k.issuers))
	for _, i := range k.issuers {
		all = append(all, Status{
			Issuer: i.remote.issuer.URL, Keys: i.count, Introspection: i.endpoint, Introspected: i.remote.issuer.Introspection != nil, Confirmed: i.confirmed, Changed: i.changed,
			Next: i.next, Failures: i.failures, Err: i.err, Expired: i.expired,
		})
	}
	slices.SortFunc(all, func(a, b Status) int {
		if c := strings.Compare(a.Issuer, b.Issuer); c != 0 {
			return c
		}
		return b.Confirmed.Compare(a.Confirmed)
	})
	return all
}

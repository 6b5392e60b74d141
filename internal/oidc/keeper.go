package oidc

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"gatehouse/gateway"
)

// parallel bounds the issuers that are asked at one time.
const parallel = 8

// Keeper keeps the key sets of the issuers that definitions name. Its methods may be
// called from anywhere at any time, until Close.
type Keeper struct {
	opts    Options
	log     *slog.Logger
	metrics *metrics
	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
	slots   chan struct{}
	// unsaved holds a token if there is something to write to the file.
	unsaved chan struct{}
	saved   chan struct{}

	mu      sync.Mutex
	issuers map[string]*issuer
	// defined are those that the definitions name as they were last read, served those
	// of what is served: not the same as long as the definitions are refused.
	defined, served []string
	// stored are key sets of issuers that nobody names now.
	stored map[string]storedSet
}

// New makes a Keeper that has what the file keeps, and asks nobody yet.
func New(opts Options) *Keeper {
	opts.Timing = opts.Timing.orDefaults()
	k := &Keeper{
		opts:    opts,
		log:     cmp.Or(opts.Log, slog.Default()),
		slots:   make(chan struct{}, parallel),
		unsaved: make(chan struct{}, 1),
		saved:   make(chan struct{}),
		issuers: map[string]*issuer{},
	}
	k.ctx, k.stop = context.WithCancel(context.Background())
	k.metrics = newMetrics(opts.Registerer, k.Status)
	k.stored = k.load()
	go k.save()
	return k
}

// Close ends all fetches, and writes what is not yet in the file.
func (k *Keeper) Close() {
	k.mu.Lock()
	k.stop()
	k.mu.Unlock()
	k.running.Wait()
	<-k.saved
}

// Fill gives a snapshot of freshly read definitions with the key sets in it that are
// known. It waits a little for issuers that were never asked before. Without keys an
// issuer's tokens are refused, of which the diagnostics warn.
func (k *Keeper) Fill(ctx context.Context, s *gateway.Snapshot) (*gateway.Snapshot, gateway.Diagnostics) {
	uses := fetchedUses(s)
	k.mu.Lock()
	issuers := k.want(&k.defined, uses)
	for _, i := range issuers {
		i.waiting++
	}
	k.mu.Unlock()

	patience, cancel := context.WithTimeout(ctx, k.opts.Wait)
	defer cancel()
	for _, i := range issuers {
		select {
		case <-i.tried:
		case <-patience.Done():
		}
	}

	// From here to the end under one lock: keys that come later than this are a change.
	k.mu.Lock()
	defer k.mu.Unlock()
	var found gateway.Diagnostics
	for n, i := range issuers {
		i.waiting--
		if i.known() {
			continue
		}
		for _, at := range uses[n].Authorizers {
			if i.remote.issuer.Introspection != nil {
				found.Warnf("issuer-unreachable", at, "", "they are accepted as soon as it answers; to do without, write its endpoint into introspection",
					"where to ask about tokens of %s is not known, and they are refused: %s", i.remote.issuer.URL, i.problem(k.opts.Wait))
				continue
			}
			found.Warnf("issuer-unreachable", at, "", "they are accepted as soon as it answers; to do without the network, write its key set into jwks",
				"the keys of %s are not known, and its tokens are refused: %s", i.remote.issuer.URL, i.problem(k.opts.Wait))
		}
	}
	return fill(s, uses, issuers), found
}

// Renew gives the snapshot that is served with newer key sets in it, where there are
// any; the same one if there are none. It does not wait.
func (k *Keeper) Renew(s *gateway.Snapshot) *gateway.Snapshot {
	uses := fetchedUses(s)
	k.mu.Lock()
	defer k.mu.Unlock()
	return fill(s, uses, k.want(&k.served, uses))
}

// fetchedUses are the issuers of a snapshot whose keys are needed, or where they are
// asked about tokens, and for which that is not written in it.
func fetchedUses(s *gateway.Snapshot) []gateway.IssuerUse {
	// What cannot be told is an error of validation.
	uses, _ := s.IssuerUses()
	return slices.DeleteFunc(uses, func(u gateway.IssuerUse) bool {
		if in := u.Issuer.Introspection; in != nil {
			return in.Endpoint != "" && !in.Discovered
		}
		return u.Issuer.JWKS != "" && !u.Issuer.Fetched
	})
}

// fill puts the keys of issuers into a copy of the snapshot: snapshots are shared.
// The issuers stand in the order of their URLs, whoever named them first.
func fill(s *gateway.Snapshot, uses []gateway.IssuerUse, issuers []*issuer) *gateway.Snapshot {
	if len(uses) == 0 {
		return s
	}
	filled := *s
	filled.Issuers = slices.Clone(s.Issuers)
	for n, i := range issuers {
		of := filled.Issuer(uses[n].Issuer.URL)
		if of == nil {
			filled.Issuers = append(filled.Issuers, uses[n].Issuer)
			of = &filled.Issuers[len(filled.Issuers)-1]
		}
		switch {
		case !i.known() && !i.expired:
		case of.Introspection != nil:
			in := *of.Introspection
			in.Endpoint, in.Discovered = i.endpoint, i.endpoint != ""
			of.Introspection = &in
		default:
			of.JWKS, of.Fetched = i.keys, i.keys != ""
		}
	}
	slices.SortStableFunc(filled.Issuers, func(a, b gateway.Issuer) int { return strings.Compare(a.URL, b.URL) })
	return filled.Seal()
}

// want notes in a list which issuers are needed, starts with those that are new, and
// ends those that no list has any more. It is called with the lock.
func (k *Keeper) want(list *[]string, uses []gateway.IssuerUse) []*issuer {
	issuers := make([]*issuer, len(uses))
	*list = nil
	for n, use := range uses {
		id := identity(use.Issuer)
		*list = append(*list, id)
		if k.issuers[id] == nil {
			k.start(id, use.Issuer)
		}
		issuers[n] = k.issuers[id]
	}
	for id, i := range k.issuers {
		if !slices.Contains(k.defined, id) && !slices.Contains(k.served, id) {
			i.cancel()
			delete(k.issuers, id)
			if i.known() {
				k.stored[id] = i.storedSet
			}
			k.metrics.forget(i.remote.issuer.URL)
		}
	}
	return issuers
}

// identity tells apart what keys are trusted for: keys that came from elsewhere, or
// by way of another authority, are not those that a changed definition asks for.
func identity(i gateway.Issuer) string {
	parts := []string{i.URL, i.JWKSURI, i.CA}
	if i.Introspection != nil {
		parts = append(parts, introspectionMember)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

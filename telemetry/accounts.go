package telemetry

import (
	"sync"
	"time"

	"gatehouse/internal/executionlog"
)

const (
	// maxAccountBytes bounds the accounts that wait for Envoy to tell of their requests,
	// twice.
	maxAccountBytes = 8 << 20
	// maxAccountAge is how long one waits at least before it is written without.
	maxAccountAge = 15 * time.Second
	// maxTold bounds the requests that Envoy has told of before the service did, twice.
	maxTold = 10_000
	// entryOverhead is about what a line takes beside its text.
	entryOverhead = 48
)

// accounts are what the integration service has told of requests that Envoy has not told
// of yet. Those that Envoy never tells of, as that was lost or went to another process, are
// written by themselves with the next generation but one.
type accounts struct {
	mu            sync.Mutex
	young, before map[string][]*executionlog.Account
	bytes         int
	since         time.Time
	// told are requests whose accounts came late: they are written as soon as they come.
	told, toldBefore map[string]bool
}

// put keeps an account. What it returns is to be written now, since it waits for nothing.
func (a *accounts) put(of *executionlog.Account, now time.Time) (write []*executionlog.Account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.told[of.RequestID] || a.toldBefore[of.RequestID] {
		delete(a.told, of.RequestID)
		delete(a.toldBefore, of.RequestID)
		return []*executionlog.Account{of}
	}
	size := 200
	for _, e := range of.Entries {
		size += len(e.Text) + entryOverhead
	}
	if a.young == nil || a.bytes+size > maxAccountBytes || now.Sub(a.since) > maxAccountAge || now.Before(a.since) {
		write = flat(a.before)
		a.before, a.young, a.bytes, a.since = a.young, map[string][]*executionlog.Account{}, 0, now
	}
	a.young[of.RequestID] = append(a.young[of.RequestID], of)
	a.bytes += size
	return write
}

// take gives what was told of a request. One of which more will come is remembered.
func (a *accounts) take(id string, expected bool) (entries []executionlog.Entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, kept := range []map[string][]*executionlog.Account{a.before, a.young} {
		for _, of := range kept[id] {
			entries = append(entries, of.Entries...)
		}
		delete(kept, id)
	}
	if entries == nil && expected && id != "" {
		if a.told == nil || len(a.told) >= maxTold {
			a.told, a.toldBefore = map[string]bool{}, a.told
		}
		a.told[id] = true
	}
	return entries
}

// rest gives all that still waits.
func (a *accounts) rest() []*executionlog.Account {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := append(flat(a.before), flat(a.young)...)
	a.before, a.young, a.bytes = nil, nil, 0
	return all
}

func flat(kept map[string][]*executionlog.Account) (all []*executionlog.Account) {
	for _, of := range kept {
		all = append(all, of...)
	}
	return all
}

// Executed is told by the integration service what it has done with a request, before Envoy
// tells about it. It does not wait for anything.
func (s *Server) Executed(of *executionlog.Account) {
	if len(of.RequestID) > 128 {
		return
	}
	write := []*executionlog.Account{of}
	if !s.alone {
		write = s.accounts.put(of, s.now())
	}
	s.writeAccounts(write)
}

// writeAccounts writes accounts without what Envoy tells.
func (s *Server) writeAccounts(all []*executionlog.Account) {
	if len(all) == 0 {
		return
	}
	b := newBatch()
	now := s.serving.Load()
	for _, of := range all {
		for _, c := range []*Compiled{now.current, now.previous} {
			if c == nil {
				continue
			}
			if st := c.stages[stageKey{of.API, of.Stage}]; st != nil && st.executions != nil {
				b.addExecution(st.executions, of.Canary, of.RequestID, of.Entries)
				break
			}
		}
	}
	b.flush()
}

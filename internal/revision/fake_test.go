package revision

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/outputtest"
	"gatehouse/xds"
)

// fakeTarget stands in for an xds.Server with its Envoys.
type fakeTarget struct {
	mu      sync.Mutex
	envoys  int
	set     []xds.Revision
	acked   map[string]bool
	err     error
	changed chan struct{}
}

func newFakeTarget(envoys int) *fakeTarget {
	return &fakeTarget{envoys: envoys, acked: map[string]bool{}, changed: make(chan struct{})}
}

func (f *fakeTarget) Set(_ context.Context, r xds.Revision) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	f.set = append(f.set, r)
	f.notify()
	return nil
}

func (f *fakeTarget) Wait(ctx context.Context, id string) (xds.Outcome, error) {
	for {
		f.mu.Lock()
		out := xds.Outcome{Revision: id, State: xds.Pending, Nodes: f.envoys}
		switch {
		case len(f.set) == 0 || f.set[len(f.set)-1].ID != id:
			out.State = xds.Superseded
		case f.envoys == 0 || f.acked[id]:
			out.State = xds.Acked
		}
		changed := f.changed
		f.mu.Unlock()
		if out.State != xds.Pending {
			return out, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
}

// ack makes the Envoys take a revision, now or when it is set.
func (f *fakeTarget) ack(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acked[id] = true
	f.notify()
}

func (f *fakeTarget) notify() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// ids are the revisions set, in order.
func (f *fakeTarget) ids() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for _, r := range f.set {
		ids = append(ids, r.ID)
	}
	return ids
}

func (f *fakeTarget) last() xds.Revision {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.set[len(f.set)-1]
}

func (f *fakeTarget) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// definitions stand in for the files.
type definitions struct {
	mu       sync.Mutex
	snapshot *gateway.Snapshot
	problems gateway.Diagnostics
	broken   bool
}

func (d *definitions) load(context.Context) (*gateway.Snapshot, gateway.Diagnostics) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken {
		panic("a mistake of ours")
	}
	if d.problems.HasErrors() {
		return nil, slices.Clone(d.problems)
	}
	return d.snapshot, slices.Clone(d.problems)
}

// blowUp makes the next load panic.
func (d *definitions) blowUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = true
}

func (d *definitions) become(s *gateway.Snapshot, problems ...gateway.Diagnostic) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.snapshot, d.problems = s, problems
}

// listening is a snapshot that differs by its port.
func listening(port uint32) *gateway.Snapshot {
	at := gateway.Position{File: "gatehouse.yaml", Line: 4, Column: 9}
	s := &gateway.Snapshot{Gateways: []gateway.Gateway{{
		Name: "edge", Suffix: "localhost",
		Listeners: []gateway.Listener{{Address: "127.0.0.1", Port: port, Source: at}},
		Source:    gateway.Position{File: "gatehouse.yaml", Line: 2, Column: 5},
	}}}
	return s.Seal()
}

var brokenLine = gateway.Diagnostic{
	Severity: gateway.Error, Code: "key-unknown", Pos: gateway.Position{File: "gatehouse.yaml", Line: 3, Column: 7},
	Message: `there is no key "lisetners" here`, Hint: "did you mean listeners?",
}

// harness is a pipeline with all that it needs.
type harness struct {
	*Pipeline
	t      *testing.T
	files  *definitions
	target *fakeTarget
	log    *outputtest.Buffer
	stop   func()
	// unheeded are what an Envoy that has acknowledged all does not do, by revision.
	unheeded sync.Map
}

// start starts a pipeline on definitions, and stops it with the test.
func start(t *testing.T, files *definitions, target *fakeTarget, store *Store) *harness {
	t.Helper()
	h := newHarness(t, files, target, store)
	if err := h.Start(t.Context()); err != nil {
		t.Fatalf("Start: %v", err)
	}
	h.run()
	return h
}

func newHarness(t *testing.T, files *definitions, target *fakeTarget, store *Store) *harness {
	log := &outputtest.Buffer{}
	h := &harness{t: t, files: files, target: target, log: log, stop: func() {}}
	h.Pipeline = New(Options{
		Load: files.load, Target: target, Store: store, History: 3,
		Confirm: func(_ context.Context, s *gateway.Snapshot) []xds.NACK {
			if nack, ok := h.unheeded.Load(s.Revision()); ok {
				return []xds.NACK{nack.(xds.NACK)}
			}
			return nil
		},
		Settle: time.Millisecond, Unattended: 5 * time.Millisecond, SaveAgain: 5 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	return h
}

func (h *harness) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("Run: %v", err)
		}
	})
	h.t.Cleanup(h.stop)
}

// until waits for a status.
func (h *harness) until(what string, ok func(Status) bool) Status {
	h.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok(h.Status()) {
		if time.Now().After(deadline) {
			h.t.Fatalf("waiting until %s: status %+v\nlog:\n%s", what, h.Status(), h.log)
		}
		time.Sleep(time.Millisecond)
	}
	return h.Status()
}

func (h *harness) wantSet(snapshots ...*gateway.Snapshot) {
	h.t.Helper()
	var want []string
	for _, s := range snapshots {
		want = append(want, s.Revision())
	}
	if got := h.target.ids(); !slices.Equal(got, want) {
		h.t.Errorf("revisions set: %v, want %v", got, want)
	}
}

func serving(s *gateway.Snapshot, state State) func(Status) bool {
	return func(st Status) bool {
		return st.Serving != nil && st.Serving.Revision == s.Revision() && st.Serving.State == state
	}
}

func latest(state State) func(Status) bool {
	return func(st Status) bool { return st.Latest != nil && st.Latest.State == state }
}

var errSet = errors.New("the caches are on fire")

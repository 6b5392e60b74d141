package revision

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/outputtest"
)

// TestServicesAlone has no Envoys to hear from: what can be compiled and translated is
// in use, and kept, at once.
func TestServicesAlone(t *testing.T) {
	store, err := NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	files := &definitions{}
	files.become(listening(8080))
	var inUse atomic.Pointer[gateway.Snapshot]
	p := New(Options{
		Load: files.load, Store: store, Unattended: time.Hour, Log: slog.New(slog.DiscardHandler),
		Services: []Prepare{func(s *gateway.Snapshot) (Swap, gateway.Diagnostics) {
			return func() func() {
				before := inUse.Swap(s)
				return func() { inUse.Store(before) }
			}, nil
		}},
	})
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := &harness{Pipeline: p, t: t, files: files, log: &outputtest.Buffer{}}
	h.run()
	for _, s := range []*gateway.Snapshot{listening(8080), listening(8081)} {
		files.become(s)
		p.Reload(false)
		h.until("it is in use", func(st Status) bool { return st.Serving.Revision == s.Revision() })
		if inUse.Load().Revision() != s.Revision() {
			t.Errorf("the service has %s", inUse.Load().Revision())
		}
		h.until("it is stored", func(Status) bool {
			stored, err := store.Load()
			return err == nil && stored.Revision() == s.Revision()
		})
	}
	files.become(nil, brokenLine)
	p.Reload(false)
	h.until("the mistake shows", latest(Failed))
	if want := listening(8081).Revision(); inUse.Load().Revision() != want {
		t.Errorf("the service has %s, want %s", inUse.Load().Revision(), want)
	}
}

package revision

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"gatehouse/gateway"
)

// keys stand in for what is known beside the definitions.
type keys struct {
	mu    sync.Mutex
	value string
}

func (k *keys) become(value string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.value = value
}

// in gives a snapshot with the keys in it.
func (k *keys) in(s *gateway.Snapshot) *gateway.Snapshot {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := *s
	c.Issuers = []gateway.Issuer{{URL: "https://login.example.com", JWKS: k.value, Fetched: true}}
	return c.Seal()
}

func startRenewing(t *testing.T, files *definitions, target *fakeTarget, store *Store) (*harness, *keys) {
	t.Helper()
	known := &keys{value: "1"}
	h := newHarness(t, files, target, store)
	h.opts.Renew = known.in
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.run()
	return h, known
}

func TestBrokenDefinitionsDoNotKeepKeysFromBeingRenewed(t *testing.T) {
	a, b := listening(8080), listening(8081)
	files := &definitions{snapshot: (&keys{value: "1"}).in(a)}
	h, known := startRenewing(t, files, newFakeTarget(1), nil)
	files.become(nil, brokenLine)
	known.become("2")
	h.Reload(false)
	s := h.until("the new keys are served", serving(known.in(a), Applied))
	if s.InForce() || !latest(Failed)(s) || !slices.Contains(s.Latest.Diagnostics, brokenLine) || slices.Contains(s.Serving.Diagnostics, brokenLine) {
		t.Errorf("serving %+v, latest %+v", s.Serving, s.Latest)
	}
	h.target.ack(known.in(a).Revision())
	h.until("they are acked", serving(known.in(a), Acked))

	files.become(known.in(b))
	h.Reload(false)
	if s := h.until("the mended definitions are served", serving(known.in(b), Applied)); !s.InForce() {
		t.Error("they are not in force")
	}
	h.wantSet((&keys{value: "1"}).in(a), known.in(a), known.in(b))
}

func TestRenewedDefinitionsStayInForce(t *testing.T) {
	a := listening(8080)
	files := &definitions{snapshot: (&keys{value: "1"}).in(a)}
	h, known := startRenewing(t, files, newFakeTarget(1), nil)
	known.become("2")
	// Whatever wakes the pipeline, here a settled revision.
	h.target.ack(h.Status().Serving.Revision)
	if s := h.until("the new keys are served", serving(known.in(a), Applied)); !s.InForce() {
		t.Error("they are not in force")
	}
}

// TestRefusedRenewalEnds: an Envoy that refuses the new keys is sent the old ones,
// and the new ones not over and over.
func TestRefusedRenewalEnds(t *testing.T) {
	a := listening(8080)
	before := (&keys{value: "1"}).in(a)
	files := &definitions{snapshot: before}
	h, known := startRenewing(t, files, newFakeTarget(1), nil)
	h.target.ack(before.Revision())
	h.until("a is acked", serving(before, Acked))
	files.become(nil, brokenLine)
	known.become("2")
	h.Reload(false)
	h.until("the new keys are served", serving(known.in(a), Applied))
	h.Refused(h.refusal())
	h.until("the old ones are back", func(s Status) bool { return s.Serving.Revision == before.Revision() })
	h.Reload(false)
	h.Reload(false)
	h.until("it settles", serving(before, Acked))
	h.wantSet(before, known.in(a), before)
}

func TestRenewalThatCannotBeSetKeepsTheOldKeys(t *testing.T) {
	a := listening(8080)
	before := (&keys{value: "1"}).in(a)
	files := &definitions{snapshot: before}
	h, known := startRenewing(t, files, newFakeTarget(1), nil)
	h.target.fail(errors.New("the caches are on fire"))
	files.become(nil, brokenLine)
	known.become("2")
	h.Reload(false)
	s := h.until("the failure shows", latest(Failed))
	if !serving(before, Applied)(s) {
		t.Errorf("serving %+v", s.Serving)
	}
	h.target.fail(nil)
	h.Reload(false)
	h.until("the new keys are served", serving(known.in(a), Applied))
}

func TestStoredRevisionIsRenewed(t *testing.T) {
	a := listening(8080)
	store, err := NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save((&keys{value: "0"}).in(a)); err != nil {
		t.Fatal(err)
	}
	files := &definitions{}
	files.become(nil, brokenLine)
	h, known := startRenewing(t, files, newFakeTarget(0), store)
	s := h.Status()
	if !serving(known.in(a), Applied)(s) || s.Serving.Origin != FromStore || s.InForce() {
		t.Errorf("serving %+v", s.Serving)
	}
}

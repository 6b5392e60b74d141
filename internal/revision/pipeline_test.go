package revision

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/xds"
)

func TestRevisionIsAppliedAndAcked(t *testing.T) {
	a := listening(8080)
	h := start(t, &definitions{snapshot: a}, newFakeTarget(1), nil)
	if !serving(a, Applied)(h.Status()) {
		t.Errorf("after Start: %+v", h.Status().Serving)
	}
	h.target.ack(a.Revision())
	s := h.until("it is acked", serving(a, Acked))
	if !s.InForce() {
		t.Error("an acked revision is not in force")
	}
	var steps []string
	for _, timing := range s.Serving.Steps {
		steps = append(steps, timing.Step)
	}
	if want := []string{"load", "prepare", "translate", "set"}; !slices.Equal(steps, want) {
		t.Errorf("steps %v, want %v", steps, want)
	}
}

func TestUnchangedRevisionIsNotPushed(t *testing.T) {
	a := listening(8080)
	files := &definitions{snapshot: a}
	h := start(t, files, newFakeTarget(1), nil)
	warning := gateway.Diagnostic{Severity: gateway.Warning, Code: "no-effect", Message: "so what"}
	files.become(listening(8080), warning)
	h.Reload(false)
	h.until("the new warning shows", func(s Status) bool { return slices.Contains(s.Latest.Diagnostics, warning) })
	h.wantSet(a)
	if n := len(h.Status().History); n != 1 {
		t.Errorf("%d records in the history, want 1", n)
	}
}

// TestWarningsAreLoggedOnce holds that a revision's log has what the one before did not warn
// of, wherever that stands by now.
func TestWarningsAreLoggedOnce(t *testing.T) {
	a, b, c := listening(8080), listening(8081), listening(8082)
	old := gateway.Diagnostic{Severity: gateway.Warning, Code: "no-effect", Message: "so what", Pos: gateway.Position{File: "gatehouse.yaml", Line: 3, Column: 7}}
	moved, elsewhere := old, old
	moved.Pos.Line, elsewhere.Pos.File = 4, "other.yaml"
	files := &definitions{snapshot: a}
	files.become(a, old)
	h := start(t, files, newFakeTarget(1), nil)
	files.become(b, moved, elsewhere)
	h.Reload(false)
	h.until("the change is served", serving(b, Applied))
	files.become(c)
	h.Reload(false)
	h.until("the mended file is served", serving(c, Applied))
	files.become(a, old)
	h.Reload(false)
	h.until("the old file is served", serving(a, Applied))
	var told []string
	for line := range strings.Lines(h.log.String()) {
		if _, warning, is := strings.Cut(line, "diagnostic="); is {
			told = append(told, strings.TrimSpace(warning))
		}
	}
	want := []string{strconv.Quote(old.String()), strconv.Quote(elsewhere.String()), strconv.Quote(old.String())}
	if !slices.Equal(told, want) {
		t.Errorf("told %s\nwant %s", strings.Join(told, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestBrokenDefinitionsKeepTheOldRevision(t *testing.T) {
	a, b := listening(8080), listening(8081)
	files := &definitions{snapshot: a}
	h := start(t, files, newFakeTarget(1), nil)
	files.become(nil, brokenLine)
	h.Reload(false)
	s := h.until("the failure shows", latest(Failed))
	h.wantSet(a)
	if !serving(a, Applied)(s) || s.InForce() {
		t.Errorf("serving %+v, in force %v", s.Serving, s.InForce())
	}
	if log := h.log.String(); !strings.Contains(log, "gatehouse.yaml:3:7: error key-unknown") {
		t.Errorf("the log does not name the line:\n%s", log)
	}

	files.become(b)
	h.Reload(false)
	h.until("the mended definitions are served", serving(b, Applied))
	h.wantSet(a, b)
}

func TestRevisionThatCannotBeSetKeepsTheOldOne(t *testing.T) {
	a, b := listening(8080), listening(8081)
	tests := map[string]struct {
		err  error
		code string
	}{
		"invalid": {&xds.InvalidError{Problems: []xds.Problem{{TypeURL: xds.ListenerType, Name: "l", Err: errSet}}}, "resource-invalid"},
		"other":   {errSet, "not-set"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files := &definitions{snapshot: a}
			h := start(t, files, newFakeTarget(1), nil)
			files.become(b)
			h.target.fail(test.err)
			h.Reload(false)
			s := h.until("the failure shows", latest(Failed))
			if s.Latest.Diagnostics[0].Code != test.code || s.Latest.Revision != b.Revision() || !serving(a, Applied)(s) {
				t.Errorf("latest %+v, serving %+v", s.Latest, s.Serving)
			}
		})
	}
}

func TestPanicKeepsTheOldRevision(t *testing.T) {
	a := listening(8080)
	files := &definitions{snapshot: a}
	h := start(t, files, newFakeTarget(1), nil)
	files.blowUp()
	h.Reload(false)
	s := h.until("the failure shows", latest(Failed))
	if s.Latest.Diagnostics[0].Code != "internal-error" || !serving(a, Applied)(s) {
		t.Errorf("latest %+v, serving %+v", s.Latest, s.Serving)
	}
}

// refusal is an Envoy's no to all listeners of what was set last.
func (h *harness) refusal() xds.NACK {
	r := h.target.last()
	return xds.NACK{
		Node: "envoy-1", Gateway: "edge", Revision: r.ID, TypeURL: xds.ListenerType,
		Resources: slices.Sorted(maps.Keys(r.Gateways["edge"][xds.ListenerType])),
		Message:   "cannot bind",
	}
}

func TestRefusalReturnsToTheLastAckedRevision(t *testing.T) {
	a, b, c := listening(8080), listening(8081), listening(8082)
	files := &definitions{snapshot: a}
	h := start(t, files, newFakeTarget(1), nil)
	h.target.ack(a.Revision())
	h.until("a is acked", serving(a, Acked))

	files.become(b)
	h.Reload(false)
	h.until("b is applied", serving(b, Applied))
	h.Refused(h.refusal())
	s := h.until("a is back", serving(a, Acked))
	h.wantSet(a, b, a)
	if s.Latest.Revision != b.Revision() || s.Latest.State != Rejected || s.InForce() {
		t.Errorf("latest: %+v", s.Latest)
	}
	if len(s.Latest.Refusals) != 1 || len(s.Latest.Diagnostics) == 0 {
		t.Errorf("the refusal does not show: %+v", s.Latest)
	}

	// The same again is not tried, except when asked for.
	h.Reload(false)
	h.until("b shows as rejected still", latest(Rejected))
	h.wantSet(a, b, a)
	h.Reload(true)
	h.until("b is tried again", serving(b, Applied))

	files.become(c)
	h.Reload(false)
	h.until("c is applied", serving(c, Applied))
	h.wantSet(a, b, a, b, c)
}

// TestAcknowledgedAndNotDone has an Envoy acknowledge what it does not do: it is no good
// revision, but one that was refused.
func TestAcknowledgedAndNotDone(t *testing.T) {
	a, b := listening(8080), listening(8081)
	files := &definitions{snapshot: a}
	h := start(t, files, newFakeTarget(1), nil)
	h.target.ack(a.Revision())
	h.until("a is acked", serving(a, Acked))
	h.unheeded.Store(b.Revision(), xds.NACK{Gateway: "edge", Node: "own", TypeURL: xds.ListenerType, Revision: b.Revision(), Message: "it does not listen"})
	h.target.ack(b.Revision())
	files.become(b)
	h.Reload(false)
	s := h.until("a is back", func(s Status) bool { return serving(a, Acked)(s) && s.Latest.State == Rejected })
	if len(s.Latest.Diagnostics) != 1 || !strings.Contains(s.Latest.Diagnostics[0].Message, "it does not listen") {
		t.Errorf("latest: %+v", s.Latest)
	}
	h.unheeded.Clear()
	h.Reload(true)
	h.until("b is acked", serving(b, Acked))
}

func TestRefusalNamesTheLine(t *testing.T) {
	h := start(t, &definitions{snapshot: listening(8080)}, newFakeTarget(1), nil)
	n := h.refusal()
	if len(n.Resources) == 0 {
		t.Fatal("the translator makes no listeners")
	}
	h.Refused(n)
	h.until("it is rejected", latest(Rejected))
	if log := h.log.String(); !strings.Contains(log, "gatehouse.yaml:4:9: error envoy-refused: LDS") {
		t.Errorf("the log does not name the line:\n%s", log)
	}
}

func TestRefusalDuringSetIsFollowedUp(t *testing.T) {
	a, b := listening(8080), listening(8081)
	files := &definitions{snapshot: a}
	h := start(t, files, newFakeTarget(1), nil)
	h.target.ack(a.Revision())
	h.until("a is acked", serving(a, Acked))

	files.become(b)
	h.target.fail(&xds.RejectedError{Revision: b.Revision(), NACKs: []xds.NACK{{
		Revision: b.Revision(), Gateway: "edge", TypeURL: xds.ClusterType, Message: "no such cluster type",
	}}})
	h.Reload(false)
	h.until("b is rejected", latest(Rejected))
	h.target.fail(nil)
	h.Reload(true)
	h.until("b can be tried again", serving(b, Applied))
}

func TestRefusalByALatecomerDoesNotUndoAnAckedRevision(t *testing.T) {
	a, b := listening(8080), listening(8081)
	files := &definitions{snapshot: a}
	h := start(t, files, newFakeTarget(1), nil)
	h.target.ack(a.Revision())
	h.until("a is acked", serving(a, Acked))
	files.become(b)
	h.target.ack(b.Revision())
	h.Reload(false)
	h.until("b is acked", serving(b, Acked))
	h.Refused(h.refusal())
	s := h.until("the refusal shows", func(s Status) bool { return len(s.Serving.Refusals) > 0 })
	if !serving(b, Acked)(s) {
		t.Errorf("serving %+v", s.Serving)
	}
	h.wantSet(a, b)
}

func TestRefusalWithNothingToReturnToStays(t *testing.T) {
	a := listening(8080)
	h := start(t, &definitions{snapshot: a}, newFakeTarget(1), nil)
	h.Refused(h.refusal())
	s := h.until("it is rejected", serving(a, Rejected))
	h.wantSet(a)
	if s.InForce() {
		t.Error("a rejected revision is in force")
	}
	h.Reload(true)
	h.until("it is tried again", serving(a, Applied))
	h.wantSet(a, a)
}

func TestRestartWithBrokenDefinitionsServesTheStoredRevision(t *testing.T) {
	a, b := listening(8080), listening(8081)
	store, err := NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	first := start(t, &definitions{snapshot: a}, newFakeTarget(1), store)
	first.target.ack(a.Revision())
	first.until("a is acked", serving(a, Acked))
	first.stop()

	files := &definitions{}
	files.become(nil, brokenLine)
	second := start(t, files, newFakeTarget(0), store)
	s := second.Status()
	if !serving(a, Applied)(s) || s.Serving.Origin != FromStore || s.InForce() {
		t.Errorf("serving %+v", s.Serving)
	}
	if log := second.log.String(); !strings.Contains(log, "gatehouse.yaml:3:7") || !strings.Contains(log, "earlier run") {
		t.Errorf("the log says too little:\n%s", log)
	}
	files.become(b)
	second.Reload(false)
	second.until("the mended definitions are served", serving(b, Applied))
}

func TestRefusalAfterARestartReturnsToTheStoredRevision(t *testing.T) {
	a, b := listening(8080), listening(8081)
	store, err := NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save(a); err != nil {
		t.Fatal(err)
	}
	h := start(t, &definitions{snapshot: b}, newFakeTarget(1), store)
	h.Refused(h.refusal())
	h.until("a is back", serving(a, Applied))
	h.wantSet(b, a)
}

func TestStartFailsWithNothingToServe(t *testing.T) {
	files := &definitions{}
	files.become(nil, brokenLine)
	h := newHarness(t, files, newFakeTarget(0), nil)
	var invalid *InvalidError
	if err := h.Start(t.Context()); !errors.As(err, &invalid) || !slices.Equal(invalid.Diagnostics, gateway.Diagnostics{brokenLine}) {
		t.Errorf("Start: %v", err)
	}
}

func TestRevisionIsStoredUnseenWhenNoEnvoyComes(t *testing.T) {
	store, err := NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := listening(8080)
	start(t, &definitions{snapshot: a}, newFakeTarget(0), store)
	deadline := time.Now().Add(30 * time.Second)
	for {
		s, err := store.Load()
		if err == nil && s.Revision() == a.Revision() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("stored: %v", err)
		}
		time.Sleep(time.Millisecond)
	}
}

// A folder that cannot be written, here because it is not there, may be mended.
func TestSavingIsTriedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	store, err := NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	a := listening(8080)
	h := start(t, &definitions{snapshot: a}, newFakeTarget(1), store)
	h.target.ack(a.Revision())
	h.until("the failure is told", func(Status) bool { return strings.Contains(h.log.String(), "not kept for a restart") })
	time.Sleep(20 * time.Millisecond) // a few more failures
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	h.until("it is stored", func(Status) bool {
		s, err := store.Load()
		return err == nil && s.Revision() == a.Revision()
	})
	h.until("that is told", func(Status) bool { return strings.Contains(h.log.String(), "kept again") })
	if n := strings.Count(h.log.String(), "not kept for a restart"); n != 1 {
		t.Errorf("the failure is told %d times", n)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	files := &definitions{snapshot: listening(8000)}
	h := start(t, files, newFakeTarget(1), nil)
	for port := uint32(8001); port < 8006; port++ {
		s := listening(port)
		files.become(s)
		h.Reload(false)
		h.until("it is applied", serving(s, Applied))
	}
	if n := len(h.Status().History); n != 3 {
		t.Errorf("%d records, want 3", n)
	}
}

// service stands in for what answers Envoys' questions.
type service struct {
	serving string
	refuse  bool
}

func (s *service) prepare(snapshot *gateway.Snapshot) (Swap, gateway.Diagnostics) {
	if s.refuse {
		return nil, gateway.Diagnostics{brokenLine}
	}
	return func() func() {
		before := s.serving
		s.serving = snapshot.Revision()
		return func() { s.serving = before }
	}, nil
}

func TestServicesGoAlong(t *testing.T) {
	one, two, three := listening(1), listening(2), listening(3)
	files, target, s := &definitions{snapshot: one}, newFakeTarget(1), &service{}
	h := newHarness(t, files, target, nil)
	h.opts.Services = []Prepare{s.prepare}
	target.ack(one.Revision())
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.run()
	expect := func(what string, want *gateway.Snapshot) {
		t.Helper()
		if s.serving != want.Revision() {
			t.Errorf("%s: the service has another revision than the envoys", what)
		}
	}
	h.until("the first is acked", serving(one, Acked))
	expect("started", one)

	target.fail(errSet)
	files.become(two)
	h.Reload(false)
	h.until("setting failed", latest(Failed))
	expect("not set", one)

	target.fail(nil)
	files.become(three)
	h.Reload(false)
	h.until("the third is applied", serving(three, Applied))
	expect("applied", three)

	h.Refused(xds.NACK{Gateway: "edge", Node: "n", TypeURL: "t", Revision: three.Revision(), Message: "no"})
	h.until("the first is back", serving(one, Acked))
	expect("returned", one)

	s.refuse = true
	files.become(listening(4))
	h.Reload(false)
	h.until("the service refused", latest(Failed))
	expect("refused", one)
	h.wantSet(one, three, one)
}

// TestSameProblemsAreToldOnce reads the same broken definitions again: nobody needs to
// hear of it twice, unless they ask.
func TestSameProblemsAreToldOnce(t *testing.T) {
	store, err := NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save(listening(8080)); err != nil {
		t.Fatal(err)
	}
	files := &definitions{}
	files.become(nil, brokenLine)
	h := start(t, files, newFakeTarget(1), store)
	told := func() int { return strings.Count(h.log.String(), strconv.Quote(brokenLine.String())) }
	h.Reload(false)
	other := brokenLine
	other.Pos.Line++
	files.become(nil, other)
	h.Reload(false)
	h.until("the other mistake is known", func(s Status) bool { return s.Latest.Diagnostics[0] == other })
	if n := len(h.Status().History); told() != 1 || n != 3 { // The stored one is the third.
		t.Errorf("told %d times, %d records:\n%s", told(), n, h.log)
	}
	if log := h.log.String(); strings.Contains(log, `refused=""`) {
		t.Errorf("the log names a revision that there is none of:\n%s", log)
	}
	files.become(nil, brokenLine)
	h.Reload(false)
	h.until("the first mistake is back", func(s Status) bool { return s.Latest.Diagnostics[0] == brokenLine })
	before := told()
	h.Reload(true)
	deadline := time.Now().Add(30 * time.Second)
	for told() != before+1 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if told() != before+1 {
		t.Errorf("told %d times, and %d when asked:\n%s", before, told(), h.log)
	}
}

// TestWarningsOfAllStepsStay reads the same definitions again: what translating them has
// warned of still holds.
func TestWarningsOfAllStepsStay(t *testing.T) {
	s := &gateway.Snapshot{
		Gateways: listening(8080).Gateways,
		APIs: []gateway.API{{ID: "pets", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: &gateway.Deployment{
			Protocol: gateway.REST, Routes: []gateway.Route{{
				Method: "GET", Path: "/", Authorization: &gateway.Authorization{Type: gateway.AuthorizationIAM},
				Integration: &gateway.Integration{Type: gateway.IntegrationHTTPProxy, HTTPMethod: "GET", URI: "http://127.0.0.1:1/"},
			}},
		}}}}},
	}
	warning := brokenLine
	warning.Severity = gateway.Warning
	files := &definitions{}
	files.become(s.Seal(), warning)
	h := newHarness(t, files, newFakeTarget(1), nil)
	h.opts.NoAuthorization = true
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.run()
	codes := func(st Status) (all string) {
		for _, d := range st.Latest.Diagnostics {
			all += d.Code + " "
		}
		return all
	}
	const want = "no-authorization-service key-unknown "
	if got := codes(h.Status()); got != want {
		t.Fatalf("diagnostics %s, want %s", got, want)
	}
	below := warning
	below.Pos.Line++
	files.become(s, warning, below)
	h.Reload(false)
	h.until("what the loader says is taken in", func(st Status) bool { return codes(st) == want+"key-unknown " })
}

package fault

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/proctest"
	"gatehouse/internal/redistest"
)

// TestQuotaPeriodEdited edits the period of quotas to and fro, at one control plane and
// then at the other, which share Redis: no kind of period is given out a second time, also
// while they serve different revisions. Then a day ends.
func TestQuotaPeriodEdited(t *testing.T) {
	t.Parallel()
	const limit = 40
	evening := time.Date(2030, time.January, 31, 20, 0, 0, 0, time.UTC)
	redis := redistest.StartClocked(t, evening)
	backend := backendNamed(t, "one")
	var sites []string
	var ports []int
	var planes []*gatehouse
	write := func(i int, period string) {
		t.Helper()
		replace(t, filepath.Join(sites[i], "gatehouse.yaml"), fmt.Sprintf(`gateways: [{name: edge, listeners: [{port: %d, address: 127.0.0.1}]}]
apis: [{name: pets, definition: pets.openapi.yaml, stages: [{name: v1}]}]
apiKeys: [{name: hard, value: hard-key-0123456789-abcd}, {name: reported, value: reported-key-0123456789-abcd}]
usagePlans:
  - {name: hard, failureMode: closed, quota: {limit: %[2]d, period: %[3]s, hard: true}, stages: [pets/v1], keys: [hard]}
  - {name: reported, quota: {limit: %[2]d, period: %[3]s}, stages: [pets/v1], keys: [reported]}
`, ports[i], limit, period))
	}
	edit := func(i int, period string) {
		t.Helper()
		before := planes[i].status().Serving.Revision
		write(i, period)
		planes[i].statusUntil("the period is edited", func(s status) bool {
			return s.InForce && s.Serving.State == "acked" && s.Serving.Revision != before
		})
	}
	for i := range 2 {
		sites, ports = append(sites, t.TempDir()), append(ports, proctest.FreePort(t))
		replace(t, filepath.Join(sites[i], "pets.openapi.yaml"), fmt.Sprintf(petsWithKeys, backend))
		write(i, "DAY")
		xds := localPort(t)
		planes = append(planes, launch(t, "serve", "--redis-url", redis.URL(), "--ratelimit-replicas", "2", "--xds-address", xds, "--data-dir", t.TempDir(), sites[i]).serving())
		startEnvoy(t, fmt.Sprint("e", i), "edge", xds)
		awaitStatus(t, quotaURL(ports[i]), "nobody", 403)
	}
	// unanswered are questions that Redis did not answer in time, on a busy machine.
	unanswered := func() (n float64) {
		for i := range planes {
			n += planes[i].metric("gatehouse_ratelimit_fallback_answers_total", "")
		}
		return n
	}
	// hard calls until both Envoys refuse all calls, of which Redis has answered each.
	hard := func(what string, want int) {
		t.Helper()
		ok, stalled, begin := 0, 0, unanswered()
		for end := time.Now().Add(proctest.Patience); ; {
			before, round := unanswered(), tally{}
			for i := range ports {
				n := tried(t, ports[i], "hard", limit+5)
				round.ok, round.stalled = round.ok+n.ok, round.stalled+n.stalled
			}
			ok, stalled = ok+round.ok, stalled+round.stalled
			if round == (tally{}) && unanswered() == before {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: calls do not end to go on, or to stall", what)
			}
		}
		missed := stalled + int(unanswered()-begin)
		t.Logf("%s: %d hard calls went on, %d were not answered in time", what, ok, missed)
		if ok > want || ok+missed < want {
			t.Errorf("%s: %d hard calls went on, want %d", what, ok, want)
		}
	}
	reported := func(what string, want int) {
		t.Helper()
		if want > 0 {
			awaitStatus(t, quotaURL(ports[0]), "reported", 200)
		}
		passed := (&quotaSite{ports: ports}).drain(t, "reported", 20)
		got, bound := len(passed), busiest(passed)
		t.Logf("%s: %d reported calls went on, %d between two reports", what, got, bound)
		if got < want/2 || got > want+bound || want == 0 && got > len(ports) {
			t.Errorf("%s: %d reported calls went on, want %d to %d", what, got, want, want+bound)
		}
	}
	hard("the day", limit)
	reported("the day", limit)
	edit(0, "MONTH")
	hard("the month at one service, the day at the other", limit)
	edit(1, "MONTH")
	hard("the month", 0)
	reported("the month", limit)
	edit(0, "DAY")
	edit(1, "DAY")
	hard("the day again", 0)
	reported("the day again", 0)
	redis.SetClock(evening.Add(5 * time.Hour))
	reported("the next day", limit)
	hard("the next day", limit)
	edit(0, "WEEK")
	edit(1, "MONTH")
	hard("the week at one service, the next month at the other", 2*limit)
	redis.SetClock(evening.Add(2 * time.Hour))
	// That something is used up, or left, is remembered for a second.
	time.Sleep(1100 * time.Millisecond)
	hard("the month that the clock is set back to, and the week", 0)
}

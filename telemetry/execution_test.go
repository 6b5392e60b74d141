package telemetry

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/executionlog"
)

// executing is a snapshot whose REST API has an execution log, and whose routes both go
// through the integration service as Envoys tell it.
func executing(level gateway.ExecutionLevel) *gateway.Snapshot {
	s := snapshot(nil)
	s.APIs[0].Stages[0].ExecutionLog = &gateway.ExecutionLog{ExecutionDetail: gateway.ExecutionDetail{Level: level}}
	return s.Seal()
}

// served is what Envoy tells of a request that the integration service has answered.
func served(id string) *logEntry {
	e := entry("shop", "v1", "ANY /f")
	e.RequestID, e.UpstreamCluster = id, "gatehouse-integration"
	return e
}

func accountOf(id string, lines ...string) *executionlog.Account {
	of := &executionlog.Account{API: "shop", Stage: "v1", Route: "ANY /f", RequestID: id}
	for _, text := range lines {
		of.Entries = append(of.Entries, executionlog.Entry{At: time.Date(2026, 11, 25, 12, 0, 0, 5e6, time.UTC), Text: text})
	}
	return of
}

// messages are those of lines, which have to be JSON.
func messages(t *testing.T, text string) (all []string) {
	t.Helper()
	for line := range strings.Lines(text) {
		var l struct{ Timestamp, LogGroup, Message string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		all = append(all, l.Message)
	}
	return all
}

// TestAccounts holds that what Envoy and the integration service tell of a request becomes
// one account, whoever tells first, and that nothing is lost when one of them does not.
func TestAccounts(t *testing.T) {
	h := newHarness(t, Options{})
	h.Swap(h.Compile(executing(gateway.ExecutionSteps)))
	h.Executed(accountOf("first", "Sending request to first"))
	h.tell(served("first"))
	h.tell(served("second"))
	h.Executed(accountOf("second", "Sending request to second"))
	h.Executed(accountOf("alone", "Sending request to alone"))
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := messages(t, h.stdout.String())
	first := all[:slices.Index(all, "(first) Method completed with status: 200")+1]
	if want := []string{
		"(first) Extended Request Id: first", "(first) API Key authorized because method 'ANY /f' does not require API Key. Request will not contribute to throttle or quota limits",
		"(first) Usage Plan check succeeded for API Key  and API Stage shop/v1", "(first) Starting execution for request: first", "(first) HTTP Method: GET, Resource Path: /base/pets/7",
		"(first) Sending request to first", "(first) Successfully completed execution", "(first) Method completed with status: 200",
	}; !slices.Equal(first, want) {
		t.Errorf("told is\n%s", strings.Join(first, "\n"))
	}
	for _, id := range []string{"second", "alone"} {
		line := fmt.Sprintf("(%s) Sending request to %s", id, id)
		if n := len(slices.DeleteFunc(slices.Clone(all), func(m string) bool { return m != line })); n != 1 {
			t.Errorf("%q is there %d times", line, n)
		}
	}
}

// TestAccountsAreBounded holds that accounts of requests that Envoy never tells of are
// written after a while, and that none is kept for ever.
func TestAccountsAreBounded(t *testing.T) {
	var a accounts
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	written, most := 0, 0
	text := strings.Repeat("x", 1<<20)
	for i := range 100 {
		written += len(a.put(accountOf(fmt.Sprint(i), text), now))
		most = max(most, len(a.young)+len(a.before))
	}
	if kept := len(a.young) + len(a.before); written+kept != 100 || most > 2*maxAccountBytes>>20 {
		t.Errorf("%d are written, %d kept, at most %d", written, kept, most)
	}
	for range 2 {
		now = now.Add(maxAccountAge + time.Second)
		written += len(a.put(accountOf("later"), now))
	}
	if len(a.young)+len(a.before) > 2 || written < 100 {
		t.Errorf("%d are written", written)
	}
	for i := range 5 * maxTold {
		a.take(fmt.Sprint("told ", i), true)
	}
	if n := len(a.told) + len(a.toldBefore); n > 2*maxTold {
		t.Errorf("%d ids are kept", n)
	}
}

// TestExecutionLevels holds what each level tells of a good request and of a bad one.
func TestExecutionLevels(t *testing.T) {
	bad := entry("shop", "v1", "GET /pets/{id}")
	bad.Status, bad.Details, bad.ErrorType = "504", "upstream_response_timeout", "InternalServerErrorException"
	for level, want := range map[gateway.ExecutionLevel][2]string{
		gateway.ExecutionOff:    {"", ""},
		gateway.ExecutionErrors: {"", "(id-1) Execution failed due to a timeout error|(id-1) Gateway response type: INTEGRATION_TIMEOUT with status code: 504|(id-1) Method completed with status: 504"},
	} {
		for i, e := range []*logEntry{entry("shop", "v1", "GET /pets/{id}"), bad} {
			h := newHarness(t, Options{})
			h.Swap(h.Compile(executing(level)))
			h.tell(e)
			if got := strings.Join(messages(t, h.written(t)), "|"); got != want[i] {
				t.Errorf("%s tells %q, want %q", level, got, want[i])
			}
		}
	}
}

// TestExecutionFullDisk holds that lines that cannot be written are counted and told of, and keep
// nobody waiting.
func TestExecutionFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, Options{Stdout: &failing{room: 10}})
		h.Swap(h.Compile(executing(gateway.ExecutionSteps)))
		h.tell(entry("shop", "v1", "GET /pets/{id}"))
		h.written(t)
		synctest.Wait() // for the log to be told
		lost, _ := h.metric(t, "gatehouse_telemetry_log_lines_total", map[string]string{"result": "lost"})
		if lost < 5 || !strings.Contains(h.log.String(), "no space left") {
			t.Errorf("%v lines are lost:\n%s", lost, h.log)
		}
	})
}

// TestHostileAccounts holds that nothing that is told gets out of its line.
func TestHostileAccounts(t *testing.T) {
	h := newHarness(t, Options{})
	h.Swap(h.Compile(executing(gateway.ExecutionSteps)))
	const hostile = "a\"}\n{\"message\":\"forged\x1b[31m\u202e<b>\xff"
	h.Executed(accountOf("first", hostile))
	h.tell(served("first"))
	text := h.written(t)
	if strings.ContainsAny(text, "\x1b\u202e<") || !slices.Contains(messages(t, text), "(first) a\"}\n{\"message\":\"forged\x1b[31m\u202e<b>\ufffd") {
		t.Errorf("told is %q", text)
	}
}

package memory

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"go.etcd.io/bbolt"

	"gatehouse/internal/durable"
	"gatehouse/ratelimit"
	"gatehouse/ratelimit/storetest"
)

func openFile(t testing.TB, path string, o Options) *Store {
	t.Helper()
	if o.Interval == 0 {
		o.Interval = time.Hour
	}
	return Open(path, o)
}

func closeFile(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStoreWithFile(t *testing.T) {
	storetest.Run(t, func(t *testing.T, clock *storetest.Clock) ratelimit.Store {
		s := openFile(t, filepath.Join(t.TempDir(), "limits.db"), Options{Now: clock.Now})
		t.Cleanup(func() { closeFile(t, s) })
		return s
	})
}

func monthly(hits int64) ratelimit.Ask {
	return ratelimit.Ask{Counter: "quota|a\x00b", Window: &ratelimit.Window{Limit: 10, Period: ratelimit.Month, Offset: 3}, Hits: hits}
}

// TestRestart holds that counts, offsets and usage outlive the process.
func TestRestart(t *testing.T) {
	clock, path := storetest.NewClock(), filepath.Join(t.TempDir(), "limits.db")
	s := openFile(t, path, Options{Now: clock.Now})
	take(t, s, monthly(2))
	used := []ratelimit.Usage{{Plan: "p", Key: "k\x00", API: "a", Stage: "s", Allowed: 2, Denied: 1}}
	if err := s.AddUsage(context.Background(), used); err != nil {
		t.Fatal(err)
	}
	notes := []ratelimit.QuotaNote{{Plan: "p", Window: *monthly(0).Window}, {Plan: "p", Key: "k\x00", Counter: monthly(0).Counter, Window: *monthly(0).Window}}
	if err := s.NoteQuotas(context.Background(), notes); err != nil {
		t.Fatal(err)
	}
	closeFile(t, s)

	s = openFile(t, path, Options{Now: clock.Now})
	noted, err := s.Quotas(context.Background(), "p", clock.Now(), clock.Now())
	if diff := cmp.Diff([]ratelimit.DayQuota{
		{Day: storetest.Start.Truncate(24 * time.Hour), Plan: "p", Limit: 10, Remaining: 7, Period: ratelimit.Month},
		{Day: storetest.Start.Truncate(24 * time.Hour), Plan: "p", Key: "k\x00", Limit: 10, Remaining: 5, Period: ratelimit.Month},
	}, noted); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if got := take(t, s, monthly(1)); got.Granted != 1 || got.Remaining != 4 {
		t.Errorf("after a restart: %+v", got)
	}
	got, err := s.Usage(context.Background(), "", clock.Now(), clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]ratelimit.DayUsage{{Day: storetest.Start.Truncate(24 * time.Hour), Usage: used[0]}}, got); diff != "" {
		t.Error(diff)
	}
	closeFile(t, s)

	clock.Add(100 * 24 * time.Hour)
	s = openFile(t, path, Options{Now: clock.Now})
	if got := take(t, s, monthly(1)); got.Remaining != 9 {
		t.Errorf("the offset was taken off again: %+v", got)
	}
	closeFile(t, s)
}

// TestBrokenFile holds that a file of any other content is set aside and told of.
func TestBrokenFile(t *testing.T) {
	good := filepath.Join(t.TempDir(), "good.db")
	s := openFile(t, good, Options{})
	for i := range 2000 {
		k := monthly(1)
		k.Counter += fmt.Sprint(i)
		take(t, s, k)
	}
	closeFile(t, s)
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	noise := bytes.Clone(content)
	for i := 2 * 4096; i < len(noise); i++ {
		noise[i] = byte(i * 7)
	}
	for name, broken := range map[string][]byte{
		"text": []byte(strings.Repeat("hello ", 3000)), "short": []byte("x"), "cut": content[:3*4096], "noise": noise,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "limits.db")
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			s := openFile(t, path, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			if take(t, s, monthly(7)).Granted != 7 {
				t.Error("it does not begin anew")
			}
			closeFile(t, s)
			if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "lost") {
				t.Errorf("log: %s", &log)
			}
			aside, _ := filepath.Glob(path + ".broken-*")
			if len(aside) != 1 {
				t.Fatalf("set aside: %v", aside)
			}
			if kept, err := os.ReadFile(aside[0]); err != nil || !bytes.HasPrefix(kept, broken[:1]) {
				t.Errorf("what was set aside is not what was there: %v", err)
			}
		})
	}
}

// TestFailingFile holds that a file that can't be written to does not keep the store
// from answering, is told of once, and loses nothing when it can be again.
func TestFailingFile(t *testing.T) {
	path, registry := filepath.Join(t.TempDir(), "limits.db"), prometheus.NewRegistry()
	var log bytes.Buffer
	s := openFile(t, path, Options{Registerer: registry, Log: slog.New(slog.NewTextHandler(&log, nil))})
	working := s.file.db
	// A database that is closed fails to write as one on a full disk does.
	if err := working.Close(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		take(t, s, monthly(1))
		if s.Flush() == nil {
			t.Fatal("no error")
		}
	}
	if got := strings.Count(log.String(), "can't be written"); got != 1 {
		t.Errorf("told %d times: %s", got, &log)
	}
	if got := testutil.ToFloat64(s.file.failures); got != 3 {
		t.Errorf("%v failures", got)
	}
	db, _, err := durable.OpenDatabase(path, func(*bbolt.Tx) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	s.file.db = db
	closeFile(t, s)
	s = openFile(t, path, Options{})
	defer closeFile(t, s)
	if got := take(t, s, monthly(0)); got.Remaining != 4 {
		t.Errorf("%+v", got)
	}
}

// TestOpenedLater holds that a file that cannot be had at first is so later, without a restart:
// what was counted meanwhile and what the file has become one, and nothing of it counts twice.
func TestOpenedLater(t *testing.T) {
	clock, path, ctx := storetest.NewClock(), filepath.Join(t.TempDir(), "limits.db"), context.Background()
	month := func(counter string, hits int64) ratelimit.Ask {
		return ratelimit.Ask{Counter: counter, Window: &ratelimit.Window{Limit: 20, Period: ratelimit.Month, Offset: 3}, Hits: hits}
	}
	use := func(s *Store, key string, hits int64) {
		t.Helper()
		take(t, s, month(key, hits))
		if err := errors.Join(
			s.AddUsage(ctx, []ratelimit.Usage{{Plan: "p", Key: key, API: "a", Stage: "s", Allowed: hits}}),
			s.NoteQuotas(ctx, []ratelimit.QuotaNote{{Plan: "p", Key: key, Counter: key, Window: *month(key, 0).Window}}),
		); err != nil {
			t.Fatal(err)
		}
	}
	// tell is what is left of each key, and was on the first day, and what it used.
	tell := func(s *Store) map[string][3]int64 {
		t.Helper()
		told := map[string][3]int64{}
		usage, err := s.Usage(ctx, "p", storetest.Start, storetest.Start)
		notes, err2 := s.Quotas(ctx, "p", storetest.Start, storetest.Start)
		if err := errors.Join(err, err2); err != nil || len(usage) != len(notes) {
			t.Fatal(err, usage, notes)
		}
		for i, u := range usage {
			told[u.Key] = [3]int64{take(t, s, month(u.Key, 0)).Remaining, notes[i].Remaining, u.Allowed}
		}
		return told
	}

	before := openFile(t, path, Options{Now: clock.Now})
	use(before, "both", 2)
	use(before, "earlier", 4)
	use(before, "set", 5)
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	s := openFile(t, path, Options{Now: clock.Now, Registerer: registry, Log: slog.New(slog.NewTextHandler(&log, nil))})
	use(s, "both", 1)
	use(s, "later", 6)
	if err := s.SetRemaining(ctx, "set", *month("set", 0).Window, 10); err != nil {
		t.Fatal(err)
	}
	use(s, "set", 1)
	if s.Flush() == nil {
		t.Error("a file that is in use was opened")
	}
	if diff := cmp.Diff(map[string][3]int64{"both": {16, 16, 1}, "later": {11, 11, 6}, "set": {9, 9, 1}}, tell(s)); diff != "" {
		t.Errorf("without the file: %s", diff)
	}
	closeFile(t, before)
	// A month may end meanwhile. What it had is there for a clock that is set back.
	clock.Add(24 * time.Hour)
	take(t, s, month("both", 7))
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := take(t, s, month("both", 0)).Remaining; got != 13 {
		t.Errorf("the next month has %d left", got)
	}
	clock.Add(-24 * time.Hour)
	want := map[string][3]int64{"both": {14, 14, 3}, "earlier": {13, 13, 4}, "later": {11, 11, 6}, "set": {9, 9, 6}}
	if diff := cmp.Diff(want, tell(s)); diff != "" {
		t.Errorf("with the file: %s", diff)
	}
	if failed, written := strings.Count(log.String(), "level=ERROR"), strings.Count(log.String(), "are written again"); failed != 1 || written != 1 ||
		!strings.Contains(log.String(), "is used by another process") {
		t.Errorf("logged: %s", &log)
	}
	if got := testutil.ToFloat64(s.file.failures); got != 2 {
		t.Errorf("%v failures", got)
	}
	closeFile(t, s)
	s = openFile(t, path, Options{Now: clock.Now})
	defer closeFile(t, s)
	if diff := cmp.Diff(want, tell(s)); diff != "" {
		t.Errorf("after a restart: %s", diff)
	}
}

// TestCrash kills a process that writes, again and again: what it said to have written
// must be there.
func TestCrash(t *testing.T) {
	const variable = "GATEHOUSE_TEST_LIMITS_FILE"
	unlimited := ratelimit.Ask{Counter: "quota", Window: &ratelimit.Window{Limit: 1 << 40, Period: ratelimit.Year}, Hits: 1}
	if path := os.Getenv(variable); path != "" {
		s := openFile(t, path, Options{})
		for {
			took := take(t, s, unlimited)
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
			fmt.Println("written", unlimited.Window.Limit-took.Remaining)
		}
	}
	path, written := filepath.Join(t.TempDir(), "limits.db"), int64(0)
	for round := range 5 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
		cmd.Env = append(os.Environ(), variable+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for seen := 0; lines.Scan(); seen++ {
			if _, err := fmt.Sscanf(lines.Text(), "written %d", &written); err != nil {
				t.Fatalf("%v in %q", err, lines.Text())
			}
			if seen == 20+round {
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait()
		s := openFile(t, path, Options{})
		look := unlimited
		look.Hits = 0
		used := look.Window.Limit - take(t, s, look).Remaining
		if used < written || used > written+1 || written == 0 {
			t.Fatalf("round %d: %d are there, %d were written", round, used, written)
		}
		closeFile(t, s)
	}
}

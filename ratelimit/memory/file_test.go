package memory

import (
	"bufio"
	"bytes"
	"context"
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
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
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

// TestBrokenFile holds that a file of any other content is set aside and told of, and
// that a file that is in use is an error that says so.
func TestBrokenFile(t *testing.T) {
	good := filepath.Join(t.TempDir(), "good.db")
	s := openFile(t, good, Options{})
	for i := range 2000 {
		k := monthly(1)
		k.Counter += fmt.Sprint(i)
		take(t, s, k)
	}
	if _, err := Open(good, Options{}); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a file in use: %v", err)
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

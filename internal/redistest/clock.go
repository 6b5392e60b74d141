package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/proctest"
)

// StartClocked is Start for a server whose clock tests set with SetClock. It runs from
// there on. Time that the server measures by a clock that only runs forward is not changed.
func StartClocked(t testing.TB, now time.Time, args ...string) *Server {
	t.Helper()
	s := New(t, args...)
	s.clock = filepath.Join(s.dir, "clock")
	s.SetClock(now)
	s.env = append(os.Environ(),
		// The C library comes first, since jemalloc asks for the time while it allocates,
		// and libfaketime allocates when it is asked.
		"LD_PRELOAD="+libfaketime(t)+" libc.so.6",
		"FAKETIME_TIMESTAMP_FILE="+s.clock, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1")
	s.Run()
	if got, want := s.now(), now.Unix(); got < want-1 || got > want+60 {
		t.Fatalf("libfaketime does not set Redis's clock: it says %d, want %d", got, want)
	}
	return s
}

// SetClock sets the clock of a server that StartClocked started.
func (s *Server) SetClock(now time.Time) {
	s.t.Helper()
	// Whoever reads it meanwhile must not find half of it.
	file := s.clock + ".new"
	if err := os.WriteFile(file, fmt.Appendf(nil, "%+.3f\n", time.Until(now).Seconds()), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(file, s.clock); err != nil {
		s.t.Fatal(err)
	}
}

// now is the server's Unix time.
func (s *Server) now() (seconds int64) {
	s.t.Helper()
	answer, _ := s.Do("TIME").([]any)
	if len(answer) != 2 {
		s.t.Fatalf("TIME answers %v", answer)
	}
	if _, err := fmt.Sscan(fmt.Sprint(answer[0]), &seconds); err != nil {
		s.t.Fatal(err)
	}
	return seconds
}

// libfaketime is the path of the library that stands before a program's clock.
func libfaketime(t testing.TB) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib*/faketime/libfaketimeMT.so.1"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	proctest.Missing(t, "libfaketime was not found (on Debian and Ubuntu: apt-get install faketime)")
	return ""
}

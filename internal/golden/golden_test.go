package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// A recorder is a test whose failures are looked at.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper()                           {}
func (r *recorder) Error(args ...any)                 { r.failures = append(r.failures, fmt.Sprint(args...)) }
func (r *recorder) Errorf(format string, args ...any) { r.Error(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// failures gives what a test has to complain of.
func failures(t *testing.T, run func(testing.TB)) []string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(r)
	}()
	<-done
	return r.failures
}

func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("old\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// updating runs a test as "go test -update" would.
func updating(t *testing.T) {
	*update = true
	t.Cleanup(func() { *update = false })
}

var kinds = []Kind{{".in.yaml", ".out.txt"}, {".in.json", ".out.txt"}, {".bad.yaml", ".bad.txt"}}

func TestCases(t *testing.T) {
	if *update {
		t.Skip("this test is about the flag")
	}
	dir := folder(t, "b.in.yaml", "b.out.txt", "a.in.json", "c.bad.yaml", "c.bad.txt", "other.yaml")
	var names []string
	got := failures(t, func(t testing.TB) {
		for _, c := range Cases(t, dir, kinds...) {
			names = append(names, c.Name+" "+c.Result)
		}
	})
	if len(got) > 0 || strings.Join(names, ", ") != "a .out.txt, b .out.txt, c .bad.txt" {
		t.Errorf("%v, failures %v", names, got)
	}
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"an orphan":  {[]string{"a.in.yaml", "b.out.txt"}, "b.out.txt has no input"},
		"one result": {[]string{"a.in.yaml", "a.in.json"}, "have the same result"},
		"nothing":    {nil, "no cases in"},
	} {
		got := failures(t, func(tb testing.TB) { Cases(tb, folder(t, c.files...), kinds...) })
		if len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestCompare(t *testing.T) {
	if *update {
		t.Skip("this test is about the flag")
	}
	dir := folder(t, "a.in.yaml", "a.out.txt", "b.in.yaml")
	cases := Cases(t, dir, kinds...)
	for _, c := range []struct {
		of   Case
		got  string
		want string
	}{
		{cases[0], "old\n", ""},
		{cases[0], "new\n", "a.out.txt differs"},
		{cases[0], "old", "a.out.txt differs"},
		{cases[1], "new\n", "run go test -update"},
	} {
		got := strings.Join(failures(t, func(t testing.TB) { c.of.Compare(t, []byte(c.got)) }), "; ")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s with %q: %s", c.of.Name, c.got, got)
		}
	}
}

func TestUpdate(t *testing.T) {
	if *update {
		t.Skip("this test is about the flag")
	}
	updating(t)
	dir := folder(t, "a.in.yaml", "a.out.txt", "orphan.out.txt")
	for _, c := range Cases(t, dir, kinds...) {
		c.Compare(t, []byte("new\n"))
	}
	if data, err := os.ReadFile(filepath.Join(dir, "a.out.txt")); err != nil || string(data) != "new\n" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "orphan.out.txt")); !os.IsNotExist(err) {
		t.Errorf("the orphan is still there: %v", err)
	}
}

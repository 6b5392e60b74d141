// Package proctest helps tests that run the programs of this module as processes
// of their own, as users do.
package proctest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// scratch holds what the tests of a package build, for as long as they run.
var scratch string

// Main is the TestMain of packages that build programs.
func Main(m *testing.M) {
	// By default the race detector holds up the end of every program for a second.
	err := os.Setenv("GORACE", "atexit_sleep_ms=10")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if scratch, err = os.MkdirTemp("", "gatehouse-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// Root is the folder of go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("there is no go.mod in any folder above")
		}
		dir = parent
	}
}

var (
	buildMu sync.Mutex
	built   = map[string]bool{}
)

// Program builds a command of this module, such as "./cmd/gatehouse", and gives
// the binary's path. It builds each once, with the race detector if the test has
// it: the compiled packages are shared, and races in the program are seen.
func Program(t testing.TB, pkg string) string {
	t.Helper()
	if scratch == "" {
		t.Fatal("a package that builds programs needs proctest.Main as its TestMain")
	}
	buildMu.Lock()
	defer buildMu.Unlock()
	path := filepath.Join(scratch, filepath.Base(pkg))
	if built[pkg] {
		return path
	}
	args := append([]string{"build"}, raceFlags...)
	cmd := exec.Command("go", append(args, "-o", path, pkg)...)
	cmd.Dir = Root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	built[pkg] = true
	return path
}

// Folder gives a folder for what the tests of a package share: it is there until the
// last of them has ended.
func Folder(t testing.TB) string {
	t.Helper()
	if scratch == "" {
		t.Fatal("a package whose tests share files needs proctest.Main as its TestMain")
	}
	return scratch
}

// Gatehouse builds the program itself.
func Gatehouse(t testing.TB) string {
	t.Helper()
	return Program(t, "./cmd/gatehouse")
}

// Missing ends a test that lacks a tool: skipped aloud, but an error in CI.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s, and CI=true skips nothing", what)
	}
	t.Skip("NOT TESTED: " + what)
}

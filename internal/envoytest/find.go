// Package envoytest helps tests that run a real Envoy.
package envoytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Binary finds Envoy: $ENVOY, else on the PATH, else .tools/envoy beside go.mod,
// where "make envoy" puts it. Without one the test is skipped, except in CI.
func Binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("ENVOY"); path != "" {
		if _, err := exec.LookPath(path); err != nil {
			t.Fatalf("$ENVOY: %v", err)
		}
		return path
	}
	if path, err := exec.LookPath("envoy"); err == nil {
		return path
	}
	if root := moduleRoot(t); root != "" {
		if path, err := exec.LookPath(filepath.Join(root, ".tools", "envoy")); err == nil {
			return path
		}
	}
	const missing = "NO ENVOY FOUND, NOT TESTED: run \"make envoy\", or set $ENVOY to the binary"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// moduleRoot is the nearest folder above the test's with a go.mod, "" if none.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("working directory: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

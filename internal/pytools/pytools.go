// Package pytools helps tests that run Python programs, AWS's own clients above all.
// What is there to run is listed in .ci/python-tools.txt.
package pytools

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/proctest"
)

// timeout ends programs that hang. The aws CLI takes seconds on a busy machine.
const timeout = 3 * time.Minute

// Interpreter is the Python that has the tools, which .ci/python-tools puts into
// .tools/python beside go.mod. Without it the test is skipped, except in CI.
func Interpreter(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("working directory: %v", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("there is no go.mod above the test")
		}
	}
	path := filepath.Join(dir, ".tools", "python", "bin", "python")
	// The stamp is written last, so without it the environment is half-made.
	if _, err := os.Stat(filepath.Join(dir, ".tools", "python", "installed.txt")); err == nil {
		if _, err := exec.LookPath(path); err == nil {
			return path
		}
	}
	proctest.Missing(t, "no Python with the tools was found: run .ci/python-tools")
	return ""
}

// Command prepares a run of Python with the arguments: a script, or -m and a module;
// the aws CLI is -m awscli. It knows nothing of this machine's AWS accounts, proxies
// or settings, only the given environment (NAME=value), and ends with the test.
func Command(t testing.TB, env []string, args ...string) *exec.Cmd {
	t.Helper()
	interpreter := Interpreter(t)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, interpreter, args...)
	home := t.TempDir()
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"LC_ALL=C.UTF-8",
		"NO_PROXY=*",
		"PYTHONDONTWRITEBYTECODE=1",
		"AWS_CONFIG_FILE=" + filepath.Join(home, "config"),
		"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "credentials"),
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_MAX_ATTEMPTS=1",
		"AWS_PAGER=",
	}, env...)
	return cmd
}

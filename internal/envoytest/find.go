// Package envoytest helps tests that run a real Envoy.
package envoytest

import (
	"os"
	"testing"

	"gatehouse/internal/envoyproc"
	"gatehouse/internal/proctest"
)

// Binary finds Envoy where gatehouse itself does: $ENVOY, else on the PATH, else
// .tools/envoy, where "make envoy" puts it. Without one the test is skipped, except
// in CI; a wrong $ENVOY fails it.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := envoyproc.Find("")
	switch {
	case err == nil:
		return path
	case os.Getenv("ENVOY") != "":
		t.Fatal(err)
	}
	proctest.Missing(t, err.Error())
	return ""
}

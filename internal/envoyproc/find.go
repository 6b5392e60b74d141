// Package envoyproc finds an Envoy binary and keeps one running.
package envoyproc

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// errNotFound says what to do when there is no Envoy.
var errNotFound = errors.New(`no Envoy found: run "make envoy" in the repository, install Envoy 1.40, or name one with --envoy or $ENVOY`)

// Find gives the path of the Envoy binary: the explicit one, $ENVOY, "envoy" on the
// PATH, or .tools/envoy in the working directory, above it, or beside the executable.
func Find(explicit string) (string, error) {
	for _, named := range []struct{ origin, path string }{{"--envoy", explicit}, {"$ENVOY", os.Getenv("ENVOY")}} {
		if named.path == "" {
			continue
		}
		path, err := exec.LookPath(named.path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", named.origin, err)
		}
		return path, nil
	}
	if path, err := exec.LookPath("envoy"); err == nil {
		return path, nil
	}
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if self, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(self))
	}
	for _, dir := range starts {
		for {
			if path, err := exec.LookPath(filepath.Join(dir, ".tools", "envoy")); err == nil {
				return path, nil
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", errNotFound
}

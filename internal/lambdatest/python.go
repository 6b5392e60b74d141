package lambdatest

import (
	"os"
	"os/exec"
	"path/filepath"

	"gatehouse/internal/pytools"
)

// Python runs a function under a name: source is a module with handler(event, context).
// Without the Python tools the test is skipped, except in CI.
func (s *Server) Python(name, source string) {
	s.t.Helper()
	dir := s.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.py"), []byte(source), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.run(name, func(environment []string) *exec.Cmd {
		cmd := pytools.Command(s.t, append(environment, "LAMBDA_TASK_ROOT="+dir, "_HANDLER=app.handler"), "-m", "awslambdaric", "app.handler")
		cmd.Dir = dir
		return cmd
	})
}

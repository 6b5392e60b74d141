package lambdatest

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

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
	f := newFunction(name)
	api := httptest.NewServer(f.runtimeAPI(s.t))
	cmd := pytools.Command(s.t, []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=" + name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + name,
		"AWS_LAMBDA_LOG_STREAM_NAME=test",
		"AWS_REGION=us-east-1",
		"LAMBDA_TASK_ROOT=" + dir,
		"_HANDLER=app.handler",
	}, "-m", "awslambdaric", "app.handler")
	cmd.Dir = dir
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill() // It waits for the next event, and knows no other end.
		_ = cmd.Wait()
		api.CloseClientConnections()
		api.Close()
		if s.t.Failed() {
			s.t.Logf("output of the function %s:\n%s", name, &output)
		}
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.functions[name] = f
}

package lambdatest

import (
	"bytes"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Go runs a function under a name: the command of a package of this module, in
// aws-lambda-go.
func (s *Server) Go(name, pkg string) {
	s.t.Helper()
	binary := filepath.Join(s.t.TempDir(), "function")
	if output, err := exec.Command("go", "build", "-o", binary, pkg).CombinedOutput(); err != nil {
		s.t.Fatalf("building %s: %v\n%s", pkg, err, output)
	}
	s.run(name, func(environment []string) *exec.Cmd {
		cmd := exec.Command(binary)
		cmd.Env = append(os.Environ(), environment...)
		return cmd
	})
}

// run starts the process of a function, which is told where the Runtime API is by its
// environment.
func (s *Server) run(name string, command func(environment []string) *exec.Cmd) {
	s.t.Helper()
	f := newFunction(name)
	api := httptest.NewServer(f.runtimeAPI(s.t))
	cmd := command([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=" + name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + name,
		"AWS_LAMBDA_LOG_STREAM_NAME=test",
		"AWS_REGION=us-east-1",
	})
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

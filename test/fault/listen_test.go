package fault

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
)

// takenPort stands for another program that takes a port after Envoy has bound it, and
// before it listens there: listen then fails, for as long as the file is there.
const takenPort = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int listen(int fd, int backlog) {
  struct sockaddr_in at;
  socklen_t size = sizeof at;
  const char *port = getenv("TAKEN_PORT"), *while_there = getenv("TAKEN_WHILE");
  if (port && while_there && access(while_there, F_OK) == 0 && getsockname(fd, (struct sockaddr *)&at, &size) == 0 &&
      at.sin_family == AF_INET && ntohs(at.sin_port) == atoi(port)) {
    errno = EADDRINUSE;
    return -1;
  }
  int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "listen");
  return real(fd, backlog);
}
`

// taking makes a library of it, which is loaded into the Envoy that run starts.
func taking(t *testing.T, port int) (environment []string, give func()) {
	t.Helper()
	dir := t.TempDir()
	source, library, while := filepath.Join(dir, "taken.c"), filepath.Join(dir, "taken.so"), filepath.Join(dir, "taken")
	write(t, source, takenPort)
	write(t, while, "")
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "cc"
	}
	if _, err := exec.LookPath(compiler); err != nil {
		proctest.Missing(t, "a port that is taken in between needs a C compiler: "+err.Error())
	}
	if output, err := exec.Command(compiler, "-shared", "-fPIC", "-o", library, source, "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return []string{"LD_PRELOAD=" + library, fmt.Sprintf("TAKEN_PORT=%d", port), "TAKEN_WHILE=" + while}, func() { _ = os.Remove(while) }
}

func launchTaken(t *testing.T, s *site, environment []string) *gatehouse {
	t.Helper()
	s.write(t)
	cmd := exec.Command(proctest.Gatehouse(t), "run", "--envoy", envoytest.Binary(t), "--admin", "127.0.0.1:0", "--data-dir", t.TempDir(), s.dir)
	cmd.Env = append(os.Environ(), environment...)
	return launchCommand(t, cmd)
}

// TestPortIsTakenInBetween has another program be faster than Envoy, which acknowledges the
// listener all the same. It counts as refused, and is tried again on SIGHUP.
func TestPortIsTakenInBetween(t *testing.T) {
	t.Parallel()
	s := newSite(t, backendNamed(t, "one"))
	extra := proctest.FreePort(t)
	environment, give := taking(t, extra)
	g := launchTaken(t, s, environment).serving()
	awaitAnswer(t, s.url("/pets"), "one")
	good := g.acked().Serving.Revision
	s.ExtraPort = extra
	s.write(t)
	st := g.statusUntil("the refusal shows", func(st status) bool {
		return st.Latest.State == "rejected" && st.Serving.Revision == good && st.Serving.State == "acked"
	})
	if d := st.Latest.Diagnostics; len(d) != 1 || d[0].Code != "envoy-refused" || d[0].Line != 5 || !strings.Contains(d[0].Message, fmt.Sprintf("does not listen on 127.0.0.1:%d", extra)) {
		t.Errorf("diagnostics %+v", d)
	}
	if strings.Contains(g.Output(), fmt.Sprintf("listening http://localhost:%d/", extra)) {
		t.Error("it says that it listens there")
	}
	awaitAnswer(t, s.url("/pets"), "one")
	give()
	g.Signal(syscall.SIGHUP)
	g.acked()
	awaitAnswer(t, fmt.Sprintf("http://127.0.0.1:%d/_aws/execute-api/petstore/v1/pets", extra), "one")
}

// TestOnlyPortIsTakenInBetween ends a run that has nothing else to serve.
func TestOnlyPortIsTakenInBetween(t *testing.T) {
	t.Parallel()
	s := newSite(t, backendNamed(t, "one"))
	environment, _ := taking(t, s.Port)
	g := launchTaken(t, s, environment)
	if code := g.Wait(); code == 0 {
		t.Error("it ends as if all were well")
	}
	if out := g.Output(); !strings.Contains(out, "envoy refused the definitions") || !strings.Contains(out, fmt.Sprintf("does not listen on 127.0.0.1:%d", s.Port)) || strings.Contains(out, "listening http") {
		t.Errorf("it says %s", out)
	}
}

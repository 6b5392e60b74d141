// Package redistest runs real Redis servers for tests, and does to them what happens to
// servers: they are killed, stopped, and come back with or without their data.
package redistest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/internal/proctest"
)

// Server is a redis-server on a port of its own.
type Server struct {
	t    testing.TB
	dir  string
	port string
	args []string
	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}
	out  *bytes.Buffer
	// user is whom Do is, without a password.
	user  string
	taken net.Conn
	// clock is the file that sets its clock, env its environment; empty for the usual.
	clock string
	env   []string
}

// Binary is the path of redis-server. Without one the test is skipped, except in CI.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err == nil {
		return path
	}
	proctest.Missing(t, "redis-server was not found (on Debian and Ubuntu: apt-get install redis-server)")
	return ""
}

// Start runs a server that keeps nothing on disk, with more arguments as on its command
// line. It ends with the test.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := New(t, args...)
	s.Run()
	return s
}

// New is a server that does not run yet, so that its port and folder are known before.
func New(t testing.TB, args ...string) *Server {
	t.Helper()
	Binary(t)
	s := &Server{t: t, dir: t.TempDir(), port: FreePort(t), args: args}
	t.Cleanup(s.Kill)
	return s
}

// FreePort is a port that nothing listens on, as text.
func FreePort(t testing.TB) string {
	t.Helper()
	return strconv.Itoa(proctest.FreePort(t))
}

// Addr is where it listens, Port the number of it and Dir its folder.
func (s *Server) Addr() string { return "127.0.0.1:" + s.port }

// Port is the number of the port.
func (s *Server) Port() string { return s.port }

// Dir is the server's folder.
func (s *Server) Dir() string { return s.dir }

// URL is where it listens, for clients.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// Socket is the path of its Unix socket.
func (s *Server) Socket() string { return filepath.Join(s.dir, "s") }

// Run starts the server, again after Kill, and waits until it listens.
func (s *Server) Run(more ...string) {
	s.t.Helper()
	s.mu.Lock()
	args := []string{"--port", s.port}
	switch {
	case len(s.args) > 0 && strings.HasSuffix(s.args[0], ".conf"):
		// A configuration file must come first, and Sentinel wants one.
		args = append([]string{s.args[0]}, append(args, s.args[1:]...)...)
	default:
		args = append(args, "--save", "", "--appendonly", "no", "--unixsocket", s.Socket())
		args = append(args, s.args...)
	}
	args = append(args, "--bind", "127.0.0.1", "--dir", s.dir, "--daemonize", "no", "--logfile", "")
	s.cmd = exec.Command(Binary(s.t), append(args, more...)...)
	s.out, s.done = &bytes.Buffer{}, make(chan struct{})
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Env = s.out, s.out, s.env
	// It must not outlive a test that is killed.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd, done, out := s.cmd, s.done, s.out
	s.mu.Unlock()
	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread ends that started the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		s.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.DialTimeout("unix", s.Socket(), time.Second)
		if err != nil {
			conn, err = net.DialTimeout("tcp", s.Addr(), time.Second)
		}
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-done:
			s.t.Fatalf("redis-server ended:\n%s", out)
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatal("redis-server does not listen")
		}
	}
}

// Kill ends the server at once, as a crash does.
func (s *Server) Kill() {
	s.mu.Lock()
	cmd, done := s.cmd, s.done
	s.cmd = nil
	s.mu.Unlock()
	if cmd != nil && cmd.Process != nil {
		_ = cmd.Process.Kill()
		<-done
	}
}

// Pause stops the process: connections stay, and nothing answers.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume lets a stopped process go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// Do has the server do something, such as "CONFIG", "SET", "maxmemory", "1mb".
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	answer, err := s.Try(args...)
	if err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return answer
}

// As is the same server with another user for Do, who has no password.
func (s *Server) As(user string) *Server { return &Server{t: s.t, port: s.port, user: user} }

// Occupy takes the only connection that there may be from then on, Release gives it back
// and allows as many as before.
func (s *Server) Occupy() {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	s.taken = conn
	s.say("CONFIG SET maxclients 1")
	s.say("CLIENT KILL TYPE normal SKIPME yes")
}

// Release ends what Occupy began.
func (s *Server) Release() {
	s.t.Helper()
	s.say("CONFIG SET maxclients 1000")
	s.taken.Close()
}

func (s *Server) say(line string) {
	s.t.Helper()
	fmt.Fprint(s.taken, line+"\r\n")
	answer := make([]byte, 128)
	if n, err := s.taken.Read(answer); err != nil || answer[0] == '-' {
		s.t.Fatalf("%s: %v, %s", line, err, answer[:n])
	}
}

// Try is Do for what may fail.
func (s *Server) Try(args ...any) (any, error) {
	o := &redis.Options{Addr: s.Addr(), Username: s.user, MaxRetries: -1}
	if s.user != "" {
		o.Password = "any"
	}
	c := redis.NewClient(o)
	defer c.Close()
	return c.Do(context.Background(), args...).Result()
}

// Wait waits until a condition holds.
func Wait(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for: %s", what)
		}
	}
}

// Cluster runs a Cluster of so many servers, all of them masters.
func Cluster(t testing.TB, n int) []*Server {
	t.Helper()
	servers := make([]*Server, n)
	const slots = 16384
	for i := range servers {
		servers[i] = Start(t, "--cluster-enabled", "yes", "--cluster-port", FreePort(t), "--cluster-node-timeout", "2000")
		servers[i].Do("CLUSTER", "ADDSLOTSRANGE", i*slots/n, (i+1)*slots/n-1)
		if _, err := servers[i].Try("CLUSTER", "SET-CONFIG-EPOCH", i+1); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range servers[1:] {
		servers[0].Do("CLUSTER", "MEET", "127.0.0.1", s.port, s.args[3])
	}
	for _, s := range servers {
		Wait(t, "the cluster to be one", func() bool {
			info := fmt.Sprint(s.Do("CLUSTER", "INFO"))
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", n))
		})
	}
	return servers
}

package e2e

import (
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"
)

// TestConnectTimeout: a backend that takes no connections is waited for as long as it says. Its
// queue of one is full: Linux answers no more who knock.
func TestConnectTimeout(t *testing.T) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(socket, 0); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprint("127.0.0.1:", at.(*syscall.SockaddrInet4).Port)
	for full := false; !full; {
		c, err := net.DialTimeout("tcp", address, 300*time.Millisecond)
		if full = err != nil; !full {
			t.Cleanup(func() { c.Close() })
		}
	}
	g := startBackend(t, fmt.Sprintf("{name: pets, connectTimeout: 700ms, endpoints: [%q]}", address))
	begin := time.Now()
	r := g.askBackend()
	if took := time.Since(begin); r.StatusCode != 500 || took < 600*time.Millisecond || took > 4500*time.Millisecond {
		t.Errorf("%d %s after %v, want 500 after 700 ms", r.StatusCode, r.body, took)
	}
}

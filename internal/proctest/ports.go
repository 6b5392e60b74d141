package proctest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

var (
	givenMu sync.Mutex
	given   = map[int]bool{}
)

// FreePort gives a port that nothing listens on, and never one twice. It is below
// those that Linux gives to connections: a test that opens many of them, while a
// program that is to have the port starts again, would lose it to one of its own.
func FreePort(t testing.TB) int {
	t.Helper()
	givenMu.Lock()
	defer givenMu.Unlock()
	for range 1000 {
		port := 20_000 + rand.N(12_000)
		if given[port] {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		given[port] = true
		return port
	}
	t.Fatal("no port is free")
	return 0
}

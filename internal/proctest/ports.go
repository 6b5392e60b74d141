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
// program that is to have the port starts again, would lose it to one of its own. The
// port after it is free and given to nobody, either: that is where gatehouse has its
// integration service, beside the control plane.
func FreePort(t testing.TB) int {
	t.Helper()
	givenMu.Lock()
	defer givenMu.Unlock()
	for range 1000 {
		port := 20_000 + 2*rand.N(6_000)
		if given[port] || !free(t, port) || !free(t, port+1) {
			continue
		}
		given[port] = true
		return port
	}
	t.Fatal("no port is free")
	return 0
}

func free(t testing.TB, port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return true
}

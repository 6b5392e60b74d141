package proctest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports are below those that Linux gives to connections: a test that opens many of them,
// while a program that is to have the port starts again, would lose it to one of its own.
//
// They are given in blocks, of which each belongs to one process: tests of packages run side
// by side, and a port that is free may have been given by another process to a program that
// does not listen yet. Envoys would even share it, and each be sent some of the requests.
const (
	firstPort  = 20_000
	endOfPorts = 32_000
	blockSize  = 200
)

var (
	portsMu sync.Mutex
	// toGive are ports of our blocks that nobody was given, and blocks what holds these as
	// long as the process runs: a socket on the first port of each.
	toGive []int
	blocks []net.Listener
)

// FreePort gives a port that nothing listens on, and never one twice. The port after it is
// free and given to nobody, either: that is where gatehouse has its integration service,
// beside the control plane.
func FreePort(t testing.TB) int {
	t.Helper()
	portsMu.Lock()
	defer portsMu.Unlock()
	for {
		if len(toGive) == 0 && !takeBlock() {
			t.Fatalf("no block of ports between %d and %d is free", firstPort, endOfPorts)
		}
		port := toGive[0]
		toGive = toGive[1:]
		if free(t, port) && free(t, port+1) {
			return port
		}
	}
}

// takeBlock takes a block that no other process has.
func takeBlock() bool {
	for _, n := range rand.Perm((endOfPorts - firstPort) / blockSize) {
		first := firstPort + n*blockSize
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first)))
		if err != nil {
			continue
		}
		blocks = append(blocks, l)
		for _, pair := range rand.Perm(blockSize/2 - 1) {
			toGive = append(toGive, first+2+2*pair)
		}
		return true
	}
	return false
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

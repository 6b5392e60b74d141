//go:build unix

package lockstep

import (
	"net"
	"syscall"
)

// quietness tells of a connection whether it is open, and the server has sent nothing that
// nobody has asked for. One system call is all that it takes.
func quietness(socket net.Conn) func() bool {
	s, ok := socket.(syscall.Conn)
	if !ok {
		return func() bool { return false }
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return func() bool { return false }
	}
	// Made once, so that asking takes no memory.
	var one [1]byte
	waits := false
	peek := func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		waits = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	}
	return func() bool { return raw.Read(peek) == nil && waits }
}

package etcd

import (
	"fmt"
	"os"
	"syscall"
)

// lock keeps a second process away from a directory: etcd itself would wait for the first
// one to end.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another process has %s: stop it, or use an etcd cluster for several of them (--etcd-endpoints)", path)
	}
	// The lock ends with the file.
	return func() { _ = f.Close() }, nil
}

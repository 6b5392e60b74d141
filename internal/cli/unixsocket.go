package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/xds"
)

// maxSocketPath is how long a socket's path may be: the least that a system has, with room
// for what Beside adds.
const maxSocketPath = 80

// ownSocket is where only an Envoy of this process's own looks for it: a socket in a folder
// of this user. It costs less than a port, and nobody else reaches it. Where the folder's
// name is too long for sockets, it is a port after all.
func ownSocket() (address string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "gatehouse-")
	if err != nil {
		return "", nil, fmt.Errorf("making room for a socket: %w", err)
	}
	remove = func() { os.RemoveAll(dir) }
	path := filepath.Join(dir, "xds")
	if len(path) > maxSocketPath {
		remove()
		return "127.0.0.1:0", func() {}, nil
	}
	return xds.UnixPrefix + path, remove, nil
}

// listenAt opens the socket that a flag names: host:port, or unix:PATH.
func listenAt(flag, address string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, xds.UnixPrefix); ok {
		return listenUnix(flag, path)
	}
	return listen(flag, address)
}

// listenUnix opens a socket that only this user may use. One that a process left behind
// is replaced; one that somebody serves is not.
func listenUnix(flag, path string) (net.Listener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		return nil, errors.Join(fmt.Errorf("%s: %s is in use by another program", flag, path), c.Close())
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", flag, err), l.Close())
	}
	return l, nil
}

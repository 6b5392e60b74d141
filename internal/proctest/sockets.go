package proctest

import (
	"os"
	"testing"
)

// SocketFolder gives a folder for sockets, which is gone when the test ends. Its name is
// short, as those of t.TempDir may not be: the path of a socket has at most 107 characters.
func SocketFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

package definition

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"gatehouse/definition/source"
)

// A fileSet reads files, each once a load, and remembers which.
type fileSet struct {
	readFile func(string) ([]byte, error)

	mu    sync.Mutex
	names map[string]*fileRead
}

type fileRead struct {
	once sync.Once
	data []byte
	err  error
}

func newFileSet(read func(string) ([]byte, error)) *fileSet {
	return &fileSet{readFile: read, names: map[string]*fileRead{}}
}

func (f *fileSet) read(name string) ([]byte, error) {
	f.mu.Lock()
	r, ok := f.names[name]
	if !ok {
		r = &fileRead{}
		f.names[name] = r
	}
	f.mu.Unlock()
	r.once.Do(func() { r.data, r.err = f.readFile(name) })
	return r.data, r.err
}

// note adds a name that is watched but not read: a directory, a missing file.
func (f *fileSet) note(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names[name] == nil {
		f.names[name] = &fileRead{}
	}
}

func (f *fileSet) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for name := range f.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// readFile reads a regular file up to the limit for definitions: a device or a pipe
// would never end.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s does not exist", name)
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory", name)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > source.MaxBytes:
		return nil, fmt.Errorf("%s has %d bytes, the limit is %d", name, info.Size(), source.MaxBytes)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, source.MaxBytes+1))
}

func readStdin() ([]byte, error) { return io.ReadAll(io.LimitReader(os.Stdin, source.MaxBytes+1)) }

func hashBytes(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// relativeTo resolves a path that a file names.
func relativeTo(file, path string) string {
	if filepath.IsAbs(path) || file == stdinName {
		return filepath.Clean(path)
	}
	return filepath.Join(filepath.Dir(file), path)
}

const stdinName = "-"

// isDefinitionFile tells which files of a directory are read.
func isDefinitionFile(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(name, ".")
}

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

// A tooLargeError is about a file that is larger than definitions may be.
type tooLargeError struct{ name string }

func (e tooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than %d bytes", e.name, source.MaxBytes)
}

// ReadFile reads a regular file up to the limit for definitions: what a Loader reads files
// with if it is told nothing else.
func ReadFile(name string) ([]byte, error) {
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
		return nil, tooLargeError{name}
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// It may have grown since.
	data, err := io.ReadAll(io.LimitReader(file, source.MaxBytes+1))
	if err == nil && len(data) > source.MaxBytes {
		return nil, tooLargeError{name}
	}
	return data, err
}

func readStdin() ([]byte, error) { return io.ReadAll(io.LimitReader(os.Stdin, source.MaxBytes+1)) }

// hashRead is the hash of what reading a file gave; a file that cannot be read
// differs from all that can.
func hashRead(data []byte, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// relativeTo resolves a path that a file names.
func relativeTo(file, path string) string {
	if filepath.IsAbs(path) || file == stdinName {
		// A file that is called "-" is not standard input.
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

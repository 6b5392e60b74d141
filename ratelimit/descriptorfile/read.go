package descriptorfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// mostBytes bounds all files together. It is far beyond what anybody writes.
const mostBytes = 2 * source.MaxBytes

// Read reads files, and those of folders whose names end in .yaml or .yml: not hidden ones
// and not in folders below, so that a mounted config map is a folder like any other.
// watch are all paths that a change of may change the result, also where there are errors.
func Read(paths []string) (files []File, watch []string, diags gateway.Diagnostics) {
	r := reader{taken: map[string]bool{}}
	for _, path := range paths {
		r.path(filepath.Clean(path))
	}
	if len(r.files) == 0 && !r.diags.HasErrors() {
		r.errorf("no-descriptor-files", strings.Join(paths, " "), "name a file, or a folder with *.yaml files", "there is no file with rate limits")
	}
	slices.Sort(r.watch)
	return r.files, r.watch, r.diags
}

type reader struct {
	files []File
	watch []string
	diags gateway.Diagnostics
	taken map[string]bool
	bytes int
}

func (r *reader) errorf(code, name, hint, format string, args ...any) {
	r.diags.Errorf(code, gateway.Position{File: name, Line: 1, Column: 1}, "", hint, format, args...)
}

func (r *reader) path(name string) {
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		r.file(name)
		return
	}
	r.watch = append(r.watch, name)
	entries, err := os.ReadDir(name)
	if err != nil {
		r.errorf("unreadable-file", name, "", "cannot read the folder: %v", err)
		return
	}
	for _, e := range entries {
		ext := strings.ToLower(filepath.Ext(e.Name()))
		if ext != ".yaml" && ext != ".yml" || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		inside := filepath.Join(name, e.Name())
		if info, err := os.Stat(inside); err == nil && info.IsDir() {
			continue
		}
		r.file(inside)
	}
}

func (r *reader) file(name string) {
	if r.taken[name] {
		return // it is named itself, and lies in a folder that is
	}
	r.taken[name] = true
	r.watch = append(r.watch, name)
	data, err := readFile(name)
	if err != nil {
		r.errorf("unreadable-file", name, "", "cannot read the rate limits: %v", err)
		return
	}
	if r.bytes += len(data); len(data) > source.MaxBytes || r.bytes > mostBytes {
		r.errorf("file-too-large", name, "", "a file may have %d bytes, and all together %d", source.MaxBytes, mostBytes)
		return
	}
	r.files = append(r.files, File{name, data})
}

// readFile reads a regular file, and no more of it than tells that it is too large: a
// device or a pipe would never end.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s does not exist", name)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, source.MaxBytes+1))
}

package source

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// Prefix begins the names of virtual files. No file on a disk is meant by them.
const Prefix = "management:"

// IsVirtual tells virtual files by their names.
func IsVirtual(name string) bool { return strings.HasPrefix(name, Prefix) }

// Files are virtual files.
type Files struct {
	// Paths are the files that a loader is given, sorted; they name the others.
	Paths []string
	// Content is that of all files by name. It is not to be changed.
	Content map[string][]byte
	// Problems are APIs, by the keys of their documents, that could not be rendered as
	// they are kept now, and why. What was rendered of them before is still among the
	// files.
	Problems map[string]error
	// follows are the keys of APIs whose stages are in the files, though they are not the
	// API's own.
	follows []string
}

// Add takes in another set's files.
func (f *Files) Add(other Files) {
	f.Paths = append(f.Paths, other.Paths...)
	maps.Copy(f.Content, other.Content)
}

// same reports whether two sets have the same files.
func (f *Files) same(other Files) bool {
	return slices.Equal(f.Paths, other.Paths) && slices.Equal(f.follows, other.follows) && maps.EqualFunc(f.Content, other.Content, bytes.Equal)
}

func newFiles() Files { return Files{Content: map[string][]byte{}, Problems: map[string]error{}} }

// sorted gives the files with their paths in order.
func (f Files) sorted() Files {
	slices.Sort(f.Paths)
	return f
}

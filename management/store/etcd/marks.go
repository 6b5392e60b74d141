package etcd

import (
	"slices"
	"strings"
)

// The keys below the store's prefix. Documents are all that others see.
const (
	documents = "documents/"
	// gone marks a folder, at any depth above a document, when the document is taken
	// away: what lists the folder would not notice otherwise.
	gone = "gone/"
	// children marks a folder when a document right in it is put or taken away: who reads
	// the children of a folder must not be disturbed by changes below them.
	children = "children/"
	// head is changed by every transaction: its revision is that of the last one.
	head = "head"
	// schemaKey has the version of the form that everything is kept in.
	schemaKey = "schema"
)

// folderOf is the path of a key up to its last slash, with it; empty for none.
func folderOf(key string) string { return key[:strings.LastIndexByte(key, '/')+1] }

// foldersAbove are all folders that a key, or a folder, is in.
func foldersAbove(key string) (folders []string) {
	for i := range len(key) - 1 {
		if key[i] == '/' {
			folders = append(folders, key[:i+1])
		}
	}
	return folders
}

// marks collects the marks that a transaction leaves.
type marks struct{ keys map[string]bool }

func (m *marks) add(kind, folder string) {
	if m.keys == nil {
		m.keys = map[string]bool{}
	}
	m.keys[kind+folder] = true
}

// put is left by a document that is written.
func (m *marks) put(key string) { m.add(children, folderOf(key)) }

// taken is left by a document that is taken away.
func (m *marks) taken(key string) {
	m.add(children, folderOf(key))
	for _, folder := range foldersAbove(key) {
		m.add(gone, folder)
	}
}

// takenAll is left by all documents of a prefix that are taken away. The marks within it
// go with them: who has listed anything there compares the first document of the listing,
// too, and who had found nothing has missed nothing.
func (m *marks) takenAll(prefix string) {
	if !strings.HasSuffix(prefix, "/") {
		m.add(children, folderOf(prefix))
	}
	for _, folder := range foldersAbove(prefix) {
		m.add(gone, folder)
	}
}

// outside are the marks, sorted, that are not within one of the prefixes.
func (m *marks) outside(prefixes []string) (keys []string) {
	for key := range m.keys {
		_, folder, _ := strings.Cut(key, "/")
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(folder, p) }) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

package management

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// FileTag is the tag of APIs that files define: its value is the file.
const FileTag = "gatehouse:file"

// Filed are the APIs that files define. They are shown beside those that are stored, with
// all that they consist of, and cannot be changed but in their files. They belong to the
// region that their files say.
type Filed struct {
	// APIs are those of what is served now. As long as that is the same, so is the list.
	APIs func() []gateway.API
}

// Over gives a store in which the APIs of files can be read beside what is stored.
func (f Filed) Over(s store.Store) store.Store { return &filedStore{Store: s, filed: f} }

// refuse answers changes of APIs that files define.
func (f Filed) refuse(r *http.Request, region string) error {
	if f.APIs == nil || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	segments := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if segments[0] == "v2" {
		segments = segments[1:]
	}
	if len(segments) < 2 || segments[0] != "restapis" && segments[0] != "apis" {
		return nil
	}
	if r.Method == http.MethodPost && (len(segments) == 6 && segments[4] == "methods" || len(segments) == 4 && segments[2] == "authorizers") {
		return nil // It is tried, and stays as it is.
	}
	for _, a := range f.APIs() {
		if a.ID == segments[1] && a.Home().Region == region {
			return restjson.BadRequest("The API %s is defined by the file %s: change it there. It is read-only here", a.ID, a.Source.File)
		}
	}
	return nil
}

type filedStore struct {
	store.Store
	filed Filed
	known filedDocuments
}

func (s *filedStore) View(ctx context.Context, read func(store.Reader) error) error {
	documents, err := s.known.of(s.filed.APIs())
	if err != nil {
		return err
	}
	return s.Store.View(ctx, func(r store.Reader) error { return read(filedReader{r, documents}) })
}

func (s *filedStore) Update(ctx context.Context, change func(store.Tx) error) error {
	documents, err := s.known.of(s.filed.APIs())
	if err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx store.Tx) error { return change(filedTx{tx, filedReader{tx, documents}}) })
}

// filedReader reads what is stored, and the documents of files beside it.
type filedReader struct {
	stored store.Reader
	filed  []store.Entry
}

// at is where the first document of files is whose key is not before this one.
func (r filedReader) at(key string) (int, bool) {
	return slices.BinarySearchFunc(r.filed, key, func(e store.Entry, key string) int { return strings.Compare(e.Key, key) })
}

func (r filedReader) Get(key string) ([]byte, error) {
	value, err := r.stored.Get(key)
	if !errors.Is(err, store.ErrNotFound) {
		return value, err
	}
	if at, found := r.at(key); found {
		return r.filed[at].Value, nil
	}
	return nil, err
}

func (r filedReader) List(prefix string) ([]store.Entry, error) {
	stored, err := r.stored.List(prefix)
	return r.beside(stored, prefix, func(string) bool { return true }), err
}

func (r filedReader) Children(path string) ([]store.Entry, error) {
	stored, err := r.stored.Children(path)
	return r.beside(stored, path, func(key string) bool { return !strings.Contains(key[len(path):], "/") }), err
}

func (r filedReader) beside(stored []store.Entry, prefix string, wanted func(key string) bool) []store.Entry {
	all := stored
	for at, _ := r.at(prefix); at < len(r.filed) && strings.HasPrefix(r.filed[at].Key, prefix); at++ {
		if e := r.filed[at]; wanted(e.Key) {
			all = append(all, e)
		}
	}
	if len(all) > len(stored) {
		slices.SortStableFunc(all, func(a, b store.Entry) int { return strings.Compare(a.Key, b.Key) })
	}
	return all
}

// filedTx reads so, too; what it changes is stored.
type filedTx struct {
	store.Tx
	reader filedReader
}

func (t filedTx) Get(key string) ([]byte, error)              { return t.reader.Get(key) }
func (t filedTx) List(prefix string) ([]store.Entry, error)   { return t.reader.List(prefix) }
func (t filedTx) Children(path string) ([]store.Entry, error) { return t.reader.Children(path) }

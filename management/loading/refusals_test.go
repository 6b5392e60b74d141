package loading_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gatehouse/definition"
	"gatehouse/gateway"
)

// about is an error as a translation or an Envoy would find it.
func about(at gateway.Position) (ds gateway.Diagnostics) {
	ds.Errorf("envoy-refused", at, "", "", "no")
	return ds
}

// loadUntil loads until what is stored is as wanted.
func (f *followed) loadUntil(t *testing.T, file string, ok func(definition.Result) bool) definition.Result {
	t.Helper()
	for range 10 {
		if result := f.Load(t.Context(), []string{file}); result.Snapshot != nil && ok(result) {
			return result
		}
		<-f.changed
	}
	t.Fatal("it is not loaded")
	return definition.Result{}
}

func has(ids ...string) func(definition.Result) bool {
	return func(r definition.Result) bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return r.Snapshot.API(id) == nil })
	}
}

func told(r definition.Result, code, file string) bool {
	return slices.ContainsFunc(r.Diagnostics, func(d gateway.Diagnostic) bool {
		return d.Code == code && d.Severity == gateway.Warning && strings.HasPrefix(d.Pos.File, file)
	})
}

func rewrite(t *testing.T, file, old, replacement string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(strings.Replace(string(text), old, replacement, 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFilesThatAreRefusedLater are stood in for by those before them, once something that
// is stored changes.
func TestFilesThatAreRefusedLater(t *testing.T) {
	f := follow(t)
	file := fileOf(t, "filed")
	put(t, f.store, "first", "HTTP_PROXY")
	f.loadUntil(t, file, has("filed", "first"))
	f.Served()

	rewrite(t, file, "name: filed", "name: refused")
	f.loadUntil(t, file, has("refused", "first"))
	if f.Refuse(about(gateway.Position{File: file, Line: 2})) {
		t.Error("there is nothing that could be loaded instead")
	}
	// That it is refused is not hidden as long as nothing waits for it.
	f.loadUntil(t, file, has("refused"))
	put(t, f.store, "second", "HTTP_PROXY")
	if r := f.loadUntil(t, file, has("filed", "first", "second")); r.Snapshot.API("refused") != nil || !told(r, "files-refused", file) {
		t.Errorf("loaded: %v", r.Diagnostics)
	}
	f.Served()
	f.loadUntil(t, file, has("filed", "second")) // and so it stays
	f.Retry(false)
	f.loadUntil(t, file, has("filed", "second"))
	f.Retry(true)
	f.loadUntil(t, file, has("refused", "second"))
	if f.Refuse(about(gateway.Position{File: file, Line: 2})) {
		t.Error("there is nothing that could be loaded instead, again")
	}
	rewrite(t, file, "name: refused", "name: mended")
	if r := f.loadUntil(t, file, has("mended", "second")); told(r, "files-refused", "") {
		t.Errorf("of a file that was mended is told: %v", r.Diagnostics)
	}
}

// TestStoredWithFilesThatAreRefused had changed when they did, and goes on without them.
func TestStoredWithFilesThatAreRefused(t *testing.T) {
	f := follow(t)
	file := fileOf(t, "filed")
	f.loadUntil(t, file, has("filed"))
	f.Served()
	rewrite(t, file, "name: filed", "name: refused")
	put(t, f.store, "first", "HTTP_PROXY")
	f.loadUntil(t, file, has("refused", "first"))
	// Nobody says where it is: the files are tried first.
	if !f.Refuse(about(gateway.Position{})) {
		t.Error("what is stored has to wait")
	}
	f.loadUntil(t, file, has("filed", "first"))
	if f.Refuse(nil) || f.Served() {
		t.Error("it is to be loaded again, of which nothing was refused")
	}
}

// TestStoredThatFilesAreBlamedFor is found: of all that was new, the rest is served in the end.
func TestStoredThatFilesAreBlamedFor(t *testing.T) {
	f := follow(t)
	file := fileOf(t, "filed")
	f.loadUntil(t, file, has("filed"))
	f.Served()
	for _, id := range []string{"one", "three", "two"} {
		put(t, f.store, id, "HTTP_PROXY")
	}
	// An Envoy that refuses whatever has the second, and blames a line of the file.
	r := f.loadUntil(t, file, has("one", "two", "three"))
	for try := 0; ; try++ {
		again := false
		if r.Snapshot.API("two") != nil {
			again = f.Refuse(about(gateway.Position{File: file, Line: 1}))
		} else {
			again = f.Served()
		}
		if !again {
			break
		}
		if r = f.Load(t.Context(), []string{file}); r.Snapshot == nil || try > 10 {
			t.Fatalf("after %d tries: %v", try, r.Diagnostics)
		}
	}
	if !has("filed", "one", "three")(r) || has("two")(r) || !told(r, "stored-api-refused", "management:eu-west-1/restapis/two") || told(r, "stored-api-refused", "management:eu-west-1/restapis/one") {
		t.Errorf("APIs %v, told: %v", r.Snapshot.APIs, r.Diagnostics)
	}
}

package definition

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"gatehouse/gateway"
)

// OwnersFiles are the files of the machine's owner as a load found them: those that were
// read as definitions, in order, and the contents of all.
type OwnersFiles struct {
	documents []ownersDocument
	contents  map[string]*fileRead
	stdin     struct {
		data []byte
		err  error
	}
}

type ownersDocument struct {
	name     string
	explicit bool
}

// ownersFiles are those of a load that has succeeded.
func (b *build) ownersFiles() *OwnersFiles {
	f := &OwnersFiles{documents: b.documents, stdin: b.stdin, contents: map[string]*fileRead{}}
	for name, read := range b.files.names {
		if !b.loader.options.foreign(name) {
			f.contents[name] = read
		}
	}
	return f
}

// Same reports whether two loads found the same.
func (f *OwnersFiles) Same(other *OwnersFiles) bool {
	if f == nil || other == nil {
		return f == other
	}
	return slices.Equal(f.documents, other.documents) && bytes.Equal(f.stdin.data, other.stdin.data) &&
		maps.EqualFunc(f.contents, other.contents, func(a, b *fileRead) bool {
			return bytes.Equal(a.data, b.data) && fmt.Sprint(a.err) == fmt.Sprint(b.err)
		})
}

// LoadOver is Load with the owner's files as another load found them, and the foreign
// files of the paths as they are now.
func (l *Loader) LoadOver(ctx context.Context, owners *OwnersFiles, paths []string) Result {
	b := l.begin(nil)
	b.files.readFile = func(name string) ([]byte, error) {
		if l.options.foreign(name) {
			return l.options.ReadFile(name)
		}
		if read := owners.contents[name]; read != nil {
			return read.data, read.err
		}
		return nil, fs.ErrNotExist
	}
	for _, d := range owners.documents {
		if d.name == stdinName {
			b.readDocument(d.name, owners.stdin.data, owners.stdin.err, d.explicit)
			continue
		}
		b.readNamed(d.name, d.explicit)
	}
	for _, path := range paths {
		if l.options.foreign(path) {
			b.readNamed(path, true)
		}
	}
	result := b.finish(ctx)
	if result.Snapshot != nil {
		result.Owners = owners
	}
	return result
}

// begin begins a load.
func (l *Loader) begin(base *gateway.Snapshot) *build {
	return &build{
		loader: l, base: base, files: newFileSet(l.options.ReadFile), taken: map[string]bool{},
		next: map[deploymentKey]*parsedDefinition{}, nextShared: map[string]*parsedShared{},
	}
}

// finish makes a result of what was read.
func (b *build) finish(ctx context.Context) Result {
	b.resolveDefinitions(ctx)
	snapshot := b.snapshot()
	b.validate(snapshot)
	// The loader forgets what is not used any more.
	b.loader.cache, b.loader.shared = b.next, b.nextShared
	result := Result{Diagnostics: b.diags, Files: b.files.list()}
	switch {
	case ctx.Err() != nil:
	case !b.diags.HasErrors():
		result.Snapshot = snapshot.Seal()
		if b.loader.options.Foreign != nil {
			result.Owners = b.ownersFiles()
		}
	case len(b.configs) > 0 && !b.incomplete:
		result.Draft = snapshot.Seal()
	}
	return result
}

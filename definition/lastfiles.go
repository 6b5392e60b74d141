package definition

import (
	"context"
	"io/fs"

	"gatehouse/gateway"
)

// lastFiles are the owner's files as they were when they were last good: those that were
// read as definitions, in order, and the contents of all.
type lastFiles struct {
	documents []lastDocument
	contents  map[string]*fileRead
	stdin     struct {
		data []byte
		err  error
	}
}

type lastDocument struct {
	name     string
	explicit bool
}

// keepFiles keeps the owner's files of a load that has succeeded.
func (l *Loader) keepFiles(b *build) {
	last := &lastFiles{documents: b.documents, stdin: b.stdin, contents: map[string]*fileRead{}}
	for name, read := range b.files.names {
		if !l.options.foreign(name) {
			last.contents[name] = read
		}
	}
	l.last = last
}

// LoadOverLast is Load with the owner's files as they were when they were last good, and
// the foreign files of the paths as they are now. Before any were good, it finds nothing.
func (l *Loader) LoadOverLast(ctx context.Context, paths []string) Result {
	if l.last == nil {
		return Result{}
	}
	b := l.begin(nil)
	b.files.readFile = func(name string) ([]byte, error) {
		if l.options.foreign(name) {
			return l.options.ReadFile(name)
		}
		if read := l.last.contents[name]; read != nil {
			return read.data, read.err
		}
		return nil, fs.ErrNotExist
	}
	for _, d := range l.last.documents {
		if d.name == stdinName {
			read := l.last.stdin
			b.readDocument(d.name, read.data, read.err, d.explicit)
			continue
		}
		b.readNamed(d.name, d.explicit)
	}
	for _, path := range paths {
		if l.options.foreign(path) {
			b.readNamed(path, true)
		}
	}
	return b.finish(ctx, true)
}

// begin begins a load.
func (l *Loader) begin(base *gateway.Snapshot) *build {
	return &build{
		loader: l, base: base, files: newFileSet(l.options.ReadFile), taken: map[string]bool{},
		next: map[deploymentKey]*parsedDefinition{}, nextShared: map[string]*parsedShared{},
	}
}

// finish makes a result of what was read.
func (b *build) finish(ctx context.Context, overLast bool) Result {
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
		if !overLast && b.loader.options.Foreign != nil {
			b.loader.keepFiles(b)
		}
	case len(b.configs) > 0 && !b.incomplete:
		result.Draft = snapshot.Seal()
	}
	return result
}

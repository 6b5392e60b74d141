// Package loading loads what the management API keeps together with the files of this
// machine, as one snapshot. What is stored can be as wrong as a file can, but others have
// written it: an API that cannot be served leaves the files and the other APIs as they
// are, and what it served before is served on.
package loading

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/management/source"
	"gatehouse/management/store"
)

// Options configure a Loader.
type Options struct {
	Store store.Store
	// Definition are those of the loader of files. What is about foreign files is filled
	// in.
	Definition definition.Options
	Log        *slog.Logger
}

// Loader loads files and what is stored. Load is not for concurrent use, the rest is.
type Loader struct {
	store    store.Store
	log      *slog.Logger
	loader   *definition.Loader
	renderer *source.Renderer
	// read is closed when the store has been read for the first time.
	read     chan struct{}
	readOnce sync.Once

	// contents are the virtual files of the load under way. They belong to Load.
	contents map[string][]byte

	mu sync.Mutex
	// units are what is stored now, loaded what the last load that succeeded took of each,
	// and good what was served at last.
	units, loaded, good map[string]*source.Files
	// refused are units that were tried in vain, and why.
	refused map[string]refusal
	// problems are those of units that could not even be rendered.
	problems map[string]error
}

// refusal is a unit that cannot be served as it is stored.
type refusal struct {
	files *source.Files
	found gateway.Diagnostics
}

// New returns a Loader that has loaded nothing yet. Follow has to run for it to know what
// is stored.
func New(o Options) *Loader {
	l := &Loader{
		store: o.Store, log: o.Log, renderer: source.NewRenderer(), read: make(chan struct{}),
		units: map[string]*source.Files{}, good: map[string]*source.Files{}, refused: map[string]refusal{},
	}
	o.Definition.Foreign = source.IsVirtual
	o.Definition.MayBeEmpty = true
	fromDisk := o.Definition.ReadFile
	if fromDisk == nil {
		fromDisk = definition.ReadFile
	}
	o.Definition.ReadFile = func(name string) ([]byte, error) {
		if !source.IsVirtual(name) {
			return fromDisk(name)
		}
		if content, ok := l.contents[name]; ok {
			return content, nil
		}
		return nil, os.ErrNotExist
	}
	l.loader = definition.NewLoader(o.Definition)
	return l
}

// Follow keeps up with the store until the context ends, and calls changed when there is
// something to be loaded.
func (l *Loader) Follow(ctx context.Context, changed func()) error {
	var late []string // what could not be read when it changed
	all, news := false, true
	return l.store.Watch(ctx, func(keys []string) {
		begin := time.Now()
		all = all || keys == nil
		late = append(late, keys...)
		for {
			keys := late
			if all {
				keys = nil
			}
			different, err := l.render(ctx, keys)
			news = news || different
			if err == nil || ctx.Err() != nil {
				break
			}
			l.log.Error("what the management API keeps cannot be read; trying on", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		late, all = nil, false
		l.readOnce.Do(func() { close(l.read) })
		// Most of what is stored is not served: what is edited is, once it is deployed.
		if news {
			news = false
			changed()
		}
		// What has been written in the meantime comes all together next. Where it takes
		// long to render, as with many thousands of keys, calls are to have time, too.
		select {
		case <-ctx.Done():
		case <-time.After(min(pacing*time.Since(begin), maxPause)):
		}
	})
}

// The pause after changes were rendered is so many times as long as that took, with a bound.
const (
	pacing   = 2
	maxPause = 500 * time.Millisecond
)

// render renders what has changed, and reports whether that makes a difference.
func (l *Loader) render(ctx context.Context, keys []string) (different bool, err error) {
	err = l.store.View(ctx, func(reader store.Reader) error {
		files, err := l.renderer.Render(reader, keys)
		if err != nil {
			return err
		}
		units := l.renderer.Units()
		l.mu.Lock()
		defer l.mu.Unlock()
		for unit, problem := range files.Problems {
			if old := l.problems[unit]; old == nil || old.Error() != problem.Error() {
				l.log.Error("what the management API keeps makes no sense; what it was before is served on", "what", unit, "error", problem)
				different = true
			}
		}
		different = different || len(files.Problems) != len(l.problems) || !maps.Equal(units, l.units)
		l.units, l.problems = units, files.Problems
		return nil
	})
	return different, err
}

// Ready waits until the store has been read.
func (l *Loader) Ready(ctx context.Context) error {
	select {
	case <-l.read:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errNotRead says that nothing is known of what is stored.
var errNotRead = errors.New("the store cannot be reached")

// Load loads paths and what is stored. Its Files are those on the disk.
func (l *Loader) Load(ctx context.Context, paths []string) definition.Result {
	select {
	case <-l.read:
	default:
		var ds gateway.Diagnostics
		ds.Errorf("management-store-unavailable", gateway.Position{}, "", "see to the etcd cluster; it is tried on", "what the management API keeps is not known: %v", errNotRead)
		return definition.Result{Diagnostics: ds}
	}
	for {
		chosen := l.choose()
		result := l.load(ctx, paths, chosen)
		if result.Snapshot != nil {
			l.succeeded(chosen)
		}
		if result.Snapshot != nil || ctx.Err() != nil || !l.refuse(result.Diagnostics, chosen) {
			if result.Snapshot == nil && ctx.Err() == nil && l.news(chosen) {
				over, again := l.loadOverLast(ctx, paths, chosen, result.Diagnostics)
				if again {
					continue
				}
				if over.Snapshot != nil {
					result.Snapshot, result.Diagnostics, result.Draft = over.Snapshot, over.Diagnostics, nil
				}
			}
			result.Files = slices.DeleteFunc(result.Files, source.IsVirtual)
			result.Diagnostics = append(result.Diagnostics, l.warnings()...)
			result.Diagnostics.Sort()
			return result
		}
	}
}

// news reports whether something else is stored than what was loaded last.
func (l *Loader) news(chosen map[string]*source.Files) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loaded != nil && !maps.Equal(chosen, l.loaded)
}

// loadOverLast loads what is stored beside the files of the machine as they were when they
// were last good: whoever writes those may take time to mend them, and others do not wait.
// What is wrong with them is told on, as warnings. Again means that a part of what is
// stored was given up, and the rest is to be tried.
func (l *Loader) loadOverLast(ctx context.Context, paths []string, chosen map[string]*source.Files, wrong gateway.Diagnostics) (_ definition.Result, again bool) {
	paths = slices.Clone(paths)
	for _, unit := range slices.Sorted(maps.Keys(chosen)) {
		paths = append(paths, chosen[unit].Paths...)
	}
	result := l.loader.LoadOverLast(ctx, paths)
	if result.Snapshot == nil {
		return result, ctx.Err() == nil && l.refuse(result.Diagnostics, chosen)
	}
	l.succeeded(chosen)
	for _, d := range wrong {
		if d.Severity == gateway.Error {
			result.Diagnostics.Warnf("files-refused", d.Pos, d.Path, d.Hint, "the files are served as they were before: %s: %s", d.Code, d.Message)
		}
	}
	return result, false
}

// choose gives the files of each unit that are to be loaded: those that are stored, or the
// last good ones where these were refused.
func (l *Loader) choose() map[string]*source.Files {
	l.mu.Lock()
	defer l.mu.Unlock()
	chosen := make(map[string]*source.Files, len(l.units))
	for unit, files := range l.units {
		if refused, known := l.refused[unit]; known && refused.files == files {
			if files = l.good[unit]; files == nil {
				continue
			}
		}
		chosen[unit] = files
	}
	return chosen
}

func (l *Loader) load(ctx context.Context, paths []string, chosen map[string]*source.Files) definition.Result {
	l.contents = map[string][]byte{}
	paths = slices.Clone(paths)
	for _, unit := range slices.Sorted(maps.Keys(chosen)) {
		paths = append(paths, chosen[unit].Paths...)
		maps.Copy(l.contents, chosen[unit].Content)
	}
	return l.loader.Load(ctx, paths)
}

func (l *Loader) succeeded(chosen map[string]*source.Files) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for unit, files := range chosen {
		if l.units[unit] == files {
			// What is served of it is what is stored.
			delete(l.refused, unit)
		}
	}
	l.loaded = chosen
	for unit := range l.refused {
		if l.units[unit] == nil {
			delete(l.refused, unit) // it has been taken away
		}
	}
}

// refuse gives up the units that errors are about, as they were chosen. It reports whether
// that makes a difference to the next load.
func (l *Loader) refuse(ds gateway.Diagnostics, chosen map[string]*source.Files) bool {
	found := map[string]gateway.Diagnostics{}
	for _, d := range ds {
		if d.Severity == gateway.Error && source.IsVirtual(d.Pos.File) {
			unit := source.UnitOf(d.Pos.File)
			found[unit] = append(found[unit], d)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := false
	for unit, problems := range found {
		files := chosen[unit]
		if files == nil {
			continue
		}
		changed = true
		if files == l.good[unit] {
			// Not even that can be served any more, beside what else there is now.
			delete(l.good, unit)
		}
		if l.units[unit] != files {
			continue
		}
		l.refused[unit] = refusal{files, problems}
		for _, d := range problems {
			l.log.Error("what the management API keeps is not served", "what", unit, "servingBefore", l.good[unit] != nil, "diagnostic", d.String())
		}
	}
	return changed
}

// Refuse gives up what is stored where errors are about it that were found after it was
// loaded: by the translation, or by an Envoy. It reports whether to load again.
func (l *Loader) Refuse(ds gateway.Diagnostics) bool {
	l.mu.Lock()
	loaded := l.loaded
	l.mu.Unlock()
	return l.refuse(ds, loaded)
}

// Served tells that what was loaded last is served.
func (l *Loader) Served() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.good = maps.Clone(l.loaded)
}

// Retry has what was refused tried again: the files that it refers to, or an Envoy, may
// have changed.
func (l *Loader) Retry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.refused)
}

// warnings tells of what is stored and not served.
func (l *Loader) warnings() (ds gateway.Diagnostics) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, unit := range slices.Sorted(maps.Keys(l.refused)) {
		for _, d := range l.refused[unit].found {
			ds.Warnf("stored-api-refused", d.Pos, d.Path, d.Hint, "it is not served as it is stored: %s: %s", d.Code, d.Message)
		}
	}
	for _, unit := range slices.Sorted(maps.Keys(l.problems)) {
		ds.Warnf("stored-api-refused", gateway.Position{File: source.Prefix + unit}, "", "", "it is not served as it is stored: %v", l.problems[unit])
	}
	return ds
}

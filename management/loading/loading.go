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
	// units are what is stored now.
	units map[string]*source.Files
	// loaded is what the last load that succeeded took, and good what was served at last.
	loaded, good together
	// refused are units that were tried in vain, and why.
	refused map[string]refusal
	// held are files of this machine that were loaded, and refused by what came next.
	held heldFiles
	// problems are those of units that could not even be rendered.
	problems map[string]error
}

// together is what was loaded as one snapshot.
type together struct {
	units  map[string]*source.Files
	owners *definition.OwnersFiles
}

// New returns a Loader that has loaded nothing yet. Follow has to run for it to know what
// is stored.
func New(o Options) *Loader {
	l := &Loader{
		store: o.Store, log: o.Log, renderer: source.NewRenderer(), read: make(chan struct{}),
		units: map[string]*source.Files{}, refused: map[string]refusal{},
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
		if result.Snapshot == nil && ctx.Err() == nil && l.refuse(result.Diagnostics, chosen) {
			continue
		}
		if before, wrong := l.before(result, chosen); before != nil && ctx.Err() == nil {
			over := l.loader.LoadOver(ctx, before, foreign(chosen))
			if over.Snapshot == nil && ctx.Err() == nil && l.refuse(over.Diagnostics, chosen) {
				continue
			}
			if over.Snapshot != nil {
				over.Files = result.Files
				result = over
				tellHeld(&result.Diagnostics, wrong)
			}
		}
		if result.Snapshot != nil {
			l.succeeded(chosen, result.Owners)
		}
		result.Files = slices.DeleteFunc(result.Files, source.IsVirtual)
		result.Diagnostics = append(result.Diagnostics, l.warnings()...)
		result.Diagnostics.Sort()
		return result
	}
}

// choose gives the files of each unit that are to be loaded: those that are stored, or the
// last good ones where these were refused.
func (l *Loader) choose() map[string]*source.Files {
	l.mu.Lock()
	defer l.mu.Unlock()
	chosen := make(map[string]*source.Files, len(l.units))
	for unit, files := range l.units {
		if refused, known := l.refused[unit]; known && refused.files == files {
			if files = l.good.units[unit]; files == nil {
				continue
			}
		}
		chosen[unit] = files
	}
	return chosen
}

func (l *Loader) load(ctx context.Context, paths []string, chosen map[string]*source.Files) definition.Result {
	l.contents = map[string][]byte{}
	for _, files := range chosen {
		maps.Copy(l.contents, files.Content)
	}
	return l.loader.Load(ctx, append(slices.Clone(paths), foreign(chosen)...))
}

// foreign are the paths of what is stored.
func foreign(chosen map[string]*source.Files) (paths []string) {
	for _, unit := range slices.Sorted(maps.Keys(chosen)) {
		paths = append(paths, chosen[unit].Paths...)
	}
	return paths
}

func (l *Loader) succeeded(chosen map[string]*source.Files, owners *definition.OwnersFiles) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for unit, files := range chosen {
		if l.units[unit] == files {
			// What is served of it is what is stored.
			delete(l.refused, unit)
		}
	}
	l.loaded = together{chosen, owners}
	for unit := range l.refused {
		if l.units[unit] == nil {
			delete(l.refused, unit) // it has been taken away
		}
	}
}

package loading

import (
	"maps"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/management/source"
)

// heldFiles are files of this machine that load, and that the translation or an Envoy
// refuses. Whoever writes them may take time to mend them, and what is stored does not
// wait: it is served beside the files as they were served at last.
type heldFiles struct {
	files *definition.OwnersFiles
	// found is why they were refused.
	found gateway.Diagnostics
	// over tells that those before them are loaded in their place. Until something stored
	// changes they are not: that they are refused is what there is to tell.
	over bool
}

// hold takes in that the files of a load were refused. It reports whether something was
// refused with them that can go on beside those before them. It needs mu.
func (l *Loader) hold(loaded together, found gateway.Diagnostics) (again bool) {
	over := l.held.over && l.held.files.Same(loaded.owners)
	l.held = heldFiles{files: loaded.owners, found: found, over: over}
	return !over && l.good.owners != nil && !maps.Equal(loaded.units, l.good.units)
}

// before gives the files of this machine that stand in for those of a load, and what is
// wrong with these; nil for none: the load is good, or nothing else has changed.
func (l *Loader) before(result definition.Result, chosen map[string]*source.Files) (before *definition.OwnersFiles, wrong gateway.Diagnostics) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if result.Snapshot == nil {
		if maps.Equal(chosen, l.loaded.units) {
			return nil, nil
		}
		before = l.loaded.owners
		if l.held.files != nil && l.held.files.Same(before) {
			before = l.good.owners
		}
		return before, result.Diagnostics
	}
	if l.held.files == nil {
		return nil, nil
	}
	if !l.held.files.Same(result.Owners) {
		l.held = heldFiles{} // They have changed, and are to be tried.
		return nil, nil
	}
	if !l.held.over && maps.Equal(chosen, l.good.units) {
		return nil, nil
	}
	l.held.over = l.good.owners != nil
	return l.good.owners, l.held.found
}

// tellHeld warns of what is wrong with files that others stand in for.
func tellHeld(ds *gateway.Diagnostics, wrong gateway.Diagnostics) {
	for _, d := range wrong {
		if d.Severity == gateway.Error {
			ds.Warnf("files-refused", d.Pos, d.Path, d.Hint, "the files are served as they were before: %s: %s", d.Code, d.Message)
		}
	}
}

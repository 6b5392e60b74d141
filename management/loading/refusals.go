package loading

import (
	"maps"
	"slices"

	"gatehouse/gateway"
	"gatehouse/management/source"
)

// refusal is a unit that cannot be served as it is stored.
type refusal struct {
	files *source.Files
	found gateway.Diagnostics
	// suspect tells that one of several units was refused, and nobody said which.
	suspect bool
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
		if files == l.good.units[unit] {
			// Not even that can be served any more, beside what else there is now.
			delete(l.good.units, unit)
		}
		if l.units[unit] == files {
			l.giveUp(unit, refusal{files: files, found: problems})
		}
	}
	return changed
}

// giveUp needs mu.
func (l *Loader) giveUp(unit string, r refusal) {
	l.refused[unit] = r
	for _, d := range r.found {
		l.log.Error("what the management API keeps is not served", "what", unit, "servingBefore", l.good.units[unit] != nil, "suspect", r.suspect, "diagnostic", d.String())
	}
}

// Refuse gives up what errors are about that were found after it was loaded, by the
// translation or by an Envoy: what is stored, or the files of this machine. The one does
// not wait for the other. It reports whether to load again.
func (l *Loader) Refuse(ds gateway.Diagnostics) bool {
	l.mu.Lock()
	loaded := l.loaded
	l.mu.Unlock()
	again := l.refuse(ds, loaded.units)
	others := slices.DeleteFunc(slices.Clone(ds), func(d gateway.Diagnostic) bool {
		return d.Severity != gateway.Error || source.IsVirtual(d.Pos.File)
	})
	if len(others) == 0 {
		return again
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !loaded.owners.Same(l.good.owners) {
		return l.hold(loaded, others) || again
	}
	// The files have been served as they are: something that has come beside them does not
	// go with them. A listener, for one, is at a line of a file, and has certificates of
	// domains that are stored.
	return again || l.suspect(loaded, others)
}

// suspect gives up all that has been stored since what was served at last. Served has
// one after the other tried again. It needs mu.
func (l *Loader) suspect(loaded together, found gateway.Diagnostics) bool {
	var suspects []string
	for unit, files := range loaded.units {
		if files != l.good.units[unit] && l.units[unit] == files {
			suspects = append(suspects, unit)
		}
	}
	for _, unit := range suspects {
		l.giveUp(unit, refusal{files: loaded.units[unit], found: found, suspect: len(suspects) > 1})
	}
	if len(suspects) == 1 {
		// It may be what files were blamed for.
		l.held = heldFiles{}
	}
	return len(suspects) > 0
}

// Served tells that what was loaded last is served. It reports whether to load again:
// there is something that was refused together with others.
func (l *Loader) Served() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.good = together{maps.Clone(l.loaded.units), l.loaded.owners}
	for _, unit := range slices.Sorted(maps.Keys(l.refused)) {
		if r := l.refused[unit]; r.suspect && l.units[unit] == r.files {
			delete(l.refused, unit)
			return true
		}
	}
	return false
}

// Retry has what was refused tried again: the files that it refers to, or an Envoy, may
// have changed. Files of this machine are tried again without it when they change; held
// has them tried as they are.
func (l *Loader) Retry(held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.refused)
	if held {
		l.held = heldFiles{}
	}
}

// warnings tells of what is stored and not served.
func (l *Loader) warnings() (ds gateway.Diagnostics) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, unit := range slices.Sorted(maps.Keys(l.refused)) {
		for _, d := range l.refused[unit].found {
			pos := d.Pos
			if !source.IsVirtual(pos.File) {
				pos = gateway.Position{File: source.Prefix + unit}
			}
			ds.Warnf("stored-api-refused", pos, d.Path, d.Hint, "it is not served as it is stored: %s: %s", d.Code, d.Message)
		}
	}
	for _, unit := range slices.Sorted(maps.Keys(l.problems)) {
		ds.Warnf("stored-api-refused", gateway.Position{File: source.Prefix + unit}, "", "", "it is not served as it is stored: %v", l.problems[unit])
	}
	return ds
}

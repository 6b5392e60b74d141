package source

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"gatehouse/management/store"
)

// A Renderer renders what is kept, again and again: what has not changed is rendered
// once. It is safe for concurrent use.
type Renderer struct {
	mu sync.Mutex
	// apis are the files of each API by the key of its document, accounts those of what
	// the APIs of a region share: by region, and domains and portals by the keys of their
	// documents.
	apis, accounts map[string]*Files
	problems       map[string]error
}

// NewRenderer returns a Renderer that has rendered nothing yet.
func NewRenderer() *Renderer {
	return &Renderer{apis: map[string]*Files{}, accounts: map[string]*Files{}, problems: map[string]error{}}
}

// Render renders what has changed since the last time: the documents with these keys, or
// all when there is no list. One broken API does not keep the others from being rendered;
// an error means that the store could not be read.
func (r *Renderer) Render(reader store.Reader, changed []string) (Files, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	units := map[string]bool{}
	if changed == nil {
		entries, err := reader.List("")
		if err != nil {
			return Files{}, err
		}
		for _, known := range []map[string]*Files{r.apis, r.accounts} {
			for unit := range known {
				units[unit] = true
			}
		}
		for _, e := range entries {
			units[unitOf(e.Key)] = true
		}
	}
	for _, key := range changed {
		unit := unitOf(key)
		units[unit] = true
		// A domain may tell of an API's stages.
		for other, files := range r.accounts {
			if slices.Contains(files.follows, unit) {
				units[other] = true
			}
		}
	}
	for _, unit := range slices.Sorted(maps.Keys(units)) {
		if err := r.renderUnit(reader, unit); err != nil {
			return Files{}, err
		}
	}
	return r.all(), nil
}

// unitOf gives what has to be rendered again for a key: the key of an API's document, of a
// domain's or a portal's, or a region.
func unitOf(key string) string {
	parts := strings.SplitN(key, "/", 4)
	if len(parts) >= 3 && (parts[1] == restKind || parts[1] == httpKind || parts[1] == portalKind) {
		return strings.Join(parts[:3], "/")
	}
	if len(parts) >= 3 && (parts[1] == domainKind || parts[1] == mappingKind || parts[1] == ruleKind) {
		return parts[0] + "/" + domainKind + "/" + parts[2]
	}
	return parts[0]
}

// Kinds of APIs, as their keys have them.
const (
	restKind = "restapis"
	httpKind = "apis"
)

// What is kept of domains.
const (
	domainKind  = "domainnames"
	mappingKind = "basepathmappings"
	ruleKind    = "routingrules"
)

// portalKind is what is kept of portals, and served.
const portalKind = "portals"

// IsAPI tells the units that are APIs.
func IsAPI(unit string) bool {
	return strings.Contains(unit, "/"+restKind+"/") || strings.Contains(unit, "/"+httpKind+"/")
}

// IsPortal tells the units that are portals.
func IsPortal(unit string) bool { return strings.Contains(unit, "/"+portalKind+"/") }

// Unit renders an API, a domain or a portal by the key of its document, or what else the APIs of a
// region share by the region. What is not there has no files.
func Unit(reader store.Reader, unit string) (Files, error) {
	switch {
	case IsAPI(unit):
		return API(reader, unit)
	case strings.Contains(unit, "/"+domainKind+"/"):
		return domainFiles(reader, unit)
	case IsPortal(unit):
		return portalFiles(reader, unit)
	}
	return account(reader, unit)
}

func (r *Renderer) renderUnit(reader store.Reader, unit string) error {
	known := r.apis
	if !IsAPI(unit) {
		known = r.accounts
	}
	files, err := Unit(reader, unit)
	var broken *brokenError
	switch {
	case errors.As(err, &broken):
		r.problems[unit] = broken.cause
		return nil
	case err != nil:
		return err
	}
	delete(r.problems, unit)
	if len(files.Paths) == 0 {
		delete(known, unit)
		return nil
	}
	if old := known[unit]; old == nil || !old.same(files) {
		known[unit] = &files
	}
	return nil
}

// Units are the files, as they were rendered last, of each API, domain and portal by the key
// of its document, and of what else the APIs of a region share by the region. Those that have not changed are
// the same pointers as before; what they point to is not to be changed.
func (r *Renderer) Units() map[string]*Files {
	r.mu.Lock()
	defer r.mu.Unlock()
	units := maps.Clone(r.apis)
	maps.Copy(units, r.accounts)
	return units
}

// UnitOf gives the key of Units for the name of a virtual file.
func UnitOf(file string) string { return unitOf(strings.TrimPrefix(file, Prefix)) }

func (r *Renderer) all() Files {
	out := newFiles()
	for _, known := range []map[string]*Files{r.apis, r.accounts} {
		for _, unit := range slices.Sorted(maps.Keys(known)) {
			out.Add(*known[unit])
		}
	}
	maps.Copy(out.Problems, r.problems)
	return out.sorted()
}

// A brokenError is about a document that was read but makes no sense, so that reading it
// again is of no use.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return e.cause.Error() }
func (e *brokenError) Unwrap() error { return e.cause }

// API renders one API, by the key of its document, such as
// "eu-west-1/restapis/a1b2c3d4e5". One that is not there, or has no stages, has no files.
func API(reader store.Reader, key string) (Files, error) {
	parts := strings.Split(key, "/")
	if len(parts) == 3 && parts[1] == httpKind {
		return httpAPI(reader, key)
	}
	return restAPI(reader, key)
}

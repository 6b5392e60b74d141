// Package difference tells how two sets of definitions differ, in the words of API
// Gateway: which APIs, stages and routes are new, are gone, or have changed, and how.
// Where something is written, and in which order what has none, is no difference.
package difference

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gatehouse/gateway"
)

// Kind is what has happened to a part.
type Kind string

// The kinds of changes.
const (
	Added   Kind = "added"
	Removed Kind = "removed"
	Changed Kind = "changed"
)

// Change is one difference.
type Change struct {
	Kind Kind `json:"kind"`
	// What is the part, from the outside in, such as "API petstore", "stage v1",
	// "route GET /pets".
	What []string `json:"what"`
	// From and To are the values of what has changed, as they are shown.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// String tells the change in one line.
func (c Change) String() string {
	s := string(c.Kind) + ": " + strings.Join(c.What, ", ")
	if c.Kind == Changed {
		s += ": " + c.From + " -> " + c.To
	}
	return s
}

// Between tells what has to change in one snapshot to make it the other.
func Between(before, after *gateway.Snapshot) []Change {
	var w walk
	w.values(nil, reflect.ValueOf(*before), reflect.ValueOf(*after))
	return w.changes
}

type walk struct {
	changes []Change
	// protocol is that of the deployment under way.
	protocol gateway.Protocol
}

func (w *walk) add(kind Kind, at []string, from, to string) {
	w.changes = append(w.changes, Change{kind, slices.Clone(at), from, to})
}

// changed shows two values that differ.
func (w *walk) changed(at []string, a, b reflect.Value) {
	from, to := shorter(shown(a), shown(b))
	w.add(Changed, at, from, to)
}

// orderedTexts are the lists of texts whose order counts, by the name of the field: functions
// are told of identity sources in it.
var orderedTexts = map[string]bool{"IdentitySources": true}

var (
	secretType   = reflect.TypeFor[gateway.Secret]()
	positionType = reflect.TypeFor[gateway.Position]()
	textType     = reflect.TypeFor[gateway.TextSource]()
)

// values compares two values of one type.
func (w *walk) values(at []string, a, b reflect.Value) {
	switch a.Kind() {
	case reflect.Struct:
		w.structs(at, a, b)
	case reflect.Pointer:
		w.pointers(at, a, b)
	case reflect.Slice:
		w.lists(at, a, b)
	case reflect.Map:
		w.maps(at, a, b)
	default:
		if !a.Equal(b) {
			w.changed(at, a, b)
		}
	}
}

func (w *walk) structs(at []string, a, b reflect.Value) {
	t := a.Type()
	if t == positionType || t == textType {
		return
	}
	a, b = w.leftOut(a), w.leftOut(b)
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || isPlace(f.Type) {
			continue
		}
		if orderedTexts[f.Name] {
			w.whole(w.below(at, t, f), a.Field(i), b.Field(i))
			continue
		}
		w.values(w.below(at, t, f), a.Field(i), b.Field(i))
	}
}

// isPlace tells fields that say where something is written.
func isPlace(t reflect.Type) bool {
	return t == positionType || t == textType || t.Kind() == reflect.Map && t.Elem() == textType
}

// below is the way to a field. Lists name their elements themselves, and a deployment is
// what a stage does, no part of it.
func (w *walk) below(at []string, owner reflect.Type, f reflect.StructField) []string {
	if f.Type.Kind() == reflect.Slice && keys[f.Type.Elem()].of != nil {
		return at
	}
	if f.Type == reflect.TypeFor[*gateway.Deployment]() && owner == reflect.TypeFor[gateway.Stage]() {
		return at
	}
	return append(slices.Clip(at), words(f.Name))
}

func (w *walk) pointers(at []string, a, b reflect.Value) {
	switch {
	case a.IsNil() && b.IsNil():
	case a.IsNil() != b.IsNil():
		one, kind := a, Removed
		if a.IsNil() {
			one, kind = b, Added
		}
		if one.Elem().Kind() == reflect.Struct {
			w.add(kind, at, "", "")
			return
		}
		w.changed(at, a, b)
	case sameDeployment(a, b):
	default:
		w.values(at, a.Elem(), b.Elem())
	}
}

// sameDeployment spares what is known to be the same: there may be thousands of routes.
func sameDeployment(a, b reflect.Value) bool {
	x, ok := a.Interface().(*gateway.Deployment)
	if !ok {
		return false
	}
	y, _ := b.Interface().(*gateway.Deployment)
	return x == y || x.Hash() != "" && x.Hash() == y.Hash()
}

func (w *walk) lists(at []string, a, b reflect.Value) {
	if x, ok := a.Interface().([]string); ok {
		// All other lists of texts in the model are sets, such as headers and scopes.
		y, _ := b.Interface().([]string)
		if slices.Equal(slices.Sorted(slices.Values(x)), slices.Sorted(slices.Values(y))) {
			return
		}
	}
	key := keys[a.Type().Elem()]
	before, after := byKey(key, a), byKey(key, b)
	if before == nil || after == nil {
		// What has no names of its own is compared as a whole.
		w.whole(at, a, b)
		return
	}
	for i := range a.Len() {
		name := key.of(a.Index(i))
		to := append(slices.Clip(at), strings.TrimSpace(key.noun+" "+name))
		if other, stays := after[name]; stays {
			w.values(to, a.Index(i), other)
			continue
		}
		w.add(Removed, to, "", "")
	}
	for i := range b.Len() {
		name := key.of(b.Index(i))
		if _, known := before[name]; !known {
			w.add(Added, append(slices.Clip(at), strings.TrimSpace(key.noun+" "+name)), "", "")
		}
	}
	if key.ordered {
		w.order(at, key, a, b, before, after)
	}
}

// order compares the order of what both lists have.
func (w *walk) order(at []string, key keyed, a, b reflect.Value, before, after map[string]reflect.Value) {
	inBoth := func(list reflect.Value) (names []string) {
		for i := range list.Len() {
			name := key.of(list.Index(i))
			_, was := before[name]
			if _, is := after[name]; was && is && name != theRest {
				names = append(names, name)
			}
		}
		return names
	}
	if x, y := inBoth(a), inBoth(b); !slices.Equal(x, y) {
		from, to := shorter(fmt.Sprintf("%q", x), fmt.Sprintf("%q", y))
		w.add(Changed, append(slices.Clip(at), "order"), from, to)
	}
}

// whole compares two values as a whole.
func (w *walk) whole(at []string, a, b reflect.Value) {
	if gateway.ContentHash(a.Interface()) != gateway.ContentHash(b.Interface()) {
		w.changed(at, a, b)
	}
}

// byKey gives the elements of a list by their names; nil if they have none, or one twice.
func byKey(key keyed, list reflect.Value) map[string]reflect.Value {
	if key.of == nil {
		return nil
	}
	out := map[string]reflect.Value{}
	for i := range list.Len() {
		name := key.of(list.Index(i))
		if _, twice := out[name]; twice {
			return nil
		}
		out[name] = list.Index(i)
	}
	return out
}

func (w *walk) maps(at []string, a, b reflect.Value) {
	names := map[string]bool{}
	for _, m := range []reflect.Value{a, b} {
		for _, k := range m.MapKeys() {
			names[k.String()] = true
		}
	}
	for _, name := range sortedNames(names) {
		k := reflect.ValueOf(name).Convert(a.Type().Key())
		from, to := a.MapIndex(k), b.MapIndex(k)
		here := append(slices.Clip(at), name)
		switch {
		case !from.IsValid():
			w.add(Added, here, "", "")
		case !to.IsValid():
			w.add(Removed, here, "", "")
		default:
			w.values(here, from, to)
		}
	}
}

func sortedNames(names map[string]bool) []string {
	out := make([]string, 0, len(names))
	for name := range names {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// maxShown is how much of a value is shown, in characters, and shownBefore how much of that
// where both are the same.
const maxShown, shownBefore = 100, 20

// shorter cuts two texts where one is too long, so that what differs is seen.
func shorter(from, to string) (string, string) {
	a, b := []rune(from), []rune(to)
	if max(len(a), len(b)) <= maxShown {
		return from, to
	}
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	cut := func(text []rune) string {
		before, after := "", ""
		if skipped := same - shownBefore; skipped > 0 {
			before, text = "…", text[skipped:]
		}
		if len(text) > maxShown {
			after, text = "…", text[:maxShown]
		}
		return before + string(text) + after
	}
	return cut(a), cut(b)
}

// shown gives a value as it may be seen, in one line.
func shown(v reflect.Value) string {
	if v.Type() == secretType {
		return "a secret"
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "nothing"
		}
		return shown(v.Elem())
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = shown(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Struct:
		var parts []string
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.IsExported() && !isPlace(f.Type) && !v.Field(i).IsZero() {
				parts = append(parts, words(f.Name)+" "+shown(v.Field(i)))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return fmt.Sprint(v.Interface())
	}
}

// words turns a field's name into words: "RequestParameters" into "request parameters",
// "URI" stays.
func words(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		next := i+1 < len(runes) && unicode.IsLower(runes[i+1]) && string(runes[i+1:]) != "s" // "APIs" is one word
		begins := unicode.IsUpper(r) && (i > 0 && unicode.IsLower(runes[i-1]) || i > 0 && next)
		if begins {
			b.WriteByte(' ')
		}
		if unicode.IsUpper(r) && next {
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

package history

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// Of how many keys and callers a route and a stage keep count in ten minutes.
const (
	routeTop = 32
	stageTop = 64
)

// tops are the keys and callers that asked most.
type tops struct{ keys, callers heavy }

func newTops() *tops { return &tops{} }

func (t *tops) add(r *Request, room int) {
	if r.KeyName != "" {
		t.keys.add(r.KeyName, 1, 0, room)
	}
	if r.Caller != "" {
		t.callers.add(r.Caller, 1, 0, room)
	}
}

func (t *tops) merge(o *tops) {
	t.keys.merge(&o.keys)
	t.callers.merge(&o.callers)
}

func (t *tops) appendTo(b []byte) []byte { return t.callers.appendTo(t.keys.appendTo(b)) }

func (t *tops) mergeEncoded(data []byte) {
	in := &reader{data}
	t.keys.mergeEncoded(in)
	t.callers.mergeEncoded(in)
}

// heavy finds those who ask most among any number, in bounded room: who comes when there
// is no room takes the place of whoever asked least, and inherits that one's count as
// what its own may be too high by (Space-Saving). Those who asked more often than an
// even share of the room are never missing.
type heavy struct {
	at    map[string]int
	names []Count
	// missed is the count that somebody who is not there may have at most.
	missed uint64
}

func (h *heavy) add(name string, n, over uint64, room int) {
	if i, ok := h.at[name]; ok {
		h.names[i].Count += n
		h.names[i].Over += over
		return
	}
	if h.at == nil {
		h.at = map[string]int{}
	}
	if len(h.names) < room {
		h.at[name] = len(h.names)
		h.names = append(h.names, Count{Name: name, Count: n + h.missed, Over: over + h.missed})
		return
	}
	least := 0
	for i := range h.names {
		if h.names[i].Count < h.names[least].Count {
			least = i
		}
	}
	delete(h.at, h.names[least].Name)
	h.at[name] = least
	h.missed = max(h.missed, h.names[least].Count)
	h.names[least] = Count{Name: name, Count: h.missed + n, Over: h.missed + over}
}

// merge adds another's counts. Who is in one alone may have been missed in the other.
func (h *heavy) merge(o *heavy) {
	all := make(map[string]Count, len(h.names)+len(o.names))
	for _, c := range h.names {
		if _, both := o.at[c.Name]; !both {
			c.Count, c.Over = c.Count+o.missed, c.Over+o.missed
		}
		all[c.Name] = c
	}
	for _, c := range o.names {
		if before, both := all[c.Name]; both {
			c.Count, c.Over = c.Count+before.Count, c.Over+before.Over
		} else {
			c.Count, c.Over = c.Count+h.missed, c.Over+h.missed
		}
		all[c.Name] = c
	}
	merged := make([]Count, 0, len(all))
	for _, c := range all {
		merged = append(merged, c)
	}
	missed := h.missed + o.missed
	sortCounts(merged)
	if len(merged) > stageTop {
		missed = max(missed, merged[stageTop].Count)
		merged = merged[:stageTop]
	}
	*h = heavy{at: make(map[string]int, len(merged)), names: merged, missed: missed}
	for i, c := range merged {
		h.at[c.Name] = i
	}
}

// sortCounts puts those first that surely asked most.
func sortCounts(all []Count) {
	slices.SortFunc(all, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Over, b.Over), cmp.Compare(a.Name, b.Name))
	})
}

func (h *heavy) appendTo(b []byte) []byte {
	sortCounts(h.names)
	for i, c := range h.names {
		h.at[c.Name] = i
	}
	b = binary.AppendUvarint(b, h.missed)
	b = binary.AppendUvarint(b, uint64(len(h.names)))
	for _, c := range h.names {
		b = appendText(b, c.Name)
		b = binary.AppendUvarint(b, c.Count)
		b = binary.AppendUvarint(b, c.Over)
	}
	return b
}

func (h *heavy) mergeEncoded(in *reader) {
	o := heavy{missed: in.uvarint()}
	n := in.uvarint()
	o.at, o.names = make(map[string]int, n), make([]Count, 0, n)
	for range n {
		c := Count{Name: in.text()}
		c.Count = in.uvarint()
		c.Over = in.uvarint()
		o.at[c.Name] = len(o.names)
		o.names = append(o.names, c)
	}
	h.merge(&o)
}

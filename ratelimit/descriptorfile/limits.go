package descriptorfile

import (
	"strconv"
	"strings"

	"gatehouse/ratelimit"
)

// An Entry is one key of a descriptor with its value, as a request has it.
type Entry struct{ Key, Value string }

// Limit is what a file says of one descriptor.
type Limit struct {
	// Name is empty where no other limit refers to this one.
	Name string
	// Replaces are the names of limits that do not count where this one does.
	Replaces []string
	// Unlimited lets everything through; Unit and Requests are then unset.
	Unlimited bool
	Unit      ratelimit.Period
	Requests  int64
	// Shadow counts, but refuses nothing.
	Shadow bool
}

// Limits are those of all files.
type Limits struct{ domains map[string]*node }

// node is a place in the tree of descriptors.
type node struct {
	limit *Limit
	// exact are the children with a value, any those without, by key.
	exact map[Entry]*node
	any   map[string]*node
	// wildcards are the children whose value ends in *, in the order of the file; their
	// value is without it.
	wildcards []wildcard
}

type wildcard struct {
	Entry
	*node
}

// HasDomain reports whether a file is about the domain.
func (l *Limits) HasDomain(domain string) bool { return l.domains[domain] != nil }

// Find gives the limit of a descriptor and the name of its counter, or nil. All entries
// must match, in their order: a limit further up in the file does not hold for longer
// descriptors. An exact value goes before a wildcard, and that before no value.
func (l *Limits) Find(domain string, entries []Entry) (*Limit, string) {
	at := l.domains[domain]
	if len(entries) == 0 {
		return nil, ""
	}
	for _, e := range entries {
		if at == nil {
			return nil, ""
		}
		at = at.child(e)
	}
	if at == nil || at.limit == nil {
		return nil, ""
	}
	return at.limit, counter(domain, entries, at.limit.Unit)
}

func (n *node) child(e Entry) *node {
	if found := n.exact[e]; found != nil {
		return found
	}
	for _, w := range n.wildcards {
		if w.Key == e.Key && strings.HasPrefix(e.Value, w.Value) {
			return w.node
		}
	}
	return n.any[e.Key]
}

// counter names what is counted: each value for itself, also where the file has a
// wildcard or no value. Texts come from callers, so each is written with its length:
// no two descriptors share a counter.
func counter(domain string, entries []Entry, unit ratelimit.Period) string {
	var b strings.Builder
	b.WriteString("file/" + string(unit))
	write := func(text string) {
		b.WriteString("/" + strconv.Itoa(len(text)) + ":" + text)
	}
	write(domain)
	for _, e := range entries {
		write(e.Key)
		write(e.Value)
	}
	return b.String()
}

package descriptorfile

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"

	"gatehouse/ratelimit"
)

// entry is one key of a descriptor, as a request has it.
type entry = commonv3.RateLimitDescriptor_Entry

// Limit is what a file says of one descriptor.
type Limit struct {
	// Domain and Path say where in the files it is, for people: keys with their values.
	Domain, Path string
	// Name is empty where no other limit refers to this one.
	Name string
	// Replaces are the names of limits that do not count where this one does.
	Replaces []string
	// Unlimited lets everything through; Unit and Requests are then unset.
	Unlimited bool
	Unit      Unit
	Requests  uint32
	// Shadow counts, but refuses nothing. Quota is the same, and has Envoy told of what
	// would have been refused.
	Shadow, Quota bool
}

// Unit is what a limit is per.
type Unit ratelimitv3.RateLimitResponse_RateLimit_Unit

// period is what is counted in: the windows of the reference service.
func (u Unit) period() ratelimit.Period {
	switch ratelimitv3.RateLimitResponse_RateLimit_Unit(u) {
	case ratelimitv3.RateLimitResponse_RateLimit_SECOND:
		return ratelimit.Second
	case ratelimitv3.RateLimitResponse_RateLimit_MINUTE:
		return ratelimit.Minute
	case ratelimitv3.RateLimitResponse_RateLimit_HOUR:
		return ratelimit.Hour
	case ratelimitv3.RateLimitResponse_RateLimit_DAY:
		return ratelimit.Day
	case ratelimitv3.RateLimitResponse_RateLimit_WEEK:
		return ratelimit.Days7
	case ratelimitv3.RateLimitResponse_RateLimit_MONTH:
		return ratelimit.Days30
	case ratelimitv3.RateLimitResponse_RateLimit_YEAR:
		return ratelimit.Days365
	}
	return ""
}

// Limits are those of all files. They are immutable.
type Limits struct {
	domains map[string]*node
	// all are the limits in the order of the files.
	all []*Limit
}

// node is a place in the tree of descriptors.
type node struct {
	limit *Limit
	// exact are the children with a value, any those without, by key.
	exact map[pair]*node
	any   map[string]*node
	// wildcards are the children whose value ends in *, in the order of the file; their
	// value is without it.
	wildcards []wildcard
	// sharedAs is the value that all counts of a wildcard are under, "" for their own.
	sharedAs string
}

type pair struct{ key, value string }

type wildcard struct {
	pair
	*node
}

// Domains are the names of the domains, sorted.
func (l *Limits) Domains() []string {
	names := make([]string, 0, len(l.domains))
	for name := range l.domains {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// find gives the limit of a descriptor and the name of its counter, or nil. All entries
// must match, in their order: a limit further up in the file does not hold for longer
// descriptors. An exact value goes before a wildcard, and that before no value.
func (l *Limits) find(domain string, entries []*entry) (*Limit, string) {
	at := l.domains[domain]
	if at == nil || len(entries) == 0 {
		return nil, ""
	}
	// values are those that are counted under, where they are not the entries' own.
	var values []string
	for i, e := range entries {
		if at = at.child(e); at == nil {
			return nil, ""
		}
		if at.sharedAs != "" {
			if values == nil {
				values = make([]string, len(entries))
			}
			values[i] = at.sharedAs
		}
	}
	switch {
	case at.limit == nil:
		return nil, ""
	case at.limit.Unlimited:
		return at.limit, ""
	}
	return at.limit, counter(domain, entries, values, at.limit.Unit)
}

func (n *node) child(e *entry) *node {
	if found := n.exact[pair{e.GetKey(), e.GetValue()}]; found != nil {
		return found
	}
	for i := range n.wildcards {
		if w := &n.wildcards[i]; w.key == e.GetKey() && strings.HasPrefix(e.GetValue(), w.value) {
			return w.node
		}
	}
	return n.any[e.GetKey()]
}

// longestCounter bounds names of counters. Longer ones are hashed: callers decide how
// long they are.
const longestCounter = 200

// counter names what is counted: each value for itself, also where the file has a
// wildcard or no value. Texts come from callers, so each is written with its length:
// no two descriptors share a counter. The limit is not in it, so that what was counted
// stays when that is changed.
func counter(domain string, entries []*entry, values []string, unit Unit) string {
	var buffer [longestCounter]byte
	b := append(buffer[:0], "file/"...)
	b = strconv.AppendInt(b, int64(unit), 10)
	write := func(text string) {
		b = append(b, '/')
		b = strconv.AppendInt(b, int64(len(text)), 10)
		b = append(b, ':')
		b = append(b, text...)
	}
	write(domain)
	for i, e := range entries {
		value := e.GetValue()
		if values != nil && values[i] != "" {
			value = values[i]
		}
		write(e.GetKey())
		write(value)
	}
	if len(b) > longestCounter {
		sum := sha256.Sum256(b)
		return "file/" + hex.EncodeToString(sum[:])
	}
	return string(b)
}

package descriptorfile

import (
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
	"gatehouse/internal/wire"
	"gatehouse/ratelimit"
)

// maxRequests is the most that the answer to Envoy can name.
const maxRequests = 1<<32 - 1

// File is a file that was read.
type File struct {
	Name string
	Data []byte
}

// Parse reads files. Where there are errors, the limits are nil.
func Parse(files []File) (*Limits, gateway.Diagnostics) {
	p := parser{limits: &Limits{domains: map[string]*node{}}, from: map[string]gateway.Position{}}
	for _, f := range files {
		if doc, ok := source.Parse(f.Name, f.Data, source.Environment{}, &p.diags); ok {
			p.file(doc.Root())
		}
	}
	p.diags.Sort()
	if p.diags.HasErrors() {
		return nil, p.diags
	}
	return p.limits, p.diags
}

type parser struct {
	diags  gateway.Diagnostics
	limits *Limits
	// from is where each domain was written.
	from map[string]gateway.Position
}

func (p *parser) file(v source.Value) {
	o := v.Object()
	domain := o.RequireText("domain")
	root := &node{}
	root.children(o.Get("descriptors"))
	o.Done()
	switch at, taken := p.from[domain]; {
	case domain == "": // reported
	case domain == wire.LimitDomain:
		o.Get("domain").Errorf("reserved-domain", "choose another name, here and in Envoy's filter", "the domain %q is that of definitions", domain)
	case taken:
		o.Get("domain").Errorf("duplicate-domain", "put all descriptors of a domain in one file", "the domain %q is already that of %s", domain, at)
	default:
		p.limits.domains[domain], p.from[domain] = root, o.Get("domain").Pos()
	}
}

// children reads a list of descriptors.
func (n *node) children(v source.Value) {
	n.exact, n.any = map[Entry]*node{}, map[string]*node{}
	seen := map[Entry]gateway.Position{}
	for _, item := range v.List() {
		o := item.Object()
		e := Entry{o.RequireText("key"), o.Get("value").Text()}
		child := &node{limit: limitOf(o)}
		child.children(o.Get("descriptors"))
		unsupported(o, "detailed_metric")
		unsupported(o, "value_to_metric")
		o.Done()
		if at, taken := seen[e]; taken && e.Key != "" {
			item.Errorf("duplicate-descriptor", "put what belongs to it in one place", "the same key and value are already at %s", at)
			continue
		}
		seen[e] = item.Pos()
		prefix, isWildcard := strings.CutSuffix(e.Value, "*")
		switch {
		case e.Value == "":
			n.any[e.Key] = child
		case isWildcard:
			n.wildcards = append(n.wildcards, wildcard{Entry{e.Key, prefix}, child})
		default:
			n.exact[e] = child
		}
	}
}

// unsupported refuses what the reference service names its own statistics by.
func unsupported(o *source.Object, key string) {
	if v := o.Get(key); v.Bool(false) {
		v.Errorf("unsupported-metric", "leave it out", "%s would put what callers send into the names of metrics", key)
	}
}

// limitOf reads what a descriptor says of its limit, or nil.
func limitOf(o *source.Object) *Limit {
	shadow := o.Get("shadow_mode")
	v := o.Get("rate_limit")
	l := &Limit{Shadow: shadow.Bool(false)}
	if v.IsNull() {
		if l.Shadow {
			shadow.Errorf("conflicting-keys", "add rate_limit, or leave shadow_mode out", "shadow_mode is for descriptors with a rate_limit")
		}
		return nil
	}
	r := v.Object()
	l.Name = r.Get("name").Text()
	if l.Unlimited = r.Get("unlimited").Bool(false); l.Unlimited {
		for _, key := range []string{"unit", "requests_per_unit"} {
			if also := r.Get(key); also.Exists() {
				also.Errorf("conflicting-keys", "leave one of them out", "%s makes no sense with unlimited", key)
			}
		}
	} else {
		unit := r.Require("unit").OneOf("second", "minute", "hour", "day", "week", "month", "year")
		l.Unit = ratelimit.Period(strings.ToUpper(unit))
		l.Requests = r.Require("requests_per_unit").Int(0, 0, maxRequests)
	}
	for _, item := range r.Get("replaces").List() {
		other := item.Object()
		name := other.RequireText("name")
		other.Done()
		if name != "" && name == l.Name {
			item.Errorf("replaces-itself", "name another limit", "the limit %q replaces itself", name)
		}
		l.Replaces = append(l.Replaces, name)
	}
	r.Done()
	return l
}

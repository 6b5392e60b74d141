package descriptorfile

import (
	"strconv"
	"strings"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"

	"gatehouse/definition/source"
	"gatehouse/gateway"
	"gatehouse/internal/wire"
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

	// domain is the one that is read. Its limits have the names, and replace others:
	// these are looked for when all of it is read.
	domain   string
	names    map[string]bool
	replaced []replacement
}

type replacement struct {
	source.Value
	name string
}

func (p *parser) file(v source.Value) {
	o := v.Object()
	p.domain, p.names, p.replaced = o.RequireText("domain"), map[string]bool{}, nil
	root := &node{}
	p.children(root, o.Get("descriptors"), "")
	o.Done()
	for _, r := range p.replaced {
		if !p.names[r.name] {
			r.Warnf("no-effect", "correct the name, or leave it out", "no limit of this file has the name %q that is to be replaced", r.name)
		}
	}
	switch at, taken := p.from[p.domain]; {
	case p.domain == "": // reported
	case p.domain == wire.LimitDomain:
		o.Get("domain").Errorf("reserved-domain", "choose another name, here and in Envoy's filter", "the domain %q is that of definitions", p.domain)
	case taken:
		o.Get("domain").Errorf("duplicate-domain", "put all descriptors of a domain in one file", "the domain %q is already that of %s", p.domain, at)
	default:
		p.limits.domains[p.domain], p.from[p.domain] = root, o.Get("domain").Pos()
	}
}

// children reads a list of descriptors. path is where it stands, for people.
func (p *parser) children(n *node, v source.Value, path string) {
	n.exact, n.any = map[pair]*node{}, map[string]*node{}
	seen := map[pair]gateway.Position{}
	for _, item := range v.List() {
		o := item.Object()
		e := pair{o.RequireText("key"), o.Get("value").Text()}
		at := pathTo(path, e)
		child := &node{limit: p.limitOf(o, at)}
		prefix, isWildcard := strings.CutSuffix(e.value, "*")
		if share := o.Get("share_threshold"); share.Bool(false) {
			if !isWildcard {
				share.Errorf("share-without-wildcard", "end the value in *, or leave share_threshold out", "share_threshold is for values that end in *")
			}
			child.sharedAs = e.value
		}
		p.children(child, o.Get("descriptors"), at)
		for _, key := range []string{"detailed_metric", "value_to_metric"} {
			if metric := o.Get(key); metric.Bool(false) {
				metric.Warnf("unsupported-metric", "", "metrics are named by what the file says: %s would put what callers send into them", key)
			}
		}
		o.Done()
		if at, taken := seen[e]; taken && e.key != "" {
			item.Errorf("duplicate-descriptor", "put what belongs to it in one place", "the same key and value are already at %s", at)
			continue
		}
		seen[e] = item.Pos()
		switch {
		case e.value == "":
			if strings.HasSuffix(e.key, "*") {
				o.Get("key").Errorf("wildcard-key", "write the key as Envoy sends it; only values may end in *", "the key %q ends in *", e.key)
			}
			n.any[e.key] = child
		case isWildcard:
			n.wildcards = append(n.wildcards, wildcard{pair{e.key, prefix}, child})
			// Whoever sends the wildcard itself means this one, whichever comes first.
			fallthrough
		default:
			n.exact[e] = child
		}
	}
}

// pathTo is unmistakable for each place: text that could be taken for more than one key
// or value is in quotes.
func pathTo(path string, e pair) string {
	plain := func(text string) string {
		if strings.ContainsAny(text, `=,"`) {
			return strconv.Quote(text)
		}
		return text
	}
	if path != "" {
		path += ","
	}
	path += plain(e.key)
	if e.value != "" {
		path += "=" + plain(e.value)
	}
	return path
}

// limitOf reads what a descriptor says of its limit, or nil.
func (p *parser) limitOf(o *source.Object, path string) *Limit {
	shadow, quota, v := o.Get("shadow_mode"), o.Get("quota_mode"), o.Get("rate_limit")
	l := &Limit{Domain: p.domain, Path: path, Shadow: shadow.Bool(false), Quota: quota.Bool(false)}
	r := v.Object()
	unlimited := r.Get("unlimited")
	l.Unlimited = unlimited.Bool(false)
	for _, mode := range []struct {
		source.Value
		name string
		set  bool
	}{{shadow, "shadow_mode", l.Shadow}, {quota, "quota_mode", l.Quota}} {
		if mode.set && (v.IsNull() || l.Unlimited) {
			mode.Warnf("no-effect", "put it beside the rate_limit that it is for", "%s does nothing here: there is no limit at this descriptor, and it does not go over to those below", mode.name)
		}
	}
	if v.IsNull() {
		return nil
	}
	l.Name = r.Get("name").Text()
	p.names[l.Name] = true
	if l.Unlimited {
		if unit := r.Get("unit"); !unit.IsNull() {
			unit.Errorf("conflicting-keys", "leave one of them out", "unit makes no sense with unlimited")
		}
		if requests := r.Get("requests_per_unit"); !requests.IsNull() {
			requests.Warnf("no-effect", "leave it out", "requests_per_unit does nothing beside unlimited")
		}
	} else {
		unit := r.Require("unit").OneOf("second", "minute", "hour", "day", "week", "month", "year")
		l.Unit = Unit(ratelimitv3.RateLimitResponse_RateLimit_Unit_value[strings.ToUpper(unit)])
		l.Requests = uint32(r.Require("requests_per_unit").Int(0, 0, maxRequests))
	}
	for _, item := range r.Get("replaces").List() {
		other := item.Object()
		name := other.RequireText("name")
		other.Done()
		switch {
		case name == "": // reported
		case name == l.Name:
			item.Errorf("replaces-itself", "name another limit", "the limit %q replaces itself", name)
		default:
			p.replaced = append(p.replaced, replacement{other.Get("name"), name})
		}
		l.Replaces = append(l.Replaces, name)
	}
	r.Done()
	p.limits.all = append(p.limits.all, l)
	return l
}

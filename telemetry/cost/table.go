package cost

import (
	"bytes"
	"cmp"
	_ "embed" // Amazon's prices are a data file
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// AWS is the name of the table of Amazon's prices that is built in.
const AWS = "aws"

//go:embed aws-us-east-1.yaml
var awsTable []byte

// MaxTableBytes bounds a table's file.
const MaxTableBytes = 1 << 20

// Table is what things cost.
type Table struct {
	Name, Currency string
	Prices         []Price
}

// Price is what one thing costs that is metered.
type Price struct {
	Meter Meter
	// Protocol restricts it to APIs of that: REST, HTTP or WEBSOCKET; empty for all.
	Protocol string
	// Per is how many it takes to cost what the tiers say.
	Per *big.Rat
	// Scope is whose amounts fill a tier before the next is reached, in a month.
	Scope Scope
	// Tiers are from the first unit of a month up. Sizes are for caches, in their place.
	Tiers []Tier
	Sizes []Size
}

// Tier is a price up to an amount.
type Tier struct {
	// UpTo is the last of a month that the price is for; nil for all that come.
	UpTo  *big.Rat
	Price *big.Rat
}

// Size is what an hour of a cache costs that has so many gigabytes at most.
type Size struct{ Gigabytes, Price *big.Rat }

// Scope tells whose amounts are added up to find the tier.
type Scope string

// All APIs and keys of a month have tiers together, as on Amazon; or each API has its own;
// or each API key, as those do who sell to the owners of keys.
const (
	ScopeAll Scope = "all"
	ScopeAPI Scope = "api"
	ScopeKey Scope = "key"
)

// Built-in tables by name.
var builtIn = map[string][]byte{AWS: awsTable}

// BuiltIn gives a table that needs no file.
func BuiltIn(name string) (*Table, bool) {
	text, ok := builtIn[name]
	if !ok {
		return nil, false
	}
	t, err := Parse(text)
	if err != nil {
		panic(fmt.Sprintf("prices of %s: %v", name, err)) // a test reads it
	}
	return t, true
}

// Parse reads a table from YAML, or JSON. The error joins all that is wrong, each as
// "line:column: what".
func Parse(text []byte) (*Table, error) {
	if len(text) > MaxTableBytes {
		return nil, fmt.Errorf("more than %d bytes are too many for a table of prices", MaxTableBytes)
	}
	in := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	if err := in.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("there is nothing in it")
		}
		return nil, err
	}
	if err := in.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("a table of prices is one document")
	}
	return Read(document.Content[0])
}

// Read is Parse of what was parsed already.
func Read(root *yaml.Node) (*Table, error) {
	r := &tableReader{}
	t := r.table(root)
	if err := r.err(); err != nil {
		return nil, err
	}
	return t, nil
}

// tableReader reads a table, and collects what is wrong with it.
type tableReader struct{ mistakes []mistake }

type mistake struct {
	line, column int
	text         string
}

func (r *tableReader) mistake(n *yaml.Node, format string, values ...any) {
	r.mistakes = append(r.mistakes, mistake{n.Line, n.Column, fmt.Sprintf(format, values...)})
}

// err joins the mistakes in the order of the file; nil for none.
func (r *tableReader) err() error {
	slices.SortStableFunc(r.mistakes, func(a, b mistake) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column)) })
	var all []error
	for _, m := range r.mistakes {
		all = append(all, fmt.Errorf("%d:%d: %s", m.line, m.column, m.text))
	}
	return errors.Join(all...)
}

// fields gives what an object has by name. Names other than those known, and those that are
// there twice, are mistakes.
func (r *tableReader) fields(n *yaml.Node, what string, known ...string) map[string]*yaml.Node {
	fields := map[string]*yaml.Node{}
	if n.Kind != yaml.MappingNode {
		r.mistake(n, "%s must be an object with %s", what, strings.Join(known, ", "))
		return fields
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		switch {
		case !slices.Contains(known, name.Value):
			r.mistake(name, "%s has no %q: there are %s", what, name.Value, strings.Join(known, ", "))
		case fields[name.Value] != nil:
			r.mistake(name, "%q is there twice", name.Value)
		default:
			fields[name.Value] = n.Content[i+1]
		}
	}
	return fields
}

// text is a field that must be there.
func (r *tableReader) text(at *yaml.Node, fields map[string]*yaml.Node, name string) string {
	n := fields[name]
	if n == nil || n.Kind != yaml.ScalarNode || n.Value == "" {
		r.mistake(at, "%s is missing", name)
		return ""
	}
	return n.Value
}

// number is a field that is a decimal and not negative; nil where there is none.
func (r *tableReader) number(fields map[string]*yaml.Node, name string) *big.Rat {
	n := fields[name]
	if n == nil {
		return nil
	}
	// Exponents would let a short file ask for numbers that fill the memory.
	if n.Kind == yaml.ScalarNode && len(n.Value) <= 30 && strings.Trim(n.Value, "0123456789.") == "" {
		if value, ok := new(big.Rat).SetString(n.Value); ok {
			return value
		}
	}
	r.mistake(n, "%s must be a number that is not negative, such as 3.50", name)
	return nil
}

// list is a field that is one; it may be missing.
func (r *tableReader) list(fields map[string]*yaml.Node, name string) []*yaml.Node {
	n := fields[name]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.mistake(n, "%s must be a list with something in it", name)
		return nil
	}
	return n.Content
}

// choice is a field that is one of some; the first where it is missing.
func (r *tableReader) choice(fields map[string]*yaml.Node, name string, all ...string) string {
	n := fields[name]
	if n == nil {
		return all[0]
	}
	if !slices.Contains(all, n.Value) {
		some := slices.DeleteFunc(slices.Clone(all), func(one string) bool { return one == "" })
		r.mistake(n, "%s must be one of %s", name, strings.Join(some, ", "))
	}
	return n.Value
}

func (r *tableReader) table(n *yaml.Node) *Table {
	fields := r.fields(n, "a table of prices", "name", "currency", "prices")
	t := &Table{Name: r.text(n, fields, "name"), Currency: r.text(n, fields, "currency")}
	all := r.list(fields, "prices")
	if fields["prices"] == nil {
		r.mistake(n, "prices is missing")
	}
	// Two prices of the same would both be charged, which nobody sees.
	type priced struct {
		meter    Meter
		protocol string
	}
	lines := map[priced]int{}
	for _, one := range all {
		p := r.price(one)
		of := priced{p.Meter, p.Protocol}
		if before := lines[of]; before > 0 && p.Meter.known() {
			r.mistake(one, "%s have a price already, in line %d", strings.TrimSpace(p.Protocol+" "+string(p.Meter)), before)
		}
		lines[of] = one.Line
		t.Prices = append(t.Prices, p)
	}
	return t
}

func (r *tableReader) price(n *yaml.Node) Price {
	fields := r.fields(n, "a price", "meter", "protocol", "per", "tiersOf", "tiers", "sizes")
	p := Price{
		Protocol: r.choice(fields, "protocol", "", "REST", "HTTP", "WEBSOCKET"),
		Scope:    Scope(r.choice(fields, "tiersOf", string(ScopeAll), string(ScopeAPI), string(ScopeKey))),
		Per:      r.number(fields, "per"),
	}
	switch {
	case p.Per == nil:
		p.Per = big.NewRat(1, 1)
	case p.Per.Sign() == 0:
		r.mistake(fields["per"], "per must be more than 0")
		p.Per = big.NewRat(1, 1)
	}
	meter := fields["meter"]
	if meter == nil {
		r.mistake(n, "meter is missing: one of %s", strings.Join(meterNames(), ", "))
	} else if p.Meter = Meter(meter.Value); !p.Meter.known() {
		r.mistake(meter, "there is no meter %q: there are %s", meter.Value, strings.Join(meterNames(), ", "))
	}
	for _, one := range r.list(fields, "tiers") {
		p.Tiers = append(p.Tiers, r.tier(one))
	}
	for _, one := range r.list(fields, "sizes") {
		p.Sizes = append(p.Sizes, r.size(one))
	}
	switch caches := p.Meter == CacheHours; {
	case caches && fields["tiers"] != nil, caches && fields["sizes"] == nil:
		r.mistake(n, "cacheHours have sizes: [{gigabytes: 0.5, price: 0.02}]")
	case !caches && fields["sizes"] != nil, !caches && fields["tiers"] == nil:
		r.mistake(n, "a price has tiers, such as [{price: 3.50}]")
	default:
		r.order(n, &p)
	}
	return p
}

// order holds that tiers and sizes go up, and that the last tier has no end.
func (r *tableReader) order(n *yaml.Node, p *Price) {
	for i, t := range p.Tiers {
		last := i == len(p.Tiers)-1
		switch {
		case last != (t.UpTo == nil):
			r.mistake(n, "every tier but the last has upTo, so that every amount has a price")
			return
		case i > 0 && !last && t.UpTo.Cmp(p.Tiers[i-1].UpTo) <= 0:
			r.mistake(n, "upTo must go up from tier to tier")
			return
		}
	}
	for i := 1; i < len(p.Sizes); i++ {
		before, this := p.Sizes[i-1].Gigabytes, p.Sizes[i].Gigabytes
		if before != nil && this != nil && this.Cmp(before) <= 0 {
			r.mistake(n, "gigabytes must go up from size to size")
			return
		}
	}
}

func (r *tableReader) tier(n *yaml.Node) Tier {
	fields := r.fields(n, "a tier", "upTo", "price")
	t := Tier{UpTo: r.number(fields, "upTo"), Price: r.number(fields, "price")}
	if fields["price"] == nil {
		r.mistake(n, "price is missing")
	}
	return t
}

func (r *tableReader) size(n *yaml.Node) Size {
	fields := r.fields(n, "a size", "gigabytes", "price")
	s := Size{Gigabytes: r.number(fields, "gigabytes"), Price: r.number(fields, "price")}
	for _, name := range []string{"gigabytes", "price"} {
		if fields[name] == nil {
			r.mistake(n, "%s is missing", name)
		}
	}
	return s
}

package cost

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"

	"gatehouse/telemetry/metering"
)

// By says what a bill tells apart, besides months.
type By struct{ API, Stage, Key bool }

// Group is what has a sum of its own on a bill. What is not told apart is empty.
type Group struct {
	// Month is such as 2026-01.
	Month           string
	API, Stage, Key string
}

// Item is what a group has to pay for one thing that is metered.
type Item struct {
	Group
	Meter Meter
	// Protocol is empty where the price is for all.
	Protocol string
	// Amount is how much there was of it, Cost what that costs.
	Amount, Cost *big.Rat
}

// Bill gives what lines cost by a table: an item for each group, and each price of which
// there was something. Months are taken to be whole: a tier is filled by what the lines have
// of one.
//
// Where groups fill a tier together, each pays its part of the whole.
func Bill(t *Table, lines []metering.Line, by By) []Item {
	var items []Item
	for i := range t.Prices {
		items = append(items, t.Prices[i].bill(lines, by)...)
	}
	slices.SortStableFunc(items, func(a, b Item) int { return a.Group.Compare(b.Group) })
	return items
}

// Sums adds up the items of each group.
func Sums(items []Item) map[Group]*big.Rat {
	sums := map[Group]*big.Rat{}
	for _, i := range items {
		if sums[i.Group] == nil {
			sums[i.Group] = new(big.Rat)
		}
		sums[i.Group].Add(sums[i.Group], i.Cost)
	}
	return sums
}

// Compare orders groups by month, API, stage and key.
func (a Group) Compare(b Group) int {
	return cmp.Or(strings.Compare(a.Month, b.Month), strings.Compare(a.API, b.API), strings.Compare(a.Stage, b.Stage), strings.Compare(a.Key, b.Key))
}

// Group is the one that a line belongs to.
func (by By) Group(l *metering.Line) Group {
	g := Group{Month: l.Day.Format("2006-01")}
	if by.API || by.Stage {
		g.API = l.API
	}
	if by.Stage {
		g.Stage = l.Stage
	}
	if by.Key {
		g.Key = l.Key
	}
	return g
}

// filling is who fills tiers together: a month's, or one of its APIs or keys.
type filling struct{ month, of string }

func (p *Price) filling(l *metering.Line) filling {
	f := filling{month: l.Day.Format("2006-01")}
	switch p.Scope {
	case ScopeAPI:
		f.of = l.API
	case ScopeKey:
		f.of = l.Key
	}
	return f
}

func (p *Price) bill(lines []metering.Line, by By) []Item {
	// What was counted is added up as whole numbers: lines may be many.
	count, per := p.Meter.counted()
	total := map[filling]uint64{}
	parts := map[Group]map[filling]uint64{}
	caches := map[Group]map[int64]uint64{}
	var order []Group
	for i := range lines {
		l := &lines[i]
		n := count(&l.Counts)
		if n == 0 || p.Protocol != "" && p.Protocol != l.Protocol {
			continue
		}
		of, g := p.filling(l), by.Group(l)
		if parts[g] == nil {
			parts[g] = map[filling]uint64{}
			order = append(order, g)
		}
		parts[g][of] += n
		total[of] += n
		if p.Meter == CacheHours {
			if caches[g] == nil {
				caches[g] = map[int64]uint64{}
			}
			caches[g][l.CacheBytes] += n
		}
	}
	// What a unit costs in the middle of all who fill the same tiers.
	each := map[filling]*big.Rat{}
	for of, n := range total {
		amount := ratio(n, per)
		each[of] = amount.Quo(p.tiered(amount), amount)
	}
	items := make([]Item, 0, len(order))
	for _, g := range order {
		item := Item{Group: g, Meter: p.Meter, Protocol: p.Protocol, Amount: new(big.Rat), Cost: new(big.Rat)}
		for of, n := range parts[g] {
			amount := ratio(n, per)
			item.Amount.Add(item.Amount, amount)
			item.Cost.Add(item.Cost, amount.Mul(amount, each[of]))
		}
		for bytes, n := range caches[g] {
			hours := ratio(n, per)
			item.Cost.Add(item.Cost, hours.Mul(hours, p.perHour(bytes)))
		}
		items = append(items, item)
	}
	return items
}

// tiered is what an amount costs by the tiers.
func (p *Price) tiered(amount *big.Rat) *big.Rat {
	cost, from := new(big.Rat), new(big.Rat)
	for _, t := range p.Tiers {
		to := amount
		if t.UpTo != nil && t.UpTo.Cmp(amount) < 0 {
			to = t.UpTo
		}
		if to.Cmp(from) <= 0 {
			break
		}
		part := new(big.Rat).Sub(to, from)
		cost.Add(cost, part.Mul(part, t.Price))
		from = to
	}
	return cost.Quo(cost, p.Per)
}

// perHour is what an hour of a cache costs: that of the smallest that is offered and holds
// as much, else of the largest. A gigabyte is 2^30 bytes, as of caches of stages.
func (p *Price) perHour(bytes int64) *big.Rat {
	size := big.NewRat(bytes, 1<<30)
	i := slices.IndexFunc(p.Sizes, func(s Size) bool { return size.Cmp(s.Gigabytes) <= 0 })
	if i < 0 {
		i = len(p.Sizes) - 1
	}
	return new(big.Rat).Quo(p.Sizes[i].Price, p.Per)
}

// Months are the first and the last day of whole months, of which the last may have only
// begun. Both are such as 2026-01.
func Months(first, last string) (from, to time.Time, err error) {
	if from, err = time.Parse("2006-01", first); err != nil {
		return from, to, err
	}
	if to, err = time.Parse("2006-01", last); err != nil {
		return from, to, err
	}
	return from, to.AddDate(0, 1, -1), nil
}

package history

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"
)

// maxPoints bounds what Series gives, whatever is asked for: a week of minutes.
const maxPoints = 7 * 24 * 60

// Series implements Reader.
func (h *History) Series(of Of, from, to time.Time, step time.Duration) []Point {
	width := min(max(int64(step/time.Minute), 1), maxPoints)
	first, end := minuteOf(from), minuteOf(to.Add(time.Minute-1))

	h.mu.Lock()
	if first < h.finest && width%coarse != 0 {
		width += coarse - width%coarse
	}
	first = slotOf(first, width) * width
	if n := (end - first + width - 1) / width; n > maxPoints {
		first = slotOf(end-maxPoints*width, width) * width
	}
	id, known := h.series.ids[of]
	type part struct {
		at    int
		pages []*page
	}
	var parts []part
	var cells []*cell
	for minute := first; minute < end; minute += width {
		c := &cell{}
		if known {
			pages, open := h.gather(minute, minute+width)
			for _, l := range open {
				h.series.each(id, 3, func(part seriesID) {
					if counted := l.open[part]; counted != nil && h.series.all[part].depth == 3 {
						c.merge(counted)
					}
				})
			}
			if len(pages) > 0 {
				parts = append(parts, part{len(cells), pages})
			}
		}
		cells = append(cells, c)
	}
	h.mu.Unlock()

	for _, p := range parts {
		for _, page := range p.pages {
			if data := page.find(id); data != nil {
				cells[p.at].mergeEncoded(data)
			}
		}
	}
	points := make([]Point, len(cells))
	for i, c := range cells {
		points[i] = c.point(timeOf(first + int64(i)*width))
	}
	return points
}

func timeOf(minute int64) time.Time { return time.Unix(minute*60, 0).UTC() }

// gather finds what there is from one minute to another: the sealed pages, the wider ones
// where they fit, and what is open. Of the latter the routes are to be taken: not
// everything has been summed up from them.
func (h *History) gather(from, to int64) (pages []*page, open []*level[*cell]) {
	if from <= h.minutes.slot && h.minutes.slot < to {
		open = append(open, h.minutes)
	}
	for minute := from; minute < to; {
		ten := slotOf(minute, coarse)
		if minute != ten*coarse || minute+coarse > to {
			if p := h.minutes.pages[minute]; p != nil {
				pages = append(pages, p)
			}
			minute++
			continue
		}
		if p := h.tens.pages[ten]; p != nil {
			pages = append(pages, p)
		}
		if ten == h.tens.slot {
			open = append(open, h.tens)
		}
		minute += coarse
	}
	return pages, open
}

// Totals implements Reader.
func (h *History) Totals(of Of, from, to time.Time) []Total {
	first, end := minuteOf(from), minuteOf(to.Add(time.Minute-1))
	h.mu.Lock()
	whole, known := h.series.ids[of]
	if !known || of.depth() == 3 {
		h.mu.Unlock()
		return nil
	}
	if first < h.finest {
		first = slotOf(first, coarse) * coarse
	}
	first = max(first, end-maxPoints)
	// partOf is the part that something belongs to, 0 where it does not.
	depth := of.depth() + 1
	partOf := make([]seriesID, len(h.series.all))
	names := make([]Of, len(h.series.all))
	for id := range h.series.all {
		part := seriesID(id)
		for h.series.all[part].depth > depth {
			part = h.series.all[part].in
		}
		if info := h.series.all[part]; info.used && info.depth == depth && info.in == whole {
			partOf[id], names[id] = part, info.of
		}
	}
	cells := map[seriesID]*cell{}
	cellOf := func(id seriesID) *cell {
		if partOf[id] == 0 {
			return nil
		}
		c := cells[partOf[id]]
		if c == nil {
			c = &cell{}
			cells[partOf[id]] = c
		}
		return c
	}
	pages, open := h.gather(first, end)
	for _, l := range open {
		for id, counted := range l.open {
			if h.series.all[id].depth < 3 {
				continue
			}
			if c := cellOf(id); c != nil {
				c.merge(counted)
			}
		}
	}
	h.mu.Unlock()

	for _, p := range pages {
		for i, id := range p.ids {
			if partOf[id] == id {
				if c := cellOf(id); c != nil {
					c.mergeEncoded(p.entry(i))
				}
			}
		}
	}
	totals := make([]Total, 0, len(cells))
	for id, c := range cells {
		totals = append(totals, Total{names[id], c.point(timeOf(first))})
	}
	busiestFirst(totals)
	return totals
}

// Names implements Reader.
func (h *History) Names() []Of {
	h.mu.Lock()
	names := make([]Of, len(h.series.all))
	for id, info := range h.series.all {
		if info.depth == 3 {
			names[id] = info.of
		}
	}
	counts := make([]uint64, len(names))
	for _, open := range []map[seriesID]*cell{h.minutes.open, h.tens.open} {
		for id, c := range open {
			counts[id] += c.count
		}
	}
	pages := slices.Collect(maps.Values(h.tens.pages))
	h.mu.Unlock()

	for _, p := range pages {
		for i, id := range p.ids {
			if names[id] != (Of{}) {
				in := reader{p.entry(i)}
				counts[id] += in.uvarint()
			}
		}
	}
	var ids []seriesID
	for id, n := range counts {
		if n > 0 && names[id] != (Of{}) {
			ids = append(ids, seriesID(id))
		}
	}
	slices.SortFunc(ids, func(a, b seriesID) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), compareOf(names[a], names[b]))
	})
	out := make([]Of, len(ids))
	for i, id := range ids {
		out[i] = names[id]
	}
	return out
}

// Top implements Reader.
func (h *History) Top(of Of, by string, from, to time.Time, n int) []Count {
	first, end := slotOf(minuteOf(from), coarse), slotOf(minuteOf(to.Add(coarse*time.Minute-1)), coarse)
	first = max(first, end-maxPoints)
	sum := &tops{}
	h.mu.Lock()
	id, known := h.series.ids[of]
	if !known {
		h.mu.Unlock()
		return nil
	}
	var pages []*page
	for slot := first; slot < end; slot++ {
		if p := h.tops.pages[slot]; p != nil {
			pages = append(pages, p)
		}
		if slot != h.tops.slot {
			continue
		}
		// Of what is more than a stage, its stages are open.
		depth := max(of.depth(), 2)
		h.series.each(id, depth, func(part seriesID) {
			if t := h.tops.open[part]; t != nil && h.series.all[part].depth == depth {
				sum.merge(t)
			}
		})
	}
	h.mu.Unlock()
	for _, p := range pages {
		if data := p.find(id); data != nil {
			sum.mergeEncoded(data)
		}
	}
	found := sum.callers.names
	if by == ByKey {
		found = sum.keys.names
	}
	found = slices.Clone(found)
	sortCounts(found)
	return found[:min(max(n, 0), len(found))]
}

// Request implements Reader.
func (h *History) Request(id string) (Request, bool) { return h.last.find(id) }

// Recent implements Reader.
func (h *History) Recent(f Filter, n int) []Request { return h.last.recent(f, n) }

// Tail implements Reader.
func (h *History) Tail(ctx context.Context, f Filter, n int) ([]Request, *Tail) {
	return h.last.tail(ctx, f, n)
}

package history

import (
	"cmp"
	"slices"
)

// counted is what levels keep: something that adds up, and can be written in few bytes.
type counted interface {
	appendTo([]byte) []byte
	mergeEncoded([]byte)
}

// level keeps what was counted in slots of one width. The slot that is under way is open;
// those before are sealed: one piece of memory without pointers each, which is never
// changed, so that it can be read without a lock.
type level[T counted] struct {
	// width is that of a slot in minutes.
	width int64
	empty func() T
	slot  int64
	open  map[seriesID]T
	pages map[int64]*page
	// sealed are the slots that have a page, in the order in which they were first sealed.
	// By time would be by a clock that may jump.
	sealed []int64
	bytes  int
}

// page is a sealed slot.
type page struct {
	ids    []seriesID // ascending
	starts []uint32
	data   []byte
}

func newLevel[T counted](width int64, empty func() T) *level[T] {
	return &level[T]{width: width, empty: empty, open: map[seriesID]T{}, pages: map[int64]*page{}}
}

// of is the count under way of a series.
func (l *level[T]) of(id seriesID) T {
	c, ok := l.open[id]
	if !ok {
		c = l.empty()
		l.open[id] = c
	}
	return c
}

// seal ends the open slot. Where the clock went back to a slot that was sealed, both are
// added up.
func (l *level[T]) seal() {
	if len(l.open) == 0 {
		return
	}
	before := l.pages[l.slot]
	if before != nil {
		for i, id := range before.ids {
			l.of(id).mergeEncoded(before.entry(i))
		}
		l.bytes -= before.size()
	} else {
		l.sealed = append(l.sealed, l.slot)
	}
	p := &page{ids: make([]seriesID, 0, len(l.open)), starts: make([]uint32, 0, len(l.open))}
	for id := range l.open {
		p.ids = append(p.ids, id)
	}
	slices.Sort(p.ids)
	var data []byte
	for _, id := range p.ids {
		p.starts = append(p.starts, uint32(len(data)))
		data = l.open[id].appendTo(data)
	}
	p.data = slices.Clip(slices.Clone(data))
	l.pages[l.slot] = p
	l.bytes += p.size()
	clear(l.open)
}

// dropOldest forgets the page that was sealed first, and gives its slot.
func (l *level[T]) dropOldest() int64 {
	slot := l.sealed[0]
	l.sealed = l.sealed[1:]
	l.bytes -= l.pages[slot].size()
	delete(l.pages, slot)
	return slot
}

// mark sets what there is something of.
func (l *level[T]) mark(used []bool) {
	for id := range l.open {
		used[id] = true
	}
	for _, p := range l.pages {
		for _, id := range p.ids {
			used[id] = true
		}
	}
}

// pageOverhead is what a page takes beside its content, roughly.
const pageOverhead = 200

func (p *page) size() int { return pageOverhead + cap(p.data) + 8*len(p.ids) }

// entry is what stands for the series at an index.
func (p *page) entry(i int) []byte {
	if i+1 < len(p.starts) {
		return p.data[p.starts[i]:p.starts[i+1]]
	}
	return p.data[p.starts[i]:]
}

// find is what stands for a series, nil where there is nothing.
func (p *page) find(id seriesID) []byte {
	if i, found := slices.BinarySearchFunc(p.ids, id, func(a, b seriesID) int { return cmp.Compare(a, b) }); found {
		return p.entry(i)
	}
	return nil
}

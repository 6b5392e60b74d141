package history

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"
)

// cell is what was counted of one thing in one slot of time.
type cell struct {
	count, throttled, hits, misses, bytes uint64
	statuses                              []statusCount
	latency, integration                  Sketch
	sockets                               Sockets
}

type statusCount struct {
	status int
	n      uint64
}

func newCell() *cell { return &cell{} }

// add counts a request.
func (c *cell) add(r *Request) {
	c.count++
	if r.Throttled {
		c.throttled++
	}
	switch r.Cache {
	case CacheHit:
		c.hits++
	case CacheMiss:
		c.misses++
	}
	c.bytes += r.Received + r.Sent
	c.addStatus(r.Status, 1)
	c.latency.Observe(r.Latency, 1)
	if r.Integrated {
		c.integration.Observe(r.IntegrationLatency, 1)
	}
	c.sockets.count(r)
}

func (c *cell) addStatus(status int, n uint64) {
	i, found := slices.BinarySearchFunc(c.statuses, status, func(s statusCount, status int) int { return cmp.Compare(s.status, status) })
	if !found {
		c.statuses = slices.Insert(c.statuses, i, statusCount{status: status})
	}
	c.statuses[i].n += n
}

func (c *cell) merge(o *cell) {
	c.count += o.count
	c.throttled += o.throttled
	c.hits += o.hits
	c.misses += o.misses
	c.bytes += o.bytes
	for _, s := range o.statuses {
		c.addStatus(s.status, s.n)
	}
	c.latency.Merge(&o.latency)
	c.integration.Merge(&o.integration)
	c.sockets.Add(&o.sockets)
}

// appendTo writes the cell; how many requests it has comes first, which totals of many
// things ask for alone.
func (c *cell) appendTo(b []byte) []byte {
	for _, n := range []uint64{c.count, c.throttled, c.hits, c.misses, c.bytes, uint64(len(c.statuses))} {
		b = binary.AppendUvarint(b, n)
	}
	for _, s := range c.statuses {
		b = binary.AppendUvarint(b, uint64(s.status))
		b = binary.AppendUvarint(b, s.n)
	}
	return c.sockets.appendTo(c.integration.appendTo(c.latency.appendTo(b)))
}

// mergeEncoded adds what appendTo wrote.
func (c *cell) mergeEncoded(data []byte) {
	in := &reader{data}
	for _, n := range []*uint64{&c.count, &c.throttled, &c.hits, &c.misses, &c.bytes} {
		*n += in.uvarint()
	}
	for range in.uvarint() {
		status := int(in.uvarint())
		c.addStatus(status, in.uvarint())
	}
	c.latency.mergeEncoded(in)
	c.integration.mergeEncoded(in)
	c.sockets.mergeEncoded(in)
}

// point is the cell as it is told.
func (c *cell) point(at time.Time) Point {
	p := Point{
		At: at, Count: c.count, Throttled: c.throttled, CacheHits: c.hits, CacheMisses: c.misses, Bytes: c.bytes,
		Latency: c.latency, IntegrationLatency: c.integration, Sockets: c.sockets,
	}
	if len(c.statuses) > 0 {
		p.Statuses = make(map[int]uint64, len(c.statuses))
	}
	for _, s := range c.statuses {
		p.Statuses[s.status] = s.n
		switch s.status / 100 {
		case 4:
			p.ClientErrors += s.n
		case 5:
			p.ServerErrors += s.n
		}
	}
	return p
}

package telemetry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
)

const (
	defaultFileBytes = 100 << 20
	defaultFiles     = 5
	// maxWrite bounds what is written at once, so that a file is not much larger than it
	// may be when another is begun.
	maxWrite = 128 << 10
	// tellEvery is how often it is told that a destination loses lines.
	tellEvery = time.Minute
)

// destinations are where access logs go. There is one for each file, however many stages
// log to it. When none does any more its file is closed, to be opened again if one does.
type destinations struct {
	stdout      io.Writer
	maxBuffered int
	log         *slog.Logger
	metrics     *metrics
	mu          sync.Mutex
	all         map[destinationKey]*destination
	places      map[string]*place
	// collector gives what sends lines to a collector; nil where there is none.
	collector func(kind, api, stage string) io.Writer
}

type destinationKey struct {
	name  string
	bytes int64
	files int
	// of is whose lines they are, where the destination wants to know.
	of logged
}

// logged says whose lines a log has.
type logged struct {
	// kind is "access" or "execution".
	kind, api, stage string
}

func newDestinations(o *Options, m *metrics) *destinations {
	return &destinations{
		stdout: o.Stdout, collector: o.Collector, maxBuffered: cmp.Or(o.MaxBuffered, 8<<20), log: o.Log, metrics: m,
		all: map[destinationKey]*destination{}, places: map[string]*place{},
	}
}

// get finds the destination of a log. Nothing is opened before there is a line.
func (d *destinations) get(of logged, name string, bytes int64, files int) *destination {
	key := destinationKey{name: name, bytes: cmp.Or(bytes, defaultFileBytes), files: cmp.Or(files, defaultFiles)}
	if name == gateway.DestinationOTLP {
		key.of = of
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if to := d.all[key]; to != nil {
		return to
	}
	var w io.Writer
	switch key.name {
	case gateway.DestinationStdout:
		w = &wholeLines{w: d.stdout}
	case gateway.DestinationOTLP:
		w = noCollector{}
		if d.collector != nil {
			w = d.collector(of.kind, of.api, of.stage)
		}
	default:
		w = newLogFile(key.name, key.bytes, key.files)
	}
	to := &destination{place: d.place(key.name), w: w}
	to.idle = sync.NewCond(&to.mu)
	d.all[key] = to
	return to
}

// place finds what all logs with one name share. It needs mu.
func (d *destinations) place(name string) *place {
	p := d.places[name]
	if p == nil {
		result := func(of string) prometheus.Counter { return d.metrics.lines.WithLabelValues(name, of) }
		p = &place{
			name: name, room: d.maxBuffered, log: d.log,
			written: result("written"), dropped: result("dropped"), lost: result("lost"),
		}
		d.places[name] = p
	}
	return p
}

// noCollector loses all lines.
type noCollector struct{}

func (noCollector) Write([]byte) (int, error) {
	return 0, errors.New("the process has no collector to send them to")
}

// rest closes the files that no stage logs to.
func (d *destinations) rest(all ...*Compiled) {
	used := map[*destination]bool{}
	for _, c := range all {
		if c == nil {
			continue
		}
		for _, st := range c.stages {
			if st.log != nil {
				used[st.log.to] = true
			}
			if st.executions != nil {
				used[st.executions.to] = true
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, to := range d.all {
		if !used[to] {
			go to.close()
		}
	}
}

// close waits until everything is written, as long as the context lets it.
func (d *destinations) close(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, to := range d.all {
			to.close()
		}
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tellMissing tells of the lines that are missing and were not told of yet.
func (d *destinations) tellMissing() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.places {
		p.tellMissing()
	}
}

// place is where lines of logs end: a file, stdout, or the collector, which has those of many
// logs. It counts them, and knows how many more may wait.
type place struct {
	name                   string
	log                    *slog.Logger
	written, dropped, lost prometheus.Counter

	mu sync.Mutex
	// room is how many bytes more may wait to be written.
	room int
	// losing is while tell is to tell of lines that are missing, of so many since it last
	// did, and of why.
	losing  bool
	missing int
	why     error
}

// take takes room for lines, if there is any.
func (p *place) take(bytes int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if bytes > p.room {
		return false
	}
	p.room -= bytes
	return true
}

// leave gives room back.
func (p *place) leave(bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.room += bytes
}

// miss counts lines that are not written, and has it told.
func (p *place) miss(as prometheus.Counter, lines int, why error) {
	as.Add(float64(lines))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.missing += lines
	p.why = why
	if !p.losing {
		p.losing = true
		// Whoever is told may be as stuck as the place is: often both are one pipe.
		go p.tell()
	}
}

// tell tells how many lines are missing, and again after a while, until none are.
func (p *place) tell() {
	if p.tellMissing() {
		time.AfterFunc(tellEvery, p.tell)
	} else {
		p.log.Info("all lines of a log are written again", "destination", p.name)
	}
}

// tellMissing tells how many lines are missing since it was last told, and whether any are.
func (p *place) tellMissing() bool {
	p.mu.Lock()
	lines, why := p.missing, p.why
	p.missing = 0
	p.losing = lines > 0
	p.mu.Unlock()
	if lines > 0 {
		p.log.Warn("lines of a log are lost", "destination", p.name, "lines", lines, "error", why)
	}
	return lines > 0
}

// destination writes lines, in the order in which they came. Who has lines never waits.
type destination struct {
	*place
	w io.Writer

	mu      sync.Mutex
	buffer  []byte
	spare   []byte
	writing bool
	idle    *sync.Cond
}

var errTooMany = errors.New("more of them come than it takes")

// append takes lines to be written, or drops all of them.
func (d *destination) append(text []byte, lines int) {
	if !d.take(len(text)) {
		d.miss(d.dropped, lines, errTooMany)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.buffer = append(d.buffer, text...)
	if !d.writing {
		d.writing = true
		go d.drain()
	}
}

// drain writes until there is nothing left.
func (d *destination) drain() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.buffer) > 0 {
		text := d.buffer
		d.buffer = d.spare[:0]
		d.mu.Unlock()
		d.write(text)
		d.mu.Lock()
		d.spare = text[:0]
		// A burst is not to be paid for with memory for ever.
		if cap(d.spare) > 1<<20 {
			d.spare = nil
		}
	}
	d.writing = false
	d.idle.Broadcast()
}

// write writes lines in pieces, and counts those that get through. What fails is not
// tried again: the next lines would wait for it, and a disk that is full stays so.
func (d *destination) write(text []byte) {
	for len(text) > 0 {
		end := len(text)
		if end > maxWrite {
			end = bytes.LastIndexByte(text[:maxWrite], '\n') + 1
			if end == 0 {
				end = bytes.IndexByte(text, '\n') + 1
			}
		}
		piece := text[:end]
		text = text[end:]
		n, err := d.w.Write(piece)
		n = min(max(n, 0), len(piece))
		lines := bytes.Count(piece, newline)
		written := bytes.Count(piece[:n], newline)
		d.written.Add(float64(written))
		if lost := lines - written; lost > 0 {
			d.miss(d.lost, lost, err)
		}
		d.leave(len(piece))
	}
}

var newline = []byte{'\n'}

// wholeLines has a line stand alone where only a part of the one before it was written, whose
// rest is lost.
type wholeLines struct {
	w    io.Writer
	torn bool
}

// Write implements io.Writer, for whole lines.
func (l *wholeLines) Write(text []byte) (n int, err error) {
	n, l.torn, err = writeLines(l.w, text, l.torn)
	return n, err
}

// writeLines writes lines, after the end of one that is torn. It gives how much of them was
// written, and whether the last of what was is torn now.
func writeLines(w io.Writer, lines []byte, torn bool) (int, bool, error) {
	text := lines
	if torn {
		text = append([]byte{'\n'}, lines...)
	}
	n, err := w.Write(text)
	if n <= 0 {
		return 0, torn, err
	}
	return n - len(text) + len(lines), text[n-1] != '\n', err
}

// close waits for the last line.
func (d *destination) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.writing {
		d.idle.Wait()
	}
	if c, ok := d.w.(io.Closer); ok {
		if err := c.Close(); err != nil {
			d.log.Warn("an access log could not be closed", "destination", d.name, "error", err)
		}
	}
}

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
	// warnEvery is how often a destination that fails is complained about.
	warnEvery = time.Minute
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
		all: map[destinationKey]*destination{},
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
		w = d.stdout
	case gateway.DestinationOTLP:
		w = noCollector{}
		if d.collector != nil {
			w = d.collector(of.kind, of.api, of.stage)
		}
	default:
		w = newLogFile(key.name, key.bytes, key.files)
	}
	result := func(name string) prometheus.Counter { return d.metrics.lines.WithLabelValues(key.name, name) }
	to := &destination{
		name: key.name, w: w, max: d.maxBuffered, log: d.log,
		written: result("written"), dropped: result("dropped"), lost: result("lost"),
	}
	to.idle = sync.NewCond(&to.mu)
	d.all[key] = to
	return to
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

// destination writes lines, in the order in which they came. Who has lines never waits.
type destination struct {
	name                   string
	w                      io.Writer
	max                    int
	log                    *slog.Logger
	written, dropped, lost prometheus.Counter

	mu      sync.Mutex
	buffer  []byte
	spare   []byte
	writing bool
	idle    *sync.Cond

	// These belong to who writes. torn tells that a part of a line was written last.
	torn   bool
	warned time.Time
}

// append takes lines to be written, or drops all of them.
func (d *destination) append(text []byte, lines int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.buffer)+len(text) > d.max {
		d.dropped.Add(float64(lines))
		return
	}
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
		out := piece
		if d.torn {
			// The rest of that line is lost; this one is not to hang on to it.
			out = append([]byte{'\n'}, piece...)
		}
		n, err := d.w.Write(out)
		n = min(max(n, 0), len(out))
		if d.torn && n > 0 {
			d.torn, n = false, n-1
		}
		written := bytes.Count(piece[:n], []byte{'\n'})
		d.written.Add(float64(written))
		if err == nil && n == len(piece) {
			continue
		}
		d.torn = d.torn || n > 0 && piece[n-1] != '\n'
		d.lost.Add(float64(bytes.Count(piece, []byte{'\n'}) - written))
		if now := time.Now(); now.Sub(d.warned) > warnEvery || d.warned.IsZero() {
			d.warned = now
			d.log.Warn("lines of a log are lost", "destination", d.name, "error", err)
		}
	}
}

// close waits for the last line.
func (d *destination) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.writing {
		d.idle.Wait()
	}
	if c, ok := d.w.(io.Closer); ok && d.name != gateway.DestinationStdout {
		if err := c.Close(); err != nil {
			d.log.Warn("an access log could not be closed", "destination", d.name, "error", err)
		}
	}
}

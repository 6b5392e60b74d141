package cli

import (
	"io"
	"sync"
	"time"
)

const (
	// logPatience is how long who logs waits for its line to be written.
	logPatience = time.Second
	// maxLogWaiting is how many bytes of lines may wait to be written.
	maxLogWaiting = 1 << 20
)

// logWriter writes lines of the log, and has nobody wait for long while nothing takes them, such
// as a pipe that is full and that nobody reads: otherwise all who log would come to a stop,
// among them those that Envoys connect to. Lines beyond those that may wait are lost.
type logWriter struct {
	to io.Writer
	// lost tells how many lines were; nil to tell nobody.
	lost func(lines int)

	mu      sync.Mutex
	waiting []byte
	missing int
	// written is closed when all that waits is written; nil while nothing does.
	written chan struct{}
	// stuck: somebody has waited in vain since.
	stuck bool
}

// Write implements io.Writer, for a line. It gives no errors: there is nobody to tell them to.
func (w *logWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	if len(w.waiting)+len(line) > maxLogWaiting {
		w.missing++
		w.mu.Unlock()
		return len(line), nil
	}
	w.waiting = append(w.waiting, line...)
	if w.written == nil {
		w.written = make(chan struct{})
		go w.drain()
	}
	written, stuck := w.written, w.stuck
	w.mu.Unlock()
	if stuck {
		return len(line), nil
	}
	late := time.NewTimer(logPatience)
	defer late.Stop()
	select {
	case <-written:
	case <-late.C:
		w.mu.Lock()
		w.stuck = w.written == written
		w.mu.Unlock()
	}
	return len(line), nil
}

// drain writes until nothing waits.
func (w *logWriter) drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.waiting) > 0 {
		lines := w.waiting
		w.waiting = nil
		w.mu.Unlock()
		_, _ = w.to.Write(lines)
		w.mu.Lock()
	}
	close(w.written)
	w.written, w.stuck = nil, false
	if w.missing > 0 && w.lost != nil {
		go w.lost(w.missing)
	}
	w.missing = 0
}

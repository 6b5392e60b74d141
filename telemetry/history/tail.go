package history

import "context"

// Tail follows the requests as they come, for one who asks now and then. It is not for
// several at once.
type Tail struct {
	last   *last
	filter Filter
	next   uint64
}

// Came are the requests that have come since the last time that a Tail was asked.
type Came struct {
	// Count are all that were asked for. Last are the last of them, newest first.
	Count uint64
	Last  []Request
	// Lost are those that were forgotten before they could be looked at, so that nobody
	// knows whether they were asked for.
	Lost uint64
}

func (l *last) tail(ctx context.Context, f Filter, n int) ([]Request, *Tail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &Tail{last: l, filter: f, next: l.next}
	l.tails++
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.tails--
	})
	return l.before(t.next, f, n), t
}

// Next gives what has come since it was asked last, of which it keeps n.
func (t *Tail) Next(n int) (came Came) {
	l := t.last
	l.mu.Lock()
	defer l.mu.Unlock()
	end := l.next
	reached := l.backwards(end, t.next, t.filter, func(r Request) bool {
		if came.Count++; len(came.Last) < n {
			came.Last = append(came.Last, r)
		}
		return true
	})
	came.Lost = reached - min(reached, t.next)
	l.lost += came.Lost
	t.next = end
	return came
}

package redis

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"time"

	"gatehouse/ratelimit"
)

const (
	// mostAsks go out in a pipeline, and mostKeys in one call of a script, during
	// which Redis does nothing else.
	mostAsks = 512
	mostKeys = 32
	// slowAnswer is how long a pipeline waits before the next does not wait for it.
	slowAnswer = time.Millisecond
)

// question is what a Take asks. Who closes done has written the rest before.
type question struct {
	ctx     context.Context
	asks    []ratelimit.Ask
	answers []ratelimit.Answer
	// err is why asks failed, and failed which did, by their places.
	err    error
	failed []int
	done   chan struct{}
}

// pipelines carries out questions, with each round trip all that wait by then: while
// Redis answers, the next gather, so that nobody has to wait for company. Those that only
// help take part when others wait for long.
func (s *Store) pipelines(helps bool) {
	defer s.work.Done()
	for {
		if helps {
			select {
			case <-s.closing:
				return
			case <-s.slow:
			}
		}
		var first *question
		select {
		case <-s.closing:
			return
		case first = <-s.asks:
		}
		batch := s.gather(first)
		help := time.AfterFunc(slowAnswer, s.askForHelp)
		s.carryOut(batch)
		help.Stop()
	}
}

// gather takes those along that ask now. Whoever is about to ask gets to do so as long as
// somebody does, which costs next to nothing when there is nobody: callers that were
// answered together ask again almost together, but one after the other.
func (s *Store) gather(first *question) []*question {
	batch := []*question{first}
	for n, before := len(first.asks), 0; before < len(batch); {
		before = len(batch)
		runtime.Gosched()
		for n < mostAsks {
			select {
			case q := <-s.asks:
				batch = append(batch, q)
				n += len(q.asks)
				continue
			default:
			}
			break
		}
	}
	return batch
}

// askForHelp has one more pipeline take the next questions.
func (s *Store) askForHelp() {
	select {
	case s.slow <- struct{}{}:
	default:
	}
}

func (s *Store) carryOut(batch []*question) {
	// Not the context of one of the Takes: it would end the others with it.
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	perCall := mostKeys
	if s.cluster {
		perCall = 1 // keys of one call must be in one slot
	}
	// Whoever has gone does not want to have taken anything.
	batch = slices.DeleteFunc(batch, func(q *question) bool {
		gone := q.ctx.Err() != nil
		if gone {
			q.err = fmt.Errorf("redis: %w", q.ctx.Err())
			close(q.done)
		}
		return gone
	})
	var calls []call
	n := 0
	for _, q := range batch {
		for i := range q.asks {
			if n%perCall == 0 {
				calls = append(calls, call{})
			}
			c := &calls[len(calls)-1]
			c.keys = append(c.keys, s.key(&q.asks[i]))
			c.args = arguments(c.args, &q.asks[i])
			n++
		}
	}
	run(ctx, s.client, s.scripts.take, calls)
	n = 0
	var numbers []int64
	var err error
	for _, q := range batch {
		q.answers = make([]ratelimit.Answer, len(q.asks))
		for i := range q.asks {
			if n%perCall == 0 {
				c := &calls[n/perCall]
				numbers, err = c.numbers(3 * len(c.keys))
			}
			if err != nil {
				q.err, q.failed = cmp.Or(q.err, fmt.Errorf("redis: %w", err)), append(q.failed, i)
			} else {
				at := n % perCall * 3
				q.answers[i] = ratelimit.Answer{
					Granted: numbers[at], Remaining: numbers[at+1],
					Reset: time.Duration(min(numbers[at+2], int64(maxReset/time.Microsecond))) * time.Microsecond,
				}
			}
			n++
		}
		if failed := len(q.failed); failed > 0 && failed < len(q.asks) {
			q.err = &ratelimit.PartialError{Failed: q.failed, Err: q.err}
		}
		close(q.done)
	}
}

// maxReset keeps microseconds of the script within a Duration.
const maxReset = 100 * 365 * 24 * time.Hour

// key of an ask's state. A counter is only ever one thing, but a mistake must not make a
// bucket of what was written as a window.
func (s *Store) key(a *ratelimit.Ask) string {
	if a.Bucket != nil {
		return s.prefix + "b:" + a.Counter
	}
	return s.prefix + "w:" + a.Counter
}

// arguments appends what the script wants to know of an ask.
func arguments(args []any, a *ratelimit.Ask) []any {
	if a.Bucket != nil {
		args = append(args, "B", strconv.FormatFloat(a.Bucket.Rate, 'g', -1, 64), whole(a.Bucket.Burst))
	} else {
		args = append(args, string(a.Window.Period), whole(a.Window.Limit), whole(a.Window.Offset))
	}
	return append(args, whole(a.Hits), flag(a.Partial), flag(a.Always))
}

// whole numbers are floating-point in the script, where they are exact up to 2 to the
// power of 53. Limits beyond what is written here are never reached.
func whole(n int64) string {
	const most = 1 << 50
	return strconv.FormatInt(max(-most, min(n, most)), 10)
}

func flag(set bool) string {
	if set {
		return "1"
	}
	return "0"
}

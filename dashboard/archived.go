package dashboard

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Archive knows what is longer ago than Traffic remembers. *archive.Source is one.
type Archive interface {
	Series(ctx context.Context, of Of, from, to time.Time, step time.Duration) ([]Point, error)
}

// archived asks an archive, once for all who look at the same.
type archived struct {
	archive Archive
	now     func() time.Time
	mu      sync.Mutex
	answers map[archivedKey]*archivedAnswer
	asking  int
}

type archivedKey struct {
	of   Of
	span timespan
}

// archivedAnswer is complete when done is closed.
type archivedAnswer struct {
	done   chan struct{}
	points []Point
	err    error
	until  time.Time
}

const (
	// maxArchived is how many answers are kept, archivedFor how long; what failed is asked
	// again sooner.
	maxArchived = 64
	archivedFor = 15 * time.Second
	failedFor   = 2 * time.Second
	// maxAsking is how many questions an archive is asked at once.
	maxAsking = 8
)

func (a *archived) series(ctx context.Context, of Of, span timespan) ([]Point, error) {
	key := archivedKey{of, span}
	now := a.now()
	a.mu.Lock()
	answer := a.answers[key]
	if answer == nil || now.After(answer.until) || answer.until.Sub(now) > archivedFor {
		if a.asking >= maxAsking {
			a.mu.Unlock()
			return nil, errors.New("it is asked too much at the moment")
		}
		answer = &archivedAnswer{done: make(chan struct{}), until: now.Add(archivedFor)}
		if len(a.answers) >= maxArchived || a.answers == nil {
			a.answers = map[archivedKey]*archivedAnswer{}
		}
		a.answers[key] = answer
		a.asking++
		// Who asked first may leave before the others.
		go a.ask(context.WithoutCancel(ctx), key, answer)
	}
	a.mu.Unlock()
	select {
	case <-answer.done:
		return answer.points, answer.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *archived) ask(ctx context.Context, key archivedKey, answer *archivedAnswer) {
	answer.points, answer.err = a.archive.Series(ctx, key.of, key.span.From, key.span.To, key.span.Step)
	close(answer.done)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asking--
	if answer.err != nil {
		answer.until = a.now().Add(failedFor)
	}
}

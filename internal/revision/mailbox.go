package revision

import (
	"sync"

	"gatehouse/xds"
)

// mailbox takes messages to the pipeline's goroutine without ever making the
// sender wait: an Envoy's stream must not hang on a revision being applied.
type mailbox struct {
	// wake holds a token if there is mail.
	wake chan struct{}

	mu sync.Mutex
	in letters
}

// letters are what came since the last look.
type letters struct {
	reload, retry bool
	nacks         []xds.NACK
	settled       *settled
}

// settled tells that a revision was acked, or that no Envoy came to see it.
type settled struct {
	id    string
	acked bool
}

func newMailbox() *mailbox { return &mailbox{wake: make(chan struct{}, 1)} }

func (m *mailbox) put(write func(*letters)) {
	m.mu.Lock()
	write(&m.in)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mailbox) reload(retry bool) {
	m.put(func(l *letters) { l.reload, l.retry = true, l.retry || retry })
}

func (m *mailbox) refused(n xds.NACK) { m.put(func(l *letters) { l.nacks = append(l.nacks, n) }) }

func (m *mailbox) settle(s settled) { m.put(func(l *letters) { l.settled = &s }) }

// take empties the mailbox.
func (m *mailbox) take() letters {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.in
	m.in = letters{}
	return l
}

package history

import (
	"encoding/binary"

	"gatehouse/telemetry/socket"
)

// Sockets are the numbers of connections of WebSocket APIs. Each event of a connection is
// counted as a request is, too.
type Sockets struct {
	// Connects are clients that wanted to connect.
	Connects uint64
	// Received are messages from clients, Sent those to them.
	Received, Sent uint64
	// Errors by whose they are, as CloudWatch tells them apart; see socket.Fault.
	ClientErrors, IntegrationErrors, ExecutionErrors uint64
}

// all are the numbers in the order in which they are written.
func (s *Sockets) all() [6]*uint64 {
	return [...]*uint64{&s.Connects, &s.Received, &s.Sent, &s.ClientErrors, &s.IntegrationErrors, &s.ExecutionErrors}
}

// Add adds what was counted elsewhere.
func (s *Sockets) Add(o *Sockets) {
	sum, more := s.all(), o.all()
	for i := range sum {
		*sum[i] += *more[i]
	}
}

func (s *Sockets) count(r *Request) {
	switch socket.Type(r.Event) {
	case socket.Connect:
		s.Connects++
	case socket.Message:
		s.Received++
	}
	switch socket.Fault(r.Fault) {
	case socket.ClientError:
		s.ClientErrors++
	case socket.IntegrationError:
		s.IntegrationErrors++
	case socket.ExecutionError:
		s.ExecutionErrors++
	}
}

// appendTo writes the numbers, in a byte where there are none: most routes have no
// connections.
func (s *Sockets) appendTo(b []byte) []byte {
	if *s == (Sockets{}) {
		return append(b, 0)
	}
	b = append(b, 1)
	for _, n := range s.all() {
		b = binary.AppendUvarint(b, *n)
	}
	return b
}

func (s *Sockets) mergeEncoded(in *reader) {
	if in.uvarint() == 0 {
		return
	}
	for _, n := range s.all() {
		*n += in.uvarint()
	}
}

// Sent counts a message that a client of a WebSocket API was sent: in answer to one that came
// by a route, or by none, as a backend wished it.
func (h *History) Sent(api, stage, route string) {
	of := (&Request{API: api, Stage: stage, Resource: route}).of()
	minute := minuteOf(h.now())
	h.mu.Lock()
	defer h.mu.Unlock()
	if minute != h.minutes.slot {
		h.advance(minute)
	}
	h.minutes.of(h.series.get(of)).sockets.Sent++
}

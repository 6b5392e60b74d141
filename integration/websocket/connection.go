package websocket

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"gatehouse/gateway"
)

// connection is one client. Its goroutine reads; anyone may send and close.
type connection struct {
	about *about
	conn  net.Conn
	// idle is how long nothing may happen.
	idle time.Duration
	// end is when the connection has lasted as long as it may.
	end    time.Time
	limits *Limits
	// active is when something last happened, in nanoseconds.
	active atomic.Int64
	// waiting are those who want to write.
	waiting atomic.Int32
	writing sync.Mutex

	mu sync.Mutex
	// closing is why the connection ends, nil as long as it does not. The first reason
	// counts.
	closing *ending
	// hurry is until when the client may answer the end.
	hurry time.Time

	// What follows belongs to the reader.

	// early are bytes that came together with the handshake.
	early []byte
	// slots are taken by the messages that are worked on; nil before the first.
	slots chan struct{}
	// unread is how much follows of a frame that was refused.
	unread int64
}

// about is what is known of a connection from its beginning on.
type about struct {
	id        string
	stage     stageKey
	connected time.Time
	// domain is the host name that the client asked for.
	domain              string
	sourceIP, userAgent string
	// authorizer is the context that the authorizer gave, a JSON object, or nil.
	authorizer []byte
	// caller is who signed the request to connect, and apiKey the key that came with it.
	caller   map[string]string
	apiKeyID string
	apiKey   gateway.Secret
	// secrets are what the handshake had of such, where what is sent is told.
	secrets []string
}

// ending is how a connection came to its end.
type ending struct {
	code   ws.StatusCode
	reason string
	// byClient: it was the client that ended it.
	byClient bool
	// silent: the client is not told, for it is gone.
	silent bool
}

// How connections end. The texts are those that Amazon tells $disconnect.
var (
	endIdle     = &ending{code: ws.StatusGoingAway, reason: "Going away"}
	endDeleted  = &ending{code: ws.StatusNormalClosure, reason: "Connection Closed Normally"}
	endShutdown = &ending{code: ws.StatusGoingAway, reason: "Going away"}
	endLost     = &ending{code: ws.StatusAbnormalClosure, byClient: true, silent: true}
	endStuck    = &ending{code: ws.StatusAbnormalClosure, reason: "The client does not read", silent: true}
	endTooLarge = &ending{code: ws.StatusMessageTooBig, reason: "Message too big"}
	endBinary   = &ending{code: ws.StatusUnsupportedData, reason: "Binary frames are not supported"}
	endUTF8     = &ending{code: ws.StatusInvalidFramePayloadData, reason: "Invalid UTF-8"}
	endSlow     = &ending{code: ws.StatusPolicyViolation, reason: "Message not completed in time"}
	endBusy     = &ending{code: ws.StatusCode(1013), reason: "Try again later"}
)

func (e *ending) Error() string { return e.reason }

func newConnection(conn net.Conn, about *about, idle, duration time.Duration, limits *Limits) *connection {
	c := &connection{about: about, conn: conn, idle: idle, end: about.connected.Add(duration), limits: limits}
	c.touch()
	return c
}

// touch tells that something happened.
func (c *connection) touch() { c.active.Store(time.Now().UnixNano()) }

func (c *connection) lastActive() time.Time { return time.Unix(0, c.active.Load()) }

// deadline is when the reader has to give up, unless something happens.
func (c *connection) deadline() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing != nil {
		return c.hurry
	}
	if idle := c.lastActive().Add(c.idle); idle.Before(c.end) {
		return idle
	}
	return c.end
}

// Read reads what the client sends, as long as the connection may wait for it. What was
// sent to the client in the meantime prolongs that. Its errors are endings.
func (c *connection) Read(p []byte) (int, error) { return c.readBy(p, time.Time{}) }

// readBy is Read for what has to be there by a time, unless that is zero.
func (c *connection) readBy(p []byte, by time.Time) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		if c.early = c.early[n:]; len(c.early) == 0 {
			c.early = nil
		}
		return n, nil
	}
	for {
		until, late := c.deadline(), endIdle
		if !by.IsZero() && by.Before(until) {
			until, late = by, endSlow
		}
		if err := c.conn.SetReadDeadline(until); err != nil {
			return 0, endLost
		}
		if c.deadline().Before(until) {
			// The end began between the two: it has set a deadline that was just undone.
			continue
		}
		n, err := c.conn.Read(p)
		switch {
		case n > 0:
			return n, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			if len(c.slots) > 0 {
				c.touch() // the client waits for us, not we for it
			}
			if now := time.Now(); c.deadline().After(now) && (by.IsZero() || by.After(now)) {
				continue // something happened in the meantime
			}
			return 0, late
		case err != nil:
			return 0, endLost
		}
	}
}

var (
	errGone = errors.New("the connection is closed")
	errSlow = errors.New("too many wait to send to the connection")
)

// send sends a message as a text, in as many frames as it needs.
func (c *connection) send(text []byte) error {
	if c.waiting.Add(1) > writersWaiting {
		c.waiting.Add(-1)
		return errSlow
	}
	defer c.waiting.Add(-1)
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.ending() != nil {
		return errGone
	}
	op := ws.OpText
	for {
		part := text[:min(len(text), maxFrame)]
		text = text[len(part):]
		if err := c.write(ws.Header{Fin: len(text) == 0, OpCode: op, Length: int64(len(part))}, part); err != nil {
			// A frame may have been sent in part: nothing else can follow.
			c.shut(endStuck)
			return errGone
		}
		if len(text) == 0 {
			c.touch()
			return nil
		}
		op = ws.OpContinuation
	}
}

// pong answers a ping, if it can be done at once: a client that sends pings and does not
// read must not keep others waiting.
func (c *connection) pong(payload []byte) {
	if c.waiting.Add(1) > writersWaiting {
		c.waiting.Add(-1)
		return
	}
	defer c.waiting.Add(-1)
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.ending() != nil {
		return
	}
	if err := c.write(ws.Header{Fin: true, OpCode: ws.OpPong, Length: int64(len(payload))}, payload); err != nil {
		c.shut(endStuck)
	}
}

// write sends a frame. It belongs to who holds c.writing.
func (c *connection) write(h ws.Header, payload []byte) error {
	until := time.Now().Add(c.limits.WriteTimeout)
	c.mu.Lock()
	if c.closing != nil && c.hurry.Before(until) {
		until = c.hurry
	}
	err := c.conn.SetWriteDeadline(until)
	c.mu.Unlock()
	if err != nil {
		return err
	}
	var header frameHeader
	buffers := net.Buffers{header.bytes(h), payload}
	_, err = buffers.WriteTo(c.conn)
	return err
}

// frameHeader is where the header of a frame is written.
type frameHeader struct {
	b [ws.MaxHeaderSize]byte
	n int
}

func (f *frameHeader) Write(p []byte) (int, error) {
	f.n += copy(f.b[f.n:], p)
	return len(p), nil
}

func (f *frameHeader) bytes(h ws.Header) []byte {
	_ = ws.WriteHeader(f, h) // lengths are bounded, and Write gives no errors
	return f.b[:f.n]
}

func (c *connection) ending() *ending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// close begins the end of the connection, unless that has begun: who waits for the
// client, to read or to write, does so for a moment only. It reports whether it was the
// one; then a farewell is due.
func (c *connection) close(e *ending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing != nil {
		return false
	}
	c.closing = e
	c.hurry = time.Now()
	if !e.silent {
		c.hurry = c.hurry.Add(c.limits.CloseTimeout)
	}
	_ = c.conn.SetDeadline(c.hurry) // fails where the connection is gone already
	return true
}

// shut is close for others than the reader, which find out nothing and wait for nothing.
func (c *connection) shut(e *ending) {
	if c.close(e) {
		go c.farewell()
	}
}

// farewell tells the client why the connection ends.
func (c *connection) farewell() {
	e := c.ending()
	if e.silent {
		return
	}
	var payload []byte
	switch {
	case e.code == ws.StatusNoStatusRcvd:
	case e.byClient:
		// What the client said is said back, without its reason.
		payload = ws.NewCloseFrameBody(e.code, "")
	default:
		payload = ws.NewCloseFrameBody(e.code, e.reason)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.write(ws.Header{Fin: true, OpCode: ws.OpClose, Length: int64(len(payload))}, payload) // the client need not hear it
}

// drain waits until the client has answered the farewell, or is late. What else it sends
// is of no interest any more.
func (c *connection) drain() {
	for {
		if c.unread > 0 {
			if _, err := io.CopyN(io.Discard, c, c.unread); err != nil {
				return
			}
		}
		h, err := ws.ReadHeader(c)
		if err != nil || h.OpCode == ws.OpClose {
			return
		}
		c.unread = h.Length
	}
}

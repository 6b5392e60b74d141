package websocket

import (
	"errors"
	"io"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// readChunk is by how much the memory for a frame grows: what a client announces costs
// nothing before it comes.
const readChunk = 4 << 10

// message reads the next message, and answers the control frames before it. The bytes
// of the message are taken from the budget; its reader gives them back. An error is an
// *ending.
func (c *connection) message(budget *byteBudget) ([]byte, error) {
	var (
		text    []byte
		in      = io.Reader(c)
		state   = ws.StateServerSide
		started time.Time
	)
	fail := func(err error) ([]byte, error) {
		budget.release(len(text))
		var end *ending
		if errors.As(err, &end) {
			return nil, end
		}
		// The client went away in the middle of a frame.
		return nil, endLost
	}
	for {
		h, err := ws.ReadHeader(in)
		if err != nil {
			if errors.Is(err, ws.ErrHeaderLengthMSB) || errors.Is(err, ws.ErrHeaderLengthUnexpected) {
				return fail(endTooLarge)
			}
			return fail(err)
		}
		if err := ws.CheckHeader(h, state); err != nil {
			c.unread = h.Length
			return fail(&ending{code: ws.StatusProtocolError, reason: err.Error()})
		}
		if h.OpCode.IsControl() {
			if err := c.control(in, h); err != nil {
				return fail(err)
			}
			continue
		}
		switch {
		case h.OpCode == ws.OpBinary:
			c.unread = h.Length
			return fail(endBinary)
		case h.Length > maxFrame, int64(len(text))+h.Length > maxMessage:
			c.unread = h.Length
			return fail(endTooLarge)
		case started.IsZero():
			started = time.Now()
			in = &hurried{c, started.Add(c.limits.MessageTimeout)}
		}
		begin := len(text)
		for left := int(h.Length); left > 0; {
			n := min(left, readChunk)
			if !budget.take(n) {
				c.unread = int64(left)
				return fail(endBusy)
			}
			at := len(text)
			text = append(text, make([]byte, n)...)
			if _, err := io.ReadFull(in, text[at:]); err != nil {
				return fail(err)
			}
			left -= n
		}
		ws.Cipher(text[begin:], h.Mask, 0)
		c.touch()
		if h.Fin {
			break
		}
		state = state.Set(ws.StateFragmented)
	}
	if !utf8.Valid(text) {
		return fail(endUTF8)
	}
	if text == nil {
		text = []byte{}
	}
	return text, nil
}

// control answers a control frame. The end of the connection is an error.
func (c *connection) control(in io.Reader, h ws.Header) error {
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(in, payload); err != nil {
		return err
	}
	ws.Cipher(payload, h.Mask, 0)
	switch h.OpCode {
	case ws.OpPing:
		c.touch()
		c.pong(payload)
	case ws.OpPong:
		c.touch()
	case ws.OpClose:
		return closedByClient(payload)
	}
	return nil
}

// closedByClient reads what the client says about the end.
func closedByClient(payload []byte) *ending {
	if len(payload) == 0 {
		return &ending{code: ws.StatusNoStatusRcvd, reason: "Client-side close frame status not set", byClient: true}
	}
	code, reason := ws.ParseCloseFrameData(payload)
	if err := ws.CheckCloseFrameData(code, reason); err != nil || len(payload) == 1 {
		return &ending{code: ws.StatusProtocolError, reason: "Invalid close frame"}
	}
	return &ending{code: code, reason: reason, byClient: true}
}

// hurried reads a message that has begun, for which there is a time.
type hurried struct {
	c     *connection
	until time.Time
}

func (r *hurried) Read(p []byte) (int, error) {
	return r.c.readBy(p, r.until)
}

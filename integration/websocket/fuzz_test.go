package websocket

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// FuzzFrames holds that whatever a client sends ends in messages within their bounds, or
// in the end of the connection, and that no byte of the budget is lost on the way.
func FuzzFrames(f *testing.F) {
	frame := func(op ws.OpCode, fin bool, payload string) []byte {
		return ws.MustCompileFrame(ws.MaskFrameWith(ws.NewFrame(op, fin, []byte(payload)), [4]byte{1, 2, 3, 4}))
	}
	f.Add(frame(ws.OpText, true, "hello"))
	f.Add(append(frame(ws.OpText, false, "a"), frame(ws.OpContinuation, true, "b")...))
	f.Add(append(frame(ws.OpPing, true, "p"), frame(ws.OpClose, true, "\x03\xe8bye")...))
	f.Add(frame(ws.OpBinary, true, "x"))
	f.Add([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Add([]byte{0x81, 0xfe, 0x7f})
	f.Fuzz(func(t *testing.T, sent []byte) {
		here, there := net.Pipe()
		defer there.Close()
		limits := &Limits{MessageTimeout: time.Second, WriteTimeout: time.Second, CloseTimeout: 50 * time.Millisecond}
		limits.setDefaults()
		const bytes = 1 << 20
		budget := newByteBudget(bytes)
		c := newConnection(here, &about{id: "x", connected: time.Now()}, time.Second, time.Second, limits)
		go func() {
			buffer := make([]byte, 4096)
			for {
				if _, err := there.Read(buffer); err != nil {
					return
				}
			}
		}()
		go func() {
			_, _ = there.Write(sent)
			_ = there.Close()
		}()
		for {
			text, err := c.message(budget)
			if err != nil {
				var end *ending
				if !errors.As(err, &end) {
					t.Fatalf("ended by %v", err)
				}
				if c.close(end) {
					c.farewell()
				}
				break
			}
			if len(text) > maxMessage {
				t.Fatalf("a message of %d bytes", len(text))
			}
			budget.release(len(text))
		}
		c.drain()
		_ = here.Close()
		if left := budget.left.Load(); left != bytes {
			t.Fatalf("%d bytes of the budget are lost", bytes-left)
		}
	})
}

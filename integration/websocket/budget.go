package websocket

import "sync/atomic"

// byteBudget bounds the messages that are in memory.
type byteBudget struct {
	left atomic.Int64
}

func newByteBudget(n int64) *byteBudget {
	b := &byteBudget{}
	b.left.Store(n)
	return b
}

// take takes bytes, or nothing: who waited here with half a message would keep others
// from finishing theirs.
func (b *byteBudget) take(n int) bool {
	if b.left.Add(-int64(n)) < 0 {
		b.left.Add(int64(n))
		return false
	}
	return true
}

func (b *byteBudget) release(n int) { b.left.Add(int64(n)) }

package lockstep

import (
	"context"
	"sync"
	"time"
)

// pools are the connections by the address that they lead to.
type pools struct {
	maxOpen, maxIdle int
	maxAge           time.Duration

	mu        sync.Mutex
	byAddress map[string]*pool
}

// pool are the connections to one address. It is forgotten when there are none.
type pool struct {
	of      *pools
	address string
	// slots has an entry for each request that is under way; nil has no limit.
	slots chan struct{}

	// What follows is guarded by of.mu.

	// users are requests that have entered and not left.
	users int
	// free are connections that wait for requests, the one that was used last at the end.
	free []*connection
	// sweep closes those that wait for too long; nil while there are none.
	sweep *time.Timer
}

func newPools(maxOpen, maxIdle int, maxAge time.Duration) pools {
	return pools{maxOpen: maxOpen, maxIdle: maxIdle, maxAge: maxAge, byAddress: map[string]*pool{}}
}

// enter waits until another request may go to an address.
func (p *pools) enter(ctx context.Context, address string) (*pool, error) {
	p.mu.Lock()
	to := p.byAddress[address]
	if to == nil {
		to = &pool{of: p, address: address}
		if p.maxOpen > 0 {
			to.slots = make(chan struct{}, p.maxOpen)
		}
		p.byAddress[address] = to
	}
	to.users++
	p.mu.Unlock()
	if to.slots == nil {
		return to, nil
	}
	select {
	case to.slots <- struct{}{}:
		return to, nil
	default:
	}
	select {
	case to.slots <- struct{}{}:
		return to, nil
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		to.users--
		to.forget()
		return nil, ctx.Err()
	}
}

// leave is what each request does that has entered, when it is done.
func (to *pool) leave() {
	to.of.mu.Lock()
	to.users--
	to.forget()
	to.of.mu.Unlock()
	if to.slots != nil {
		<-to.slots
	}
}

// forget lets go of a pool without connections. The lock is held.
func (to *pool) forget() {
	if to.users == 0 && len(to.free) == 0 && to.of.byAddress[to.address] == to {
		delete(to.of.byAddress, to.address)
	}
}

// idle gives a connection that the server has not closed, or nil.
func (to *pool) idle() *connection {
	for {
		to.of.mu.Lock()
		last := len(to.free) - 1
		if last < 0 {
			to.of.mu.Unlock()
			return nil
		}
		c := to.free[last]
		to.free[last] = nil
		to.free = to.free[:last]
		to.of.mu.Unlock()
		if c.quiet() {
			return c
		}
		c.socket.Close()
	}
}

// keep has a connection wait for another request, and ends that of now.
func (to *pool) keep(c *connection) {
	to.of.mu.Lock()
	kept := len(to.free) < to.of.maxIdle
	if kept {
		c.idleSince = time.Now()
		to.free = append(to.free, c)
		if to.sweep == nil && to.of.maxAge > 0 {
			to.sweep = time.AfterFunc(to.of.maxAge, to.closeOld)
		}
	}
	to.of.mu.Unlock()
	if !kept {
		c.socket.Close()
	}
	to.leave()
}

// discard closes a connection, and ends its request.
func (to *pool) discard(c *connection) {
	c.socket.Close()
	to.leave()
}

// closeOld closes connections that have waited for too long.
func (to *pool) closeOld() {
	to.of.mu.Lock()
	defer to.of.mu.Unlock()
	oldest := time.Now().Add(-to.of.maxAge)
	n := 0
	for n < len(to.free) && !to.free[n].idleSince.After(oldest) {
		to.free[n].socket.Close()
		n++
	}
	to.free = append(to.free[:0:0], to.free[n:]...)
	to.sweep = nil
	if len(to.free) > 0 {
		to.sweep = time.AfterFunc(time.Until(to.free[0].idleSince.Add(to.of.maxAge)), to.closeOld)
	}
	to.forget()
}

func (p *pools) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, to := range p.byAddress {
		for _, c := range to.free {
			c.socket.Close()
		}
		to.free = nil
		to.forget()
	}
}

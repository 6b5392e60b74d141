package etcd

import (
	"context"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"gatehouse/management/store"
)

// A disk that is full ends an etcd server, and the process that it is in. What the gateway
// serves must not end with it: changes are refused while there is little room, and a server
// that fails all the same leaves the process alone, and is followed by another (revive.go).

// minRoom is what has to be free on the disk for a change: segments of the log that are made
// ahead of time, and what the database grows by at once.
const minRoom = 4 * segment

// room watches over an embedded server.
type room struct {
	dir string
	// least is what has to be free.
	least  uint64
	server atomic.Pointer[server]
	// told is set while there is no room, so that it is logged once.
	told atomic.Bool
}

// problem tells why changes cannot be kept, nil when they can. Without a server of its own
// a store has none.
func (r *room) problem() error {
	if r == nil {
		return nil
	}
	if v := r.server.Load(); v.hasFailed() {
		return fmt.Errorf("%w: the embedded etcd has failed (%s), and is started anew as soon as that is possible", store.ErrUnavailable, v.reason)
	}
	return r.free(r.least)
}

// free refuses where less than that is free.
func (r *room) free(needed uint64) error {
	var at unix.Statfs_t
	if err := unix.Statfs(r.dir, &at); err != nil {
		return nil // etcd itself will tell.
	}
	if free := uint64(at.Bavail) * uint64(at.Bsize); free < needed {
		return fmt.Errorf("%w: %d MiB are free on the disk of %s, and changes need %d", store.ErrUnavailable, free>>20, r.dir, needed>>20)
	}
	return nil
}

// Problem tells why changes cannot be kept, "" when they can.
func (s *Store) Problem() string {
	if err := s.room.problem(); err != nil {
		return err.Error()
	}
	return ""
}

// checkRoom refuses changes that the disk has no room for.
func (s *Store) checkRoom(ctx context.Context) error {
	err := s.room.problem()
	if s.room == nil {
		return nil
	}
	if was := s.room.told.Swap(err != nil); err != nil && !was {
		s.log.ErrorContext(ctx, "what the management API is told cannot be kept; what is served goes on", "error", err)
	}
	return err
}

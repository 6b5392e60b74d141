package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"gatehouse/management/store"
)

const (
	// prefix is where everything is kept.
	prefix = "gatehouse/"
	// commitTimeout bounds one transaction of etcd, and the question how far it is that
	// comes before; askTimeout that question of reads, which have something to answer with.
	// Machines with much else to do take a second for it now and then.
	commitTimeout = 5 * time.Second
	askTimeout    = 3 * time.Second
	// doubtFor is how long reads are answered without asking again, when etcd has not
	// answered; less, when it is heard of before.
	doubtFor = 2 * time.Second
	// maxTries is how often a transaction is tried.
	maxTries = 40
	// seenTimeout is how long a transaction waits to be seen by reads of this process.
	seenTimeout = 10 * time.Second
)

// Store is a store.Store. Make one with Embed or Connect, and Close it.
type Store struct {
	connection atomic.Pointer[connection]
	log        *slog.Logger
	mirror     *mirror
	// exclusive tells that nobody else writes: reads need not ask.
	exclusive bool
	// doubt is until when reads do not ask etcd again, in nanoseconds since 1970.
	doubt atomic.Int64
	// retries lets one transaction of this process at a time be tried again: they would
	// only disturb each other.
	retries sync.Mutex
	// room is that of an embedded server, nil for a cluster.
	room *room
	// refused is set for a store that a newer version has written.
	refused atomic.Pointer[SchemaError]

	// unlock lets others have the directory of an embedded server.
	unlock  func()
	stop    context.CancelFunc
	running sync.WaitGroup
}

// connection is a way to etcd. That to an embedded server ends with the server, and
// another follows.
type connection struct {
	client *clientv3.Client
	// replaced is closed when there is another.
	replaced chan struct{}
}

func (s *Store) client() *clientv3.Client { return s.connection.Load().client }

func (s *Store) connect(client *clientv3.Client) {
	if old := s.connection.Swap(&connection{client, make(chan struct{})}); old != nil {
		close(old.replaced)
	}
}

// start begins to follow what etcd has.
func start(client *clientv3.Client, log *slog.Logger, own *room, unlock func()) *Store {
	ctx, stop := context.WithCancel(context.Background())
	s := &Store{log: log, mirror: newMirror(), exclusive: own != nil, room: own, unlock: unlock, stop: stop}
	s.connect(client)
	s.running.Go(func() { s.follow(ctx) })
	if own != nil {
		s.running.Go(func() { s.keepServer(ctx) })
	}
	return s
}

// Close ends the store. What was answered is durable.
func (s *Store) Close() error {
	s.stop()
	s.running.Wait()
	err := s.client().Close()
	if s.room != nil {
		// One that has failed may hold locks for ever.
		if v := s.room.server.Load(); !v.hasFailed() {
			v.end()
		}
		s.unlock()
	}
	if errors.Is(err, context.Canceled) {
		err = nil // the client of an embedded server tells that it was closed
	}
	return err
}

// Ready waits until there is something to read. Its error tells why there is not.
func (s *Store) Ready(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	refused := time.NewTicker(20 * time.Millisecond)
	defer refused.Stop()
	synced := make(chan error, 1)
	go func() {
		_, err := s.mirror.wait(ctx, 0)
		synced <- err
	}()
	for {
		select {
		case err := <-synced:
			if refusal := s.refused.Load(); refusal != nil {
				return refusal
			}
			if err != nil {
				return store.ErrUnavailable
			}
			return nil
		case <-refused.C:
			if refusal := s.refused.Load(); refusal != nil {
				return refusal
			}
		}
	}
}

// View implements store.Store. When etcd cannot be reached, it shows what was there last.
func (s *Store) View(ctx context.Context, read func(store.Reader) error) error {
	v, err := s.newest(ctx)
	if err != nil {
		if v == nil || ctx.Err() != nil {
			return err
		}
		s.log.Debug("reading what was stored last: etcd does not answer", "error", err)
	}
	return read(reader{v.records})
}

// newest is a view that has all that was durable when it was asked for. With an error it
// may be older, or nil. What has no answer soon has none for a while, without asking.
func (s *Store) newest(ctx context.Context) (*view, error) {
	if time.Now().UnixNano() < s.doubt.Load() && s.refused.Load() == nil {
		return s.mirror.view(), store.ErrUnavailable
	}
	return s.ask(ctx, askTimeout)
}

// ask is newest, and asks in any case.
func (s *Store) ask(ctx context.Context, timeout time.Duration) (*view, error) {
	v := s.mirror.view()
	if refusal := s.refused.Load(); refusal != nil {
		return nil, refusal
	}
	if v != nil && s.exclusive {
		return v, nil
	}
	asking, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := s.client().Get(asking, prefix+head)
	if err != nil {
		// A caller that goes away says nothing about etcd.
		if ctx.Err() == nil {
			s.doubt.Store(time.Now().Add(doubtFor).UnixNano())
		}
		return v, told(err)
	}
	revision := int64(1)
	if len(answer.Kvs) > 0 {
		revision = answer.Kvs[0].ModRevision
	}
	newer, err := s.mirror.wait(asking, revision)
	if err != nil {
		return newer, fmt.Errorf("%w: etcd's changes arrive late", store.ErrUnavailable)
	}
	s.doubt.Store(0)
	return newer, nil
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, change func(store.Tx) error) error {
	for try := range maxTries {
		if try == 1 {
			s.retries.Lock()
			defer s.retries.Unlock()
		}
		// Unlike a read, it has nothing else to answer with.
		v, err := s.ask(ctx, commitTimeout)
		if err != nil {
			return err
		}
		tx := newTransaction(v)
		if err := change(tx); err != nil {
			return err
		}
		if !tx.changes() {
			return nil
		}
		done, err := s.commit(ctx, tx)
		if done || err != nil {
			return err
		}
		// Others of this process wait at the lock; these are those of other processes.
		if !s.exclusive {
			pause := time.Duration(1+rand.IntN(1+min(try, 8)*4)) * time.Millisecond
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
		}
	}
	return store.ErrConflict
}

// commit makes a transaction durable. It reports false when something that it had read
// has changed.
func (s *Store) commit(ctx context.Context, tx *transaction) (done bool, err error) {
	if err := s.checkRoom(ctx); err != nil {
		return false, err
	}
	operations, err := tx.operations(prefix)
	if err != nil {
		return false, err
	}
	unchanged := tx.read.comparesOfCluster
	if s.exclusive {
		unchanged = tx.read.compares // an embedded server takes many
	}
	compares := append(unchanged(tx.from, prefix), clientv3.Compare(clientv3.Value(prefix+schemaKey), "=", schemaVersion))
	operations = append(nested(operations), clientv3.OpPut(prefix+head, ""))
	committing, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	answer, err := s.client().Txn(committing).If(compares...).Then(operations...).Else(clientv3.OpGet(prefix + head)).Commit()
	if err != nil {
		return false, told(err)
	}
	revision := answer.Header.Revision
	if !answer.Succeeded {
		// What has changed is to be seen by the next try.
		if found := answer.Responses[0].GetResponseRange(); len(found.GetKvs()) > 0 {
			revision = found.Kvs[0].ModRevision
		} else {
			revision = 0
		}
	}
	seen, cancel := context.WithTimeout(ctx, seenTimeout)
	defer cancel()
	if _, err := s.mirror.wait(seen, revision); err != nil && answer.Succeeded {
		s.log.Warn("a change of the management store is durable, but is not seen yet", "revision", revision)
	}
	return answer.Succeeded, nil
}

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context, changed func(keys []string)) error {
	w := &watcher{wake: make(chan struct{}, 1)}
	s.mirror.mu.Lock()
	if s.mirror.current != nil {
		w.add(nil)
	}
	s.mirror.watchers[w] = true
	s.mirror.mu.Unlock()
	defer func() {
		s.mirror.mu.Lock()
		delete(s.mirror.watchers, w)
		s.mirror.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake:
		}
		switch keys, all := w.take(); {
		case all:
			changed(nil)
		case len(keys) > 0:
			changed(slices.Sorted(maps.Keys(keys)))
		}
	}
}

// told puts errors of etcd into the terms of a store.
func told(err error) error {
	var e rpctypes.EtcdError
	code := status.Code(err)
	if errors.As(err, &e) {
		code = e.Code()
	}
	switch {
	case is(err, rpctypes.ErrRequestTooLarge), is(err, rpctypes.ErrTooManyOps), code == codes.ResourceExhausted && !is(err, rpctypes.ErrNoSpace):
		return fmt.Errorf("%w (etcd: %v); the servers' options --max-request-bytes and --max-txn-ops raise it", store.ErrTooLarge, err)
	case is(err, rpctypes.ErrNoSpace):
		return fmt.Errorf("%w: etcd has no room left (%v)", store.ErrUnavailable, err)
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded), code == codes.Unavailable, code == codes.DeadlineExceeded:
		return fmt.Errorf("%w: etcd does not answer (%v)", store.ErrUnavailable, err)
	}
	return fmt.Errorf("etcd: %w", err)
}

// is compares errors of etcd, which come with gRPC's status from one server and as they
// are from another.
func is(err, known error) bool {
	return errors.Is(err, known) || rpctypes.ErrorDesc(err) == rpctypes.ErrorDesc(known)
}

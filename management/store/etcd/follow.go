package etcd

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// pageSize is how many keys are read at once.
	pageSize = 500
	// syncTimeout bounds one page.
	syncTimeout = 10 * time.Second
	// tryAgain is the pause after a failure.
	tryAgain = 200 * time.Millisecond
)

// follow keeps the mirror up to date until the context ends.
func (s *Store) follow(ctx context.Context) {
	connected := false
	for ctx.Err() == nil {
		err := s.synchronise(ctx)
		for err == nil {
			if !connected {
				s.log.Info("the management store is in step with etcd", "revision", s.mirror.view().revision)
			}
			connected = true
			if err = s.takeChanges(ctx); errors.Is(err, errBroken) {
				err = nil // from where it was
				pause(ctx)
			}
			if ctx.Err() != nil {
				return
			}
		}
		var newer *SchemaError
		switch {
		case errors.As(err, &newer):
			if s.refused.Swap(newer) == nil {
				s.log.Error("the management store is not used any more", "error", err)
			}
		case errors.Is(err, errMissed):
			s.log.Info("reading the management store anew", "reason", err)
		case connected || s.mirror.view() == nil:
			connected = false
			s.log.Warn("the management store cannot be read; trying on", "error", err)
		}
		pause(ctx)
	}
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(tryAgain):
	}
}

var (
	// errMissed says that changes are missed: everything has to be read again.
	errMissed = errors.New("changes were missed")
	// errBroken says that the watch ended, and may go on from where it was.
	errBroken = errors.New("the watch broke off")
)

// synchronise reads everything, as it is at one revision.
func (s *Store) synchronise(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	if err := claim(limited, s.client()); err != nil {
		return err
	}
	records := newTree()
	end := clientv3.GetPrefixRangeEnd(prefix)
	revision := int64(0)
	for from := prefix; ; {
		options := []clientv3.OpOption{clientv3.WithRange(end), clientv3.WithLimit(pageSize)}
		if revision != 0 {
			options = append(options, clientv3.WithRev(revision))
		}
		page, err := s.page(ctx, from, options)
		if err != nil {
			return told(err)
		}
		if revision == 0 {
			revision = page.Header.Revision
		}
		for _, kv := range page.Kvs {
			records.ReplaceOrInsert(recordOf(kv))
		}
		if !page.More {
			break
		}
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
	s.doubt.Store(0)
	s.mirror.replace(&view{revision: revision, records: records}, nil)
	return nil
}

func (s *Store) page(ctx context.Context, from string, options []clientv3.OpOption) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	return s.client().Get(ctx, from, options...)
}

func recordOf(kv *mvccpb.KeyValue) record {
	return record{strings.TrimPrefix(string(kv.Key), prefix), kv.Value, kv.ModRevision}
}

// takeChanges applies what the watch brings, until it breaks off.
func (s *Store) takeChanges(ctx context.Context) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	etcd := s.connection.Load()
	watch := etcd.client.Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithRev(s.mirror.view().revision+1))
	behind := time.NewTicker(5 * time.Second)
	defer behind.Stop()
	for {
		select {
		case answer, ok := <-watch:
			switch err := answer.Err(); {
			case !ok:
				return errBroken
			case errors.Is(err, rpctypes.ErrCompacted), answer.CompactRevision != 0:
				return errMissed
			case err != nil:
				return errBroken
			}
			s.doubt.Store(0)
			if err := s.apply(answer.Events); err != nil {
				return err
			}
		case <-etcd.replaced:
			return errMissed
		case <-behind.C:
			if err := s.checkPast(ctx); err != nil {
				return err
			}
		}
	}
}

// checkPast notices a cluster that was set back to an old snapshot: a watch would wait for
// it to get where it had been.
func (s *Store) checkPast(ctx context.Context) error {
	if s.exclusive {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	// Not the newest, which a member without the others could not tell.
	answer, err := s.client().Get(ctx, prefix+head)
	if err == nil && answer.Header.Revision < s.mirror.view().revision {
		return errMissed
	}
	return nil
}

// apply makes a new view of the current one and changes to it.
func (s *Store) apply(events []*clientv3.Event) error {
	if len(events) == 0 {
		return nil
	}
	current := s.mirror.view()
	records := current.clone()
	keys := []string{}
	for _, e := range events {
		r := recordOf(e.Kv)
		if r.key == schemaKey && e.Type == clientv3.EventTypePut {
			if err := checkSchema(r.value); err != nil {
				return err
			}
		}
		if e.Type == clientv3.EventTypeDelete {
			records.Delete(r)
		} else {
			records.ReplaceOrInsert(r)
		}
		if key, ok := strings.CutPrefix(r.key, documents); ok {
			keys = append(keys, key)
		}
	}
	s.mirror.replace(&view{revision: events[len(events)-1].Kv.ModRevision, records: records}, keys)
	return nil
}

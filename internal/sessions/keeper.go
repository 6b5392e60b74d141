package sessions

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"sync"
	"time"

	"gatehouse/management/store"
)

// Keys are what cookies are authenticated and encrypted with.
type Keys struct{ Hash, Block []byte }

func newKeys() Keys {
	k := Keys{make([]byte, 64), make([]byte, 32)}
	_, _ = rand.Read(k.Hash) // it does not fail
	_, _ = rand.Read(k.Block)
	return k
}

// Keeper keeps what outlasts a request.
type Keeper interface {
	// Keys are always the same. They are made when they are first asked for.
	Keys(ctx context.Context) (Keys, error)
	// Ended are the sessions of somebody that were ended before their time.
	Ended(ctx context.Context, of string) (Ended, error)
	// End changes them. What is over by now need not be kept of anybody.
	End(ctx context.Context, of string, now time.Time, change func(*Ended)) error
}

// Ended are the sessions of somebody that were ended before their time.
type Ended struct {
	// Until is by the id of a session when it would have ended.
	Until map[string]int64 `json:"until,omitempty"`
	// Before: those that were begun until then are over, all of them.
	Before int64 `json:"before,omitempty"`
	// Last is when the last of all these would have ended.
	Last int64 `json:"last"`
}

// maxEnded bounds the sessions of somebody that are kept one by one. Who ends more ends all.
const maxEnded = 20

func (e Ended) has(s *session) bool {
	_, one := e.Until[s.ID]
	return one || s.Begun <= e.Before
}

func (e *Ended) add(s *session, now time.Time) {
	for id, ends := range e.Until {
		if ends <= now.Unix() {
			delete(e.Until, id)
		}
	}
	e.Last = max(e.Last, s.Ends)
	if len(e.Until) >= maxEnded {
		e.Before, e.Until = now.UnixMilli(), nil
		return
	}
	if e.Until == nil {
		e.Until = map[string]int64{}
	}
	e.Until[s.ID] = s.Ends
}

// memory keeps everything for as long as the process runs.
type memory struct {
	keys Keys

	mu    sync.Mutex
	ended map[string]Ended
}

// InMemory is of this process: another one takes none of its cookies.
func InMemory() Keeper { return &memory{keys: newKeys(), ended: map[string]Ended{}} }

func (m *memory) Keys(context.Context) (Keys, error) { return m.keys, nil }

func (m *memory) Ended(_ context.Context, of string) (Ended, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ended[of].clone(), nil
}

func (m *memory) End(_ context.Context, of string, now time.Time, change func(*Ended)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.ended[of].clone()
	change(&e)
	m.ended[of] = e
	for other, e := range m.ended {
		if e.Last <= now.Unix() {
			delete(m.ended, other)
		}
	}
	return nil
}

func (e Ended) clone() Ended {
	e.Until = maps.Clone(e.Until)
	return e
}

// stored keeps everything in a store.
type stored struct {
	store  store.Store
	folder string

	mu   sync.Mutex
	keys *Keys
}

// InStore keeps everything below a folder of a store: sessions outlast a restart, and all
// processes that have the store take them, and know which have ended.
func InStore(s store.Store, folder string) Keeper { return &stored{store: s, folder: folder} }

func (s *stored) Keys(ctx context.Context) (Keys, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys != nil {
		return *s.keys, nil
	}
	var keys *Keys
	key := s.folder + "cookiekey"
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if keys, err = store.ReadDocument[Keys](tx, key); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		fresh := newKeys()
		keys = &fresh
		return store.WriteDocument(tx, key, keys)
	})
	if err != nil {
		return Keys{}, err
	}
	s.keys = keys
	return *keys, nil
}

func (s *stored) ended() string { return s.folder + "ended/" }

// key is where it is kept which sessions of somebody have ended.
func (s *stored) key(of string) string {
	sum := sha256.Sum256([]byte(of))
	return s.ended() + hex.EncodeToString(sum[:])
}

func (s *stored) Ended(ctx context.Context, of string) (e Ended, err error) {
	err = s.store.View(ctx, func(r store.Reader) error {
		e, err = readEnded(r, s.key(of))
		return err
	})
	return e, err
}

func readEnded(r store.Reader, key string) (Ended, error) {
	e, err := store.ReadDocument[Ended](r, key)
	if errors.Is(err, store.ErrNotFound) {
		return Ended{}, nil
	}
	if err != nil {
		return Ended{}, err
	}
	return *e, nil
}

func (s *stored) End(ctx context.Context, of string, now time.Time, change func(*Ended)) error {
	return s.store.Update(ctx, func(tx store.Tx) error {
		key := s.key(of)
		e, err := readEnded(tx, key)
		if err != nil {
			return err
		}
		change(&e)
		all, err := tx.List(s.ended())
		if err != nil {
			return err
		}
		for i := range all {
			if other, err := readEnded(tx, all[i].Key); err == nil && other.Last <= now.Unix() {
				tx.Delete(all[i].Key)
			}
		}
		return store.WriteDocument(tx, key, e)
	})
}

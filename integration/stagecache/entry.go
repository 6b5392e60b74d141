package stagecache

import (
	"context"
	"net/http"
	"time"
)

// Key names an answer among all there are.
type Key [32]byte

// Space is the cache of one stage.
type Space struct {
	// Name is API/STAGE.
	Name string
	// Bytes bounds what is kept in memory.
	Bytes int64
}

// Entry is an answer. It is not changed once it is kept.
type Entry struct {
	Status int
	Header http.Header
	Body   []byte
}

// Generation counts how often a space was flushed. What was fetched in one is not kept in
// the next: it may be what the flush was meant to get rid of.
type Generation uint64

// Store keeps entries. It may lose them at any time, and then has none; that is no error
// for those who ask. It is for any number of goroutines.
type Store interface {
	// Get gives the entry of a key, nil if there is none, and the generation that the space
	// is in.
	Get(context.Context, Space, Key) (*Entry, Generation)
	// Put keeps an entry if the space is still in the generation.
	Put(context.Context, Space, Key, Generation, *Entry, time.Duration)
	// Flush takes all entries of a space away. Its error means that some may be left.
	Flush(ctx context.Context, space string) error
	// Keep forgets all spaces but those that are named.
	Keep(spaces map[string]bool)
	// Close ends connections.
	Close() error
}

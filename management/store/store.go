// Package store keeps the documents of the management API. What is kept, and under
// which keys, is the business of the packages that own the documents; a store gives
// them consistent reads, and changes that happen as a whole or not at all.
//
// Keys are paths without a leading slash that begin with the region of the documents,
// as in "eu-west-1/restapis/a1b2c3d4e5/resources/f6g7h8". Values are JSON.
package store

import (
	"context"
	"errors"
)

// ErrNotFound is what Get answers for a key that is not there.
var ErrNotFound = errors.New("not found")

// ErrConflict is what Update answers when others changed the same documents again and
// again while it tried.
var ErrConflict = errors.New("others are changing the same documents")

// ErrUnavailable is what a store answers that cannot be reached, or has no room left. An
// Update that ends so may have happened all the same.
var ErrUnavailable = errors.New("the store is not available")

// ErrTooLarge is what Update answers when the store takes no change of this size.
var ErrTooLarge = errors.New("the change is larger than the store takes")

// Entry is a key and its value. The value is not to be changed.
type Entry struct {
	Key   string
	Value []byte
}

// Reader reads documents as they all were at one moment, and as the transaction, if
// there is one, has changed them.
type Reader interface {
	// Get returns the value of a key, or ErrNotFound.
	Get(key string) ([]byte, error)
	// List returns the entries whose keys begin with prefix, sorted by key. A prefix
	// should end with a slash.
	List(prefix string) ([]Entry, error)
	// Children returns the entries right below a path, which ends with a slash, sorted
	// by key: those whose keys have no further slash. What is below the children is not
	// read, which makes it the one to use for listings.
	Children(path string) ([]Entry, error)
}

// Tx is a transaction. Its changes are seen by its own reads.
type Tx interface {
	Reader
	Put(key string, value []byte)
	// Delete takes a key away; one that is not there is no error.
	Delete(key string)
	// DeleteAll takes away all keys that begin with prefix.
	DeleteAll(prefix string)
}

// Store keeps documents. It is safe for concurrent use.
type Store interface {
	// View calls read with the documents of one moment.
	View(ctx context.Context, read func(Reader) error) error
	// Update calls change, and makes what it did durable as one change, unless change
	// returns an error. When others have changed what change had read, it is called
	// again: it must have no effects but those on its Tx.
	Update(ctx context.Context, change func(Tx) error) error
	// Watch calls changed with the keys that have changed, in batches, until the
	// context ends; at first, and whenever changes may have been missed, with nil:
	// everything is to be read again.
	Watch(ctx context.Context, changed func(keys []string)) error
}

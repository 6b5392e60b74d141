// Package flushes has the caches of stages emptied wherever they are: a call of the
// management API keeps that it was asked for, and every process that follows the store
// empties its own.
package flushes

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/management/store"
)

// Kinds of caches, as keys have them.
const (
	authorizers = "authorizers"
	data        = "data"
)

// folder is where flushes are kept, by kind, API and stage. What is kept is when.
const folder = "global/flushes/"

// Caches are those of all processes that follow a store.
type Caches struct{ Store store.Store }

// FlushAuthorizers has the answers of a stage's authorizers forgotten.
func (c Caches) FlushAuthorizers(ctx context.Context, apiID, stage string) error {
	return c.flush(ctx, authorizers, apiID, stage)
}

// FlushData has the answers of a stage's backends forgotten.
func (c Caches) FlushData(ctx context.Context, apiID, stage string) error {
	return c.flush(ctx, data, apiID, stage)
}

func (c Caches) flush(ctx context.Context, kind, apiID, stage string) error {
	when := strconv.AppendInt(nil, time.Now().UnixNano(), 10)
	return c.Store.Update(ctx, func(tx store.Tx) error {
		tx.Put(folder+kind+"/"+apiID+"/"+stage, when)
		return nil
	})
}

// Targets empty the caches of a process. Those that are nil have nothing to empty.
type Targets struct {
	Authorizers, Data func(ctx context.Context, apiID, stage string) error
}

// Follow empties caches as flushes are kept, until the context ends. Those that were kept
// before it began are not for it: its process had nothing in its caches then.
func Follow(ctx context.Context, s store.Store, t Targets, log *slog.Logger) error {
	var done map[string]string
	return s.Watch(ctx, func(keys []string) {
		if keys != nil && !slices.ContainsFunc(keys, func(key string) bool { return strings.HasPrefix(key, folder) }) {
			return
		}
		kept := map[string]string{}
		err := s.View(ctx, func(r store.Reader) error {
			entries, err := r.List(folder)
			for _, e := range entries {
				kept[e.Key] = string(e.Value)
			}
			return err
		})
		if err != nil {
			// It comes again when the store can be reached.
			return
		}
		for _, key := range slices.Sorted(maps.Keys(kept)) {
			if done == nil || done[key] == kept[key] {
				continue
			}
			if err := t.flush(ctx, key); err != nil {
				log.Error("a cache could not be emptied", "cache", strings.TrimPrefix(key, folder), "error", err)
			}
		}
		done = kept
	})
}

func (t Targets) flush(ctx context.Context, key string) error {
	parts := strings.Split(strings.TrimPrefix(key, folder), "/")
	if len(parts) != 3 {
		return nil
	}
	target := map[string]func(ctx context.Context, apiID, stage string) error{authorizers: t.Authorizers, data: t.Data}[parts[0]]
	if target == nil {
		return nil
	}
	return target(ctx, parts[1], parts[2])
}

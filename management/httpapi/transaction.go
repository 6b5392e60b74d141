package httpapi

import (
	"context"

	"gatehouse/management/store"
)

// view answers from documents of one moment.
func view[T any](ctx context.Context, s *Service, read func(store.Reader) (T, error)) (any, error) {
	var answer T
	err := s.Store.View(ctx, func(r store.Reader) (err error) {
		answer, err = read(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// update answers with the outcome of a change that happens as a whole or not at all.
func update[T any](ctx context.Context, s *Service, change func(store.Tx) (T, error)) (any, error) {
	var answer T
	err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		answer, err = change(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// remove makes a change whose callers are told nothing.
func remove(ctx context.Context, s *Service, change func(store.Tx) error) (any, error) {
	return nil, s.Store.Update(ctx, change)
}

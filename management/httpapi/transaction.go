package httpapi

import (
	"context"
	"errors"
	"net/http"

	"gatehouse/management/restjson"
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
		return nil, storeError(err)
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
		return nil, storeError(err)
	}
	return answer, nil
}

// remove makes a change whose callers are told nothing.
func remove(ctx context.Context, s *Service, change func(store.Tx) error) (any, error) {
	return nil, storeError(s.Store.Update(ctx, change))
}

// storeError tells callers what they can do about a store's errors.
func storeError(err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return restjson.Conflict("Unable to complete operation due to concurrent modification. Please try again later.")
	case errors.Is(err, store.ErrTooLarge):
		return restjson.BadRequest("The change is larger than the store takes in one piece")
	case errors.Is(err, store.ErrUnavailable):
		return &restjson.Error{
			Type: "ServiceUnavailableException", Status: http.StatusServiceUnavailable,
			Message: "The store is not available. Please try again later.", RetryAfter: 1,
		}
	}
	return err
}

package restapi

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// viewing answers from documents of one moment.
func viewing[T any](ctx context.Context, s *Service, read func(store.Reader) (T, error)) (any, error) {
	var answer T
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		answer, err = read(r)
		return err
	})
	if err != nil {
		return nil, storeError(err)
	}
	return answer, nil
}

// updating answers with the outcome of a change that happens as a whole or not at all.
func updating[T any](ctx context.Context, s *Service, change func(store.Tx) (T, error)) (any, error) {
	var answer T
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		answer, err = change(tx)
		return err
	})
	if err != nil {
		return nil, storeError(err)
	}
	return answer, nil
}

// removing makes a change whose callers are told nothing.
func removing(ctx context.Context, s *Service, change func(store.Tx) error) (any, error) {
	return nil, storeError(s.store.Update(ctx, change))
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

// getDocument reads a document; missing is the error if there is none.
func getDocument[T any](r store.Reader, key string, missing error) (*T, error) {
	data, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	return decodeDocument[T](key, data)
}

// getDocuments reads the documents right below a folder, in the order of their keys.
func getDocuments[T any](r store.Reader, folder string) ([]T, error) {
	entries, err := r.Children(folder)
	if err != nil {
		return nil, err
	}
	documents := make([]T, 0, len(entries))
	for _, e := range entries {
		d, err := decodeDocument[T](e.Key, e.Value)
		if err != nil {
			return nil, err
		}
		documents = append(documents, *d)
	}
	return documents, nil
}

func decodeDocument[T any](key string, data []byte) (*T, error) {
	document := new(T)
	if err := json.Unmarshal(data, document); err != nil {
		return nil, fmt.Errorf("the document %s cannot be read: %w", key, err)
	}
	return document, nil
}

func putDocument(tx store.Tx, key string, document any) error {
	data, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("the document %s: %w", key, err)
	}
	tx.Put(key, data)
	return nil
}

// exists reports whether there is a document.
func exists(r store.Reader, key string) (bool, error) {
	_, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

const idAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// randomID gives an id that in all likelihood nothing has.
func randomID(length int) string { return randomOf(idAlphabet, length) }

// randomOf gives so many of the letters, each as likely as the others.
func randomOf(letters string, length int) string {
	id := make([]byte, 0, length)
	var random [64]byte
	for {
		_, _ = rand.Read(random[:]) // it does not fail
		for _, b := range random {
			if int(b) >= 256-256%len(letters) {
				continue
			}
			if id = append(id, letters[int(b)%len(letters)]); len(id) == length {
				return string(id)
			}
		}
	}
}

// Amazon's sizes of pages.
const (
	defaultPage = 25
	maxPage     = 500
)

// pageOf is an answer of an operation that lists. SDKs call the member "items".
type pageOf[T any] struct {
	Items    []T    `json:"item"`
	Position string `json:"position,omitempty"`
}

// paged cuts the page that a call asks for out of all there is, in an order that stays.
// The id of what comes first on the next page is the position.
func paged[T any](c *restjson.Call, all []T, id func(*T) string) (*pageOf[T], error) {
	size := defaultPage
	if text := c.Query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, restjson.BadRequest("Invalid value for limit: '%s'", text)
		}
		// Amazon takes less than one for its default, and more than it gives for the most.
		if size = min(n, maxPage); n < 1 {
			size = defaultPage
		}
	}
	begin := 0
	if position := c.Query.Get("position"); position != "" {
		first, err := base64.RawURLEncoding.DecodeString(position)
		if err != nil {
			return nil, restjson.BadRequest("Invalid position specified")
		}
		for begin < len(all) && id(&all[begin]) != string(first) {
			begin++
		}
		if begin == len(all) {
			return nil, restjson.BadRequest("Invalid position specified")
		}
	}
	end := min(begin+size, len(all))
	p := &pageOf[T]{Items: all[begin:end:end]}
	if p.Items == nil {
		p.Items = []T{}
	}
	if end < len(all) {
		p.Position = base64.RawURLEncoding.EncodeToString([]byte(id(&all[end])))
	}
	return p, nil
}

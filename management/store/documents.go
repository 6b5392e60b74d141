package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ReadDocument reads a document, or answers ErrNotFound.
func ReadDocument[T any](r Reader, key string) (*T, error) {
	data, err := r.Get(key)
	if err != nil {
		return nil, err
	}
	return Decode[T](Entry{key, data})
}

// ReadDocuments reads the documents right below a folder, in the order of their keys. It
// gives an empty list, not nil, when there are none.
func ReadDocuments[T any](r Reader, folder string) ([]T, error) {
	entries, err := r.Children(folder)
	if err != nil {
		return nil, err
	}
	documents := make([]T, 0, len(entries))
	for _, e := range entries {
		d, err := Decode[T](e)
		if err != nil {
			return nil, err
		}
		documents = append(documents, *d)
	}
	return documents, nil
}

// Decode reads the document of an entry.
func Decode[T any](e Entry) (*T, error) {
	document := new(T)
	if err := json.Unmarshal(e.Value, document); err != nil {
		return nil, fmt.Errorf("the document %s cannot be read: %w", e.Key, err)
	}
	return document, nil
}

// WriteDocument writes a document.
func WriteDocument(tx Tx, key string, document any) error {
	data, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("the document %s: %w", key, err)
	}
	tx.Put(key, data)
	return nil
}

// Replace writes documents, and takes away what else is in the folders. What is as it was
// is not written again.
func Replace(tx Tx, documents map[string]any, folders ...string) error {
	before := map[string][]byte{}
	for _, folder := range folders {
		entries, err := tx.List(folder)
		if err != nil {
			return err
		}
		for _, e := range entries {
			before[e.Key] = e.Value
			if _, stays := documents[e.Key]; !stays {
				tx.Delete(e.Key)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(documents)) {
		data, err := json.Marshal(documents[key])
		if err != nil {
			return fmt.Errorf("the document %s: %w", key, err)
		}
		known := before[key]
		if !slices.ContainsFunc(folders, func(folder string) bool { return strings.HasPrefix(key, folder) }) {
			if known, err = tx.Get(key); err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		if !bytes.Equal(known, data) {
			tx.Put(key, data)
		}
	}
	return nil
}

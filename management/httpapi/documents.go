package httpapi

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Lengths of ids.
const (
	apiIDLength   = 10
	partIDLength  = 7 // routes, integrations and their responses
	shortIDLength = 6
)

const idAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"

// newID gives an id that in all likelihood nothing has.
func newID(length int) string {
	id := make([]byte, 0, length)
	var random [32]byte
	for {
		_, _ = rand.Read(random[:]) // it does not fail
		for _, b := range random {
			// What is above the last multiple would make some characters likelier.
			if int(b) >= 256-256%len(idAlphabet) {
				continue
			}
			if id = append(id, idAlphabet[int(b)%len(idAlphabet)]); len(id) == length {
				return string(id)
			}
		}
	}
}

// apiKey is the key of an API's document; what belongs to the API is below it.
func apiKey(c *restjson.Call) string { return APIKeyOf(c.Region, c.Params["apiId"]) }

// get reads a document; missing is the error if there is none.
func get[T any](r store.Reader, key string, missing error) (*T, error) {
	data, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	return decode[T](key, data)
}

// all reads the documents right below a folder, in the order of their keys.
func all[T any](r store.Reader, folder string) ([]T, error) {
	entries, err := r.Children(folder)
	if err != nil {
		return nil, err
	}
	documents := make([]T, 0, len(entries))
	for _, e := range entries {
		d, err := decode[T](e.Key, e.Value)
		if err != nil {
			return nil, err
		}
		documents = append(documents, *d)
	}
	return documents, nil
}

func decode[T any](key string, data []byte) (*T, error) {
	document := new(T)
	if err := json.Unmarshal(data, document); err != nil {
		return nil, fmt.Errorf("the document %s cannot be read: %w", key, err)
	}
	return document, nil
}

// put writes a document.
func put(tx store.Tx, key string, document any) error {
	data, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("the document %s: %w", key, err)
	}
	tx.Put(key, data)
	return nil
}

// notFound is the error about something of a type that is not there.
func notFound(resourceType, format string, args ...any) error {
	return &restjson.Error{
		Type: "NotFoundException", Status: http.StatusNotFound, Message: fmt.Sprintf(format, args...),
		Members: map[string]any{"resourceType": resourceType},
	}
}

// unknownID is the error about an id that nothing of the type has.
func unknownID(resourceType string) error {
	return notFound(resourceType, "Invalid %s identifier specified", resourceType)
}

// getAPI reads the API that a call is about.
func getAPI(r store.Reader, c *restjson.Call) (*API, error) {
	missing := notFound("Api", "Invalid API identifier specified %s:%s", c.AccountID, shorten(c.Params["apiId"]))
	if !isName(c.Params["apiId"]) {
		return nil, missing
	}
	return get[API](r, apiKey(c), missing)
}

// isName tells whether a text can be the last part of a key. One with a slash, which a
// path can have in its escaped form, would lead to something else.
func isName(text string) bool { return text != "" && !strings.Contains(text, "/") }

// part reads something that belongs to the API of a call, and the API.
func part[T any](r store.Reader, c *restjson.Call, folder, resourceType, param string) (*API, *T, error) {
	api, err := getAPI(r, c)
	if err != nil {
		return nil, nil, err
	}
	if !isName(c.Params[param]) {
		return nil, nil, unknownID(resourceType)
	}
	document, err := get[T](r, apiKey(c)+folder+c.Params[param], unknownID(resourceType))
	return api, document, err
}

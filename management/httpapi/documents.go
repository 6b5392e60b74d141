package httpapi

import (
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

// apiKey is the key of an API's document; what belongs to the API is below it.
func apiKey(c *restjson.Call) string { return APIKeyOf(c.Region, c.Params["apiId"]) }

// get reads a document; missing is the error if there is none.
func get[T any](r store.Reader, key string, missing error) (*T, error) {
	document, err := store.ReadDocument[T](r, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, missing
	}
	return document, err
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

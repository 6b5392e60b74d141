package restapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// readRecord reads a document; refused is what the caller is told when it is not there.
func readRecord[T any](r store.Reader, key string, refused error) (*T, error) {
	doc, err := store.ReadDocument[T](r, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refused
	}
	return doc, err
}

// hasRecord reports whether there is such a document.
func hasRecord(r store.Reader, key string) (bool, error) {
	_, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// update runs a transaction that gives an answer. The answer of the last try is the one.
func update[T any](ctx context.Context, s *Service, change func(store.Tx) (T, error)) (any, error) {
	var out T
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		out, err = change(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// remove runs a transaction that answers nothing.
func (s *Service) remove(ctx context.Context, change func(store.Tx) error) (any, error) {
	return nil, s.store.Update(ctx, change)
}

// view runs a read that gives an answer.
func view[T any](ctx context.Context, s *Service, read func(store.Reader) (T, error)) (any, error) {
	var out T
	err := s.store.View(ctx, func(r store.Reader) (err error) {
		out, err = read(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// page is a list as the service sends it.
type page[T any] struct {
	Position string `json:"position,omitempty"`
	Items    []T    `json:"item"`
}

// pageOf cuts what a call asks for out of a list. A position is the place to go on from,
// which callers are not to know: lists are in a stable order.
// See https://docs.aws.amazon.com/apigateway/latest/api/API_GetRestApis.html
func pageOf[T any](c *restjson.Call, all []T) (page[T], error) {
	limit, start := 25, 0
	if text := c.Query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return page[T]{}, restjson.BadRequest("Invalid limit specified: '%s'", text)
		}
		// A limit of 0 or less is as none; one of more than 500 is 500.
		if n > 0 {
			limit = min(n, 500)
		}
	}
	if text := c.Query.Get("position"); text != "" {
		n, err := strconv.ParseUint(text, 36, 31)
		if err != nil {
			return page[T]{}, restjson.BadRequest("Invalid position specified: '%s'", text)
		}
		start = int(n)
	}
	start = min(start, len(all))
	end := min(start+limit, len(all))
	out := page[T]{Items: all[start:end]}
	if out.Items == nil {
		out.Items = []T{}
	}
	if end < len(all) {
		out.Position = strconv.FormatInt(int64(end), 36)
	}
	return out, nil
}

// errNone is what reads are asked to answer where the caller is told something else.
var errNone = errors.New("none")

// validationError is what Amazon's request validation answers.
func validationError(format string, args ...any) error {
	return &restjson.Error{Type: "ValidationException", Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// now is the present second, as the service tells times.
func now() Time { return Time{time.Now().UTC().Truncate(time.Second)} }

// apiOf reads the API that a call is about, and gives the folder of what belongs to it.
func apiOf(r store.Reader, c *restjson.Call) (key string, api *RestAPI, err error) {
	id := c.Params["restapi_id"]
	key = APIKeyOf(c.Region, id)
	api, err = readRecord[RestAPI](r, key, unknownAPI(c))
	return key + "/", api, err
}

func unknownAPI(c *restjson.Call) error {
	return restjson.NotFound("Invalid API identifier specified %s:%s", c.AccountID, c.Params["restapi_id"])
}

// apiFolder is apiOf for those that only need to know that the API is there.
func apiFolder(r store.Reader, c *restjson.Call) (string, error) {
	key, _, err := apiOf(r, c)
	return key, err
}

// listOf answers a page of what of one kind belongs to the API that a call is about.
func listOf[T any](ctx context.Context, s *Service, c *restjson.Call, folder string) (any, error) {
	return view(ctx, s, func(r store.Reader) (page[T], error) {
		api, err := apiFolder(r, c)
		if err != nil {
			return page[T]{}, err
		}
		all, err := store.ReadDocuments[T](r, api+folder)
		if err != nil {
			return page[T]{}, err
		}
		return pageOf(c, all)
	})
}

// limitExceeded is what is answered when there are as many of something as there may be.
func limitExceeded(message string) error {
	return &restjson.Error{Type: "LimitExceededException", Status: http.StatusTooManyRequests, Message: message}
}

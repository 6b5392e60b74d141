package httpapi

import (
	"encoding/base64"
	"strconv"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Amazon's sizes of pages.
const (
	defaultPage = 25
	maxPage     = 500
)

// page is an answer of an operation that lists.
type page[T any] struct {
	Items     []T    `json:"items"`
	NextToken string `json:"nextToken,omitempty"`
}

// list answers the page of a folder that a call asks for. Fill, if there is one, adds
// what is not kept; one that returns false leaves the document out.
func list[T any](r store.Reader, c *restjson.Call, folder string, fill func(*T) bool) (*page[T], error) {
	size, after, err := pageOf(c)
	if err != nil {
		return nil, err
	}
	entries, err := r.Children(folder)
	if err != nil {
		return nil, err
	}
	p := &page[T]{Items: []T{}}
	last := ""
	for _, e := range entries {
		name := e.Key[len(folder):]
		if name <= after {
			continue
		}
		document, err := store.Decode[T](e)
		if err != nil {
			return nil, err
		}
		if fill != nil && !fill(document) {
			continue
		}
		if len(p.Items) == size {
			p.NextToken = base64.RawURLEncoding.EncodeToString([]byte(last))
			break
		}
		p.Items = append(p.Items, *document)
		last = name
	}
	return p, nil
}

// pageOf reads which page a call asks for: its size, and the name that it begins after.
func pageOf(c *restjson.Call) (size int, after string, err error) {
	size = defaultPage
	if text := c.Query.Get("maxResults"); text != "" {
		size, err = strconv.Atoi(text)
		if err != nil || size < 1 || size > maxPage {
			return 0, "", restjson.BadRequest("Invalid value for maxResults: %q must be a number from 1 to %d", text, maxPage)
		}
	}
	name, err := base64.RawURLEncoding.DecodeString(c.Query.Get("nextToken"))
	if err != nil {
		return 0, "", restjson.BadRequest("Invalid value for nextToken")
	}
	return size, string(name), nil
}

// shown gives a page with what is kept as callers are shown it; nil stays nil.
func shown[T, A any](kept *page[T], show func(*T) A) *page[A] {
	if kept == nil {
		return nil
	}
	answer := &page[A]{Items: []A{}, NextToken: kept.NextToken}
	for i := range kept.Items {
		answer.Items = append(answer.Items, show(&kept.Items[i]))
	}
	return answer
}

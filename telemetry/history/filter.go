package history

import (
	"fmt"
	"strconv"
	"strings"
)

// Filter says which requests somebody wants to see. Empty fields let all through.
type Filter struct {
	// Of is of which API, stage and route. None as its method is for requests without one.
	Of Of
	// Status is a status, or a class of them; see ParseStatuses.
	Status Statuses
	// Key is the name of an API key, and Caller a client's address.
	Key, Caller string
	// Connection is the id of a WebSocket API's connection.
	Connection string
	// Path is what the path must begin with.
	Path string
}

// Statuses are the statuses from the first to the last; the zero value is all of them.
type Statuses struct{ First, Last int }

// ParseStatuses reads a status (404), a class of them (4xx), or a range (400-599).
func ParseStatuses(text string) (Statuses, error) {
	if text == "" {
		return Statuses{}, nil
	}
	wrong := fmt.Errorf("status %.20q: want a status (404), a class (4xx) or a range (400-599)", text)
	if class, ok := strings.CutSuffix(strings.ToLower(text), "xx"); ok {
		if len(class) != 1 || class < "1" || class > "5" {
			return Statuses{}, wrong
		}
		n := int(class[0]-'0') * 100
		return Statuses{n, n + 99}, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	if err1 != nil || err2 != nil || first < 0 || last > 999 || first > last {
		return Statuses{}, wrong
	}
	return Statuses{first, last}, nil
}

// Match reports whether a request is one of those.
func (f *Filter) Match(r *Request) bool {
	switch of := &f.Of; {
	case of.API != "" && of.API != r.API, of.Stage != "" && of.Stage != r.Stage:
		return false
	case of.Method == None && of.Resource == None:
		if r.RouteMethod != "" || r.Resource != "" {
			return false
		}
	case of.Method != "" && of.Method != r.RouteMethod, of.Resource != "" && of.Resource != r.Resource:
		return false
	}
	switch {
	case f.Status != Statuses{} && (r.Status < f.Status.First || r.Status > f.Status.Last),
		f.Key != "" && f.Key != r.KeyName, f.Caller != "" && f.Caller != r.Caller,
		f.Connection != "" && f.Connection != r.ConnectionID:
		return false
	}
	return strings.HasPrefix(r.Path, f.Path)
}

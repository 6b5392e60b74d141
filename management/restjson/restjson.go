// Package restjson is what Amazon's REST-JSON services have in common, seen from the
// server: operations that are found by method and path, a caller, JSON in and out, and
// errors with a type. The services apigateway and apigatewayv2 are tables of operations
// on it.
package restjson

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"gatehouse/management/store"
)

// MaxBody bounds what a caller may send: the largest definition that Amazon's service
// takes is 6 MB.
const MaxBody = 6 << 20

// Caller is who calls, and where to.
type Caller struct {
	// Region is that of the request's credential scope: regions have documents of their
	// own.
	Region    string
	AccountID string
	// ARN is the caller's identity; empty when nobody had to show one.
	ARN string
}

type callerKey struct{}

// WithCaller returns a context in which operations find the caller.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// Call is one call of an operation.
type Call struct {
	Caller
	Request *http.Request
	// Operation is the name of the operation that is called.
	Operation string
	// Params are the variables of the operation's path, unescaped.
	Params map[string]string
	Query  url.Values
	Body   []byte
	// About is set by operations whose members have an effect for some of what they are about
	// only, as the protocol of an API (NoEffect.About).
	About string
}

// Decode reads the body into a value. A body that is no JSON, or no such value, is the
// caller's error.
func (c *Call) Decode(into any) error {
	if len(c.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.Body, into); err != nil {
		return &Error{Type: "SerializationException", Status: http.StatusBadRequest, Message: jsonProblem(err)}
	}
	return nil
}

func jsonProblem(err error) string {
	var mistyped *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &mistyped):
		return err.Error()
	case mistyped.Field == "":
		return fmt.Sprintf("The body must be an object: %s is not expected here", mistyped.Value)
	}
	// Types of ours that are embedded are no members. These begin with small letters.
	members := slices.DeleteFunc(strings.Split(mistyped.Field, "."), func(name string) bool { return name != "" && unicode.IsUpper(rune(name[0])) })
	return fmt.Sprintf("%s: %s is not expected here", strings.Join(members, "."), mistyped.Value)
}

// Operation is an operation of a service.
type Operation struct {
	// Name is that of the service model, as in "CreateRestApi".
	Name string
	// Method and Path are how it is called; a segment {name} of the path is a variable,
	// and the last one may be {name+}, which takes all that remains.
	Method, Path string
	// Query, as in "mode=import", tells operations with the same method and path apart.
	Query string
	// Status is that of success.
	Status int
	// Unsupported says why nothing does what the operation would do; callers are told,
	// and Do is nil. What Gatehouse has no counterpart of is better refused than kept
	// without an effect.
	Unsupported string
	// Do returns what is to be sent as JSON, nil for nothing, a *Raw for something else.
	Do func(context.Context, *Call) (any, error)
}

// Raw is an answer that is no JSON of an operation's own.
type Raw struct {
	Header http.Header
	Body   []byte
}

// Error is an error that the caller is told. Others are logged, and told as an
// InternalFailure only.
type Error struct {
	Type    string
	Status  int
	Message string
	// Members go with the message, as "resourceType" of apigatewayv2 does.
	Members map[string]any
	// RetryAfter, in seconds, is sent when it isn't zero.
	RetryAfter int
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// BadRequest is a BadRequestException.
func BadRequest(format string, args ...any) error {
	return &Error{Type: "BadRequestException", Status: http.StatusBadRequest, Message: fmt.Sprintf(format, args...)}
}

// NotFound is a NotFoundException.
func NotFound(format string, args ...any) error {
	return &Error{Type: "NotFoundException", Status: http.StatusNotFound, Message: fmt.Sprintf(format, args...)}
}

// Conflict is a ConflictException.
func Conflict(format string, args ...any) error {
	return &Error{Type: "ConflictException", Status: http.StatusConflict, Message: fmt.Sprintf(format, args...)}
}

// Service serves a table of operations.
type Service struct {
	log        *slog.Logger
	operations map[int][]operation
	noEffect   map[string][]NoEffect
}

type operation struct {
	Operation
	segments []string
}

// NewService returns a handler of the operations.
func NewService(log *slog.Logger, operations ...Operation) *Service {
	s := &Service{log: log, operations: map[int][]operation{}}
	for _, o := range operations {
		segments := strings.Split(strings.Trim(o.Path, "/"), "/")
		s.operations[len(segments)] = append(s.operations[len(segments)], operation{o, segments})
	}
	for _, list := range s.operations {
		// Literal segments before variables, a query before none.
		slices.SortStableFunc(list, func(a, b operation) int {
			if c := len(b.Query) - len(a.Query); c != 0 {
				return c
			}
			return variables(a.segments) - variables(b.segments)
		})
	}
	return s
}

func variables(segments []string) (n int) {
	for _, s := range segments {
		if strings.HasPrefix(s, "{") {
			n++
		}
	}
	return n
}

// ServeHTTP calls the operation that a request is for. The caller is that of the
// request's context.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o, params, ok := s.find(r)
	if !ok {
		s.fail(w, "", &Error{Type: "MissingAuthenticationTokenException", Status: http.StatusForbidden, Message: "Missing Authentication Token"})
		return
	}
	w.Header().Set("X-Amzn-Operation", o.Name)
	if o.Unsupported != "" {
		s.fail(w, o.Name, BadRequest("%s is not supported by Gatehouse: %s", o.Name, o.Unsupported))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			err = &Error{Type: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("Request body exceeds %d bytes", MaxBody)}
		}
		s.fail(w, o.Name, err)
		return
	}
	caller, _ := r.Context().Value(callerKey{}).(Caller)
	call := &Call{Caller: caller, Request: r, Operation: o.Name, Params: params, Query: r.URL.Query(), Body: body}
	answer, err := o.Do(r.Context(), call)
	if err != nil {
		s.fail(w, o.Name, err)
		return
	}
	s.succeed(w, o, call, answer)
}

func (s *Service) succeed(w http.ResponseWriter, o *operation, c *Call, answer any) {
	var body []byte
	w.Header().Set("Content-Type", "application/json")
	switch a := answer.(type) {
	case nil:
	case *Raw:
		for name, values := range a.Header {
			w.Header()[name] = values
		}
		body = a.Body
	default:
		var err error
		if body, err = json.Marshal(a); err != nil {
			s.fail(w, o.Name, err)
			return
		}
		s.tell(o, c, body)
	}
	w.WriteHeader(o.Status)
	// A caller that has gone away is no problem of ours.
	_, _ = w.Write(body)
}

func (s *Service) fail(w http.ResponseWriter, operation string, err error) {
	var told *Error
	if !errors.As(err, &told) {
		told = ofStore(err)
	}
	if told == nil {
		s.log.Error("An operation of the management API failed.", "operation", operation, "error", err)
		told = &Error{Type: "InternalFailure", Status: http.StatusInternalServerError, Message: "Internal server error"}
	}
	WriteError(w, told)
}

// ofStore tells callers what they can do about errors of the store that are not theirs,
// nor anybody's mistake; nil is for others.
func ofStore(err error) *Error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return &Error{Type: "ConflictException", Status: http.StatusConflict, Message: "Unable to complete operation due to concurrent modification. Please try again later."}
	case errors.Is(err, store.ErrTooLarge):
		return &Error{Type: "BadRequestException", Status: http.StatusBadRequest, Message: "The change is larger than the store takes in one piece."}
	case errors.Is(err, store.ErrUnavailable):
		return &Error{
			Type: "ServiceUnavailableException", Status: http.StatusServiceUnavailable,
			Message: "The store is not available. Please try again later.", RetryAfter: 1,
		}
	}
	return nil
}

// WriteError tells an error as the services do: its type in a header, its message in
// the body.
func WriteError(w http.ResponseWriter, e *Error) {
	members := map[string]any{"message": e.Message}
	for name, value := range e.Members {
		members[name] = value
	}
	body, err := json.Marshal(members)
	if err != nil {
		body = []byte(`{"message":"Internal server error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", e.Type)
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(e.RetryAfter))
	}
	w.WriteHeader(e.Status)
	_, _ = w.Write(body)
}

// find returns the operation of a request, and the variables of its path.
func (s *Service) find(r *http.Request) (*operation, map[string]string, bool) {
	segments := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	query := r.URL.Query()
	for n := len(segments); n > 0; n-- {
		for i := range s.operations[n] {
			o := &s.operations[n][i]
			if o.Method != r.Method || !matchesQuery(o.Query, query) {
				continue
			}
			if params, ok := match(o.segments, segments); ok {
				return o, params, true
			}
		}
	}
	return nil, nil, false
}

func matchesQuery(want string, query url.Values) bool {
	name, value, _ := strings.Cut(want, "=")
	return want == "" || query.Get(name) == value
}

func match(pattern, segments []string) (map[string]string, bool) {
	params := map[string]string{}
	for i, p := range pattern {
		name, isVariable := strings.CutPrefix(p, "{")
		if !isVariable {
			if p != segments[i] {
				return nil, false
			}
			continue
		}
		name = strings.TrimSuffix(name, "}")
		segment := segments[i]
		rest, greedy := strings.CutSuffix(name, "+")
		if greedy {
			name, segment = rest, strings.Join(segments[i:], "/")
		}
		value, err := url.PathUnescape(segment)
		if err != nil || value == "" {
			return nil, false
		}
		params[name] = value
		if greedy {
			return params, true
		}
	}
	return params, len(pattern) == len(segments)
}

package lambda

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/internal/amazon"
)

// The Invoke API is spoken here and not by the SDK's client, whose layers take more CPU
// than all else that a call needs. Credentials, endpoints, signatures and what is worth
// another attempt are the SDK's.
// See https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html

// Operations of the Invoke API: what stands before a function in the path, and after it.
var (
	invocations = operation{"/2015-03-31/functions/", "/invocations", ""}
	starts      = operation{"/2015-03-31/functions/", "/invocations", "Event"}
	streaming   = operation{"/2021-11-15/functions/", "/response-streaming-invocations", ""}
)

// operation is one, with the header of how the function is called, if there is one.
type operation struct{ before, after, how string }

// invocationType is the header that tells Lambda, and webhooks, that nobody waits.
const invocationType = "X-Amz-Invocation-Type"

func (c *Client) invoke(ctx context.Context, t Target, event []byte) ([]byte, error) {
	response, err := c.call(ctx, c.http.Transport, invocations, t, event)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	result, err := readAll(ctx, response)
	switch {
	case errors.Is(err, ErrTooLarge):
		return nil, ErrTooLarge
	case err != nil:
		return nil, fmt.Errorf("reading what %s returned: %w", t, err)
	case response.Header.Get("X-Amz-Function-Error") != "":
		return nil, functionError(result)
	}
	return result, nil
}

// call calls a function, again where that may help, and gives Lambda's answer if it is one
// of success.
func (c *Client) call(ctx context.Context, transport http.RoundTripper, op operation, t Target, event []byte) (*http.Response, error) {
	s, err := c.aws.Service(ctx, amazon.Place{Name: "lambda", Endpoint: t.Endpoint, Region: t.Region, Role: t.Role})
	if err != nil {
		return nil, err
	}
	// An ARN tells Amazon the account; emulators know functions by their names.
	name := t.Name
	if s.Amazon {
		name = cmp.Or(t.ARN, t.Name)
	}
	address := s.Base + op.before + url.PathEscape(name) + op.after
	if t.Qualifier != "" {
		address += "?Qualifier=" + url.QueryEscape(t.Qualifier)
	}
	digest := sha256.Sum256(event)
	hash := hex.EncodeToString(digest[:])
	for attempt := 1; ; attempt++ {
		response, err := send(ctx, s, transport, op, address, hash, event)
		switch {
		case err == nil:
			return response, nil
		case errors.Is(err, ErrTooLarge):
			return nil, ErrTooLarge
		case attempt >= c.attempts || ctx.Err() != nil || !c.retryer.IsErrorRetryable(err):
			return nil, asRefusal(fmt.Errorf("calling %s: %w", t, withoutURL(err)))
		}
		delay, err := c.retryer.RetryDelay(attempt, err)
		if err != nil {
			return nil, err
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func send(ctx context.Context, s *amazon.Service, transport http.RoundTripper, op operation, address, hash string, event []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(event))
	if err != nil {
		return nil, errors.New("the endpoint's address is not valid")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "gatehouse")
	if op.how != "" {
		request.Header.Set(invocationType, op.how)
	}
	if err := s.Sign(ctx, request, hash); err != nil {
		return nil, err
	}
	// Without a client around it, which would only cost: redirects are none of Lambda's.
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	tellRequestID(ctx, response)
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return response, nil
	}
	defer response.Body.Close()
	return nil, readError(response)
}

// serviceError is an answer of Lambda's that is none of success.
type serviceError struct {
	status        int
	code, message string
}

// ErrorCode and HTTPStatusCode tell the SDK what is worth another attempt.
func (e *serviceError) ErrorCode() string   { return e.code }
func (e *serviceError) HTTPStatusCode() int { return e.status }

func (e *serviceError) Error() string {
	text := fmt.Sprintf("Lambda answers with status %d", e.status)
	if e.code != "" {
		text += ", " + e.code
	}
	if e.message != "" {
		text += fmt.Sprintf(": %.300q", e.message)
	}
	return text
}

const maxErrorBytes = 64 << 10

// readError reads Lambda's account of what is wrong, as far as there is one.
func readError(r *http.Response) *serviceError {
	e := &serviceError{status: r.StatusCode, code: r.Header.Get("X-Amzn-ErrorType")}
	text, _ := io.ReadAll(io.LimitReader(r.Body, maxErrorBytes))
	var about struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(text, &about) == nil {
		e.code, e.message = cmp.Or(e.code, about.Type, about.Code), about.Message
	}
	// Some have an address around the name.
	e.code, _, _ = strings.Cut(e.code, ":")
	e.code = e.code[strings.LastIndexByte(e.code, '#')+1:]
	return e
}

// asRefusal tells errors that are Lambda's answer from others.
func asRefusal(err error) error {
	if answer := (*serviceError)(nil); errors.As(err, &answer) {
		return &RefusedError{answer.status, err}
	}
	return err
}

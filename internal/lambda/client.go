package lambda

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"gatehouse/internal/amazon"
	"gatehouse/internal/bounded"
)

// FunctionError says that the function was called and failed.
type FunctionError struct {
	// Type is the name of the exception, and Message its text.
	Type, Message string
	// Result is what it returned to say so; it may be anything.
	Result []byte
}

// Error does not repeat the message: it is the function's, and may hold anything.
func (e *FunctionError) Error() string {
	return fmt.Sprintf("the function failed with an error of type %q", cmp.Or(e.Type, "unknown"))
}

// RefusedError says that Lambda would not call the function: there is none, the caller may
// not, or there is too much to do.
type RefusedError struct {
	// Status is that of Lambda's answer.
	Status int
	cause  error
}

func (e *RefusedError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("Lambda answers with status %d", e.Status)
	}
	return e.cause.Error()
}

// Unwrap gives what is behind it.
func (e *RefusedError) Unwrap() error { return e.cause }

// ErrTooLarge says that a function answered with more than is read.
var ErrTooLarge = errors.New("the answer of the function is too large")

// Options configure a Client. The zero value of each means its default.
type Options struct {
	// MaxResponseBytes bounds what a function may answer, 6 MiB by default, as Lambda
	// does.
	MaxResponseBytes int64
	// Attempts is how often a call is tried when Lambda is too busy to call the function,
	// or the connection broke: twice by default.
	Attempts int
	// Transport is what webhooks and endpoints are called with; by default one of its
	// own, which uses the proxies and the authorities of the system.
	Transport http.RoundTripper
	// AWS finds Lambda and signs for it; by default one of its own.
	AWS *amazon.Client
}

// Client calls functions. It is safe for concurrent use.
type Client struct {
	http *http.Client
	// streams is without the bound on responses.
	streams *http.Client
	aws     *amazon.Client
	// attempts is how often a call is tried; the retryer decides what is worth another one,
	// and when.
	attempts int
	retryer  aws.Retryer
}

// New makes a Client. It does not look at the environment.
func New(o Options) *Client {
	if o.Transport == nil {
		o.Transport = amazon.NewTransport()
	}
	if o.AWS == nil {
		o.AWS = amazon.New(o.Transport)
	}
	c := &Client{aws: o.AWS, attempts: cmp.Or(o.Attempts, 2), retryer: retry.NewStandard(), http: &http.Client{
		Transport: bounded.Transport{RoundTripper: o.Transport, Limit: cmp.Or(o.MaxResponseBytes, 6<<20), Err: ErrTooLarge},
		// A redirect would take the event, and the secret, to someone who was not named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.streams = &http.Client{Transport: o.Transport, CheckRedirect: c.http.CheckRedirect}
	return c
}

// Invoke calls a function with an event, and gives its result. The error is a
// *FunctionError when the function itself failed, a *RefusedError when Lambda did not call
// it, ErrTooLarge, or says why it could not be called. The context bounds how long it may take.
func (c *Client) Invoke(ctx context.Context, t Target, event []byte) ([]byte, error) {
	if t.URL != "" {
		return c.post(ctx, t, event)
	}
	return c.invoke(ctx, t, event)
}

// Start has a function called with an event, and does not wait for what becomes of it:
// Lambda keeps the event. A webhook is told that nobody waits, and is only waited for until
// it has the event. The errors are those of Invoke, but for a *FunctionError.
func (c *Client) Start(ctx context.Context, t Target, event []byte) error {
	var response *http.Response
	var err error
	if t.URL != "" {
		response, err = c.send(ctx, c.http, t, event, starts.how)
	} else {
		response, err = c.call(ctx, c.http.Transport, starts, t, event)
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return &RefusedError{Status: response.StatusCode}
	}
	return nil
}

// failure is what runtimes answer when a function raised an error.
type failure struct {
	Message *string `json:"errorMessage"`
	Type    string  `json:"errorType"`
}

// functionError reads the result of a function that failed.
func functionError(result []byte) *FunctionError {
	var f failure
	if json.Unmarshal(result, &f) != nil || f.Message == nil {
		return &FunctionError{Result: result}
	}
	return &FunctionError{Type: f.Type, Message: *f.Message, Result: result}
}

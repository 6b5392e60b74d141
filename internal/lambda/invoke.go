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

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
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

// service is where functions are called, with what is needed to call them.
type service struct {
	// base is the address, which ends without a slash.
	base, region string
	// amazon: it is AWS itself.
	amazon      bool
	credentials aws.CredentialsProvider
	signer      *v4.Signer
	retryer     aws.Retryer
}

// invocationType is the header that tells Lambda, and webhooks, that nobody waits.
const invocationType = "X-Amz-Invocation-Type"

func (a *awsClients) invoke(ctx context.Context, t Target, event []byte) ([]byte, error) {
	response, err := a.call(ctx, a.transport, invocations, t, event)
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
func (a *awsClients) call(ctx context.Context, transport http.RoundTripper, op operation, t Target, event []byte) (*http.Response, error) {
	s, err := a.service(ctx, awsTarget{t.Endpoint, t.Region, t.Role})
	if err != nil {
		return nil, err
	}
	// An ARN tells Amazon the account; emulators know functions by their names.
	name := t.Name
	if s.amazon {
		name = cmp.Or(t.ARN, t.Name)
	}
	address := s.base + op.before + url.PathEscape(name) + op.after
	if t.Qualifier != "" {
		address += "?Qualifier=" + url.QueryEscape(t.Qualifier)
	}
	digest := sha256.Sum256(event)
	hash := hex.EncodeToString(digest[:])
	for attempt := 1; ; attempt++ {
		response, err := s.send(ctx, transport, op, address, hash, event)
		switch {
		case err == nil:
			return response, nil
		case errors.Is(err, ErrTooLarge):
			return nil, ErrTooLarge
		case attempt >= a.attempts || ctx.Err() != nil || !s.retryer.IsErrorRetryable(err):
			return nil, asRefusal(fmt.Errorf("calling %s: %w", t, withoutURL(err)))
		}
		delay, err := s.retryer.RetryDelay(attempt, err)
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

func (s *service) send(ctx context.Context, transport http.RoundTripper, op operation, address, hash string, event []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(event))
	if err != nil {
		return nil, errors.New("the endpoint's address is not valid")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "gatehouse")
	if op.how != "" {
		request.Header.Set(invocationType, op.how)
	}
	keys, err := s.credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("there are no AWS credentials: %w", err)
	}
	if err := s.signer.SignHTTP(ctx, keys, request, hash, "lambda", s.region, time.Now()); err != nil {
		return nil, fmt.Errorf("signing the call: %w", err)
	}
	// Without a client around it, which would only cost: redirects are none of Lambda's.
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
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

// newRetryer decides what is worth another attempt, and when.
func newRetryer() aws.Retryer { return retry.NewStandard() }

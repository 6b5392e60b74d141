package websocket

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"gatehouse/integration/vtl"
)

// target is what stands behind a route.
type target interface {
	// invoke calls it. What it cannot do is a *failure.
	invoke(context.Context, *event) (*answer, error)
}

// answer is what an integration said.
type answer struct {
	status int
	header http.Header
	body   []byte
	// overrides are those of the request template, which response templates may add to.
	overrides vtl.Overrides
}

// ok reports whether a client may connect.
func (a *answer) ok() bool { return a.status >= 200 && a.status < 300 }

// failure is why an integration gave no answer. Clients read the message.
type failure struct {
	status  int
	message string
	// cause is for the log.
	cause error
}

func (f *failure) Error() string { return fmt.Sprintf("%s: %v", f.message, f.cause) }
func (f *failure) Unwrap() error { return f.cause }

// What clients are told of failures.
const (
	messageInternal   = "Internal server error"
	messageTimeout    = "Endpoint request timed out"
	messageBadBody    = "Bad request body"
	messageBadRequest = "Bad Request"
	messageForbidden  = "Forbidden"
	messageThrottled  = "Too Many Requests"
	messageUpgrade    = "Upgrade Required"
)

// failed makes a failure of what went wrong on the way to an integration.
func failed(ctx context.Context, status int, err error) *failure {
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &failure{http.StatusGatewayTimeout, messageTimeout, err}
	}
	return &failure{status, messageInternal, err}
}

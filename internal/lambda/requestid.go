package lambda

import (
	"context"
	"net/http"
)

// requestIDHeader is where Lambda, and the URLs of functions, give the id of a call.
// See https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
const requestIDHeader = "X-Amzn-Requestid"

// maxRequestID is more than any id of Amazon's has.
const maxRequestID = 128

// requestIDKey is for the context of a call.
type requestIDKey struct{}

// WithRequestID has calls with the context tell their ids, each before its result. A call
// that is made again tells another one.
func WithRequestID(ctx context.Context, tell func(id string)) context.Context {
	return context.WithValue(ctx, requestIDKey{}, tell)
}

// tellRequestID tells the id of a call, if it has one and somebody wants it.
func tellRequestID(ctx context.Context, r *http.Response) {
	tell, wanted := ctx.Value(requestIDKey{}).(func(string))
	if id := r.Header.Get(requestIDHeader); wanted && id != "" && len(id) <= maxRequestID {
		tell(id)
	}
}

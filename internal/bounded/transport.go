// Package bounded keeps what others answer from being more than anybody wants to read.
package bounded

import (
	"cmp"
	"errors"
	"io"
	"net/http"
)

// ErrTooLarge is how answers end that are too large, unless a Transport says otherwise.
var ErrTooLarge = errors.New("the answer is larger than any that is read")

// Transport is a transport whose answers end in an error where they have more bytes than
// Limit.
type Transport struct {
	http.RoundTripper
	Limit int64
	// Err is that error, ErrTooLarge by default.
	Err error
}

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	tooLarge := cmp.Or(t.Err, ErrTooLarge)
	if response.ContentLength > t.Limit {
		response.Body.Close()
		return nil, tooLarge
	}
	response.Body = &body{response.Body, t.Limit, tooLarge}
	return response, nil
}

type body struct {
	io.ReadCloser
	left     int64
	tooLarge error
}

func (b *body) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		return int(b.left), b.tooLarge
	}
	b.left -= int64(n)
	return n, err
}

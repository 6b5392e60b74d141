package lambda

import (
	"context"
	"io"
	"net/http"
)

// reservationKey is for the context of a call.
type reservationKey struct{}

// WithReservation has the results of calls with the context ask before they take more
// memory. What the function returns ends the call.
func WithReservation(ctx context.Context, reserve func(bytes int64) error) context.Context {
	return context.WithValue(ctx, reservationKey{}, reserve)
}

const firstRead = 4 << 10

// readAll reads a response whose length is bounded by its transport.
func readAll(ctx context.Context, r *http.Response) ([]byte, error) {
	reserve, _ := ctx.Value(reservationKey{}).(func(int64) error)
	// One byte more is room to see the end.
	first := max(r.ContentLength, firstRead-1) + 1
	var result []byte
	for {
		if len(result) == cap(result) {
			size := max(2*int64(cap(result)), first)
			if reserve != nil {
				if err := reserve(size - int64(cap(result))); err != nil {
					return nil, err
				}
			}
			larger := make([]byte, len(result), size)
			copy(larger, result)
			result = larger
		}
		n, err := r.Body.Read(result[len(result):cap(result)])
		result = result[:len(result)+n]
		switch {
		case err == io.EOF:
			return result, nil
		case err != nil:
			return nil, err
		}
	}
}

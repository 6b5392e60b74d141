package bounded_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"gatehouse/internal/bounded"
)

// TestTransport reads answers of and above the limit, whether or not they say how long they
// are, in large pieces and in small ones.
func TestTransport(t *testing.T) {
	const limit = 10_000
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size := limit
		if r.URL.Query().Has("more") {
			size++
		}
		if r.URL.Query().Has("chunks") {
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, strings.Repeat("x", size))
	}))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: bounded.Transport{RoundTripper: http.DefaultTransport, Limit: limit}}
	for _, query := range []string{"", "chunks", "more", "more&chunks"} {
		for name, in := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader} {
			response, err := client.Get(server.URL + "?" + query)
			var read []byte
			if err == nil {
				read, err = io.ReadAll(in(response.Body))
				response.Body.Close()
			}
			if more := strings.Contains(query, "more"); errors.Is(err, bounded.ErrTooLarge) != more || !more && (err != nil || len(read) != limit) || len(read) > limit {
				t.Errorf("%q by %s: %d bytes, %v", query, name, len(read), err)
			}
		}
	}
}

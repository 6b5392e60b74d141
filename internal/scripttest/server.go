// Package scripttest has servers that say exactly what a test wants them to say.
package scripttest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// Server answers the first request of each connection with a text, and then closes the
// connection or waits. It returns its URL, without a slash behind it.
func Server(t testing.TB, text string, closes bool) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = ReadRequest(bufio.NewReader(c))
				_, _ = io.WriteString(c, text)
				if !closes {
					_, _ = io.Copy(io.Discard, c)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// ReadRequest reads a request with its body, of which nothing is kept.
func ReadRequest(r *bufio.Reader) (*http.Request, error) {
	request, err := http.ReadRequest(r)
	if err == nil {
		_, err = io.Copy(io.Discard, request.Body)
	}
	return request, err
}

package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// serverCall is a question to a running server, at its --http-address.
type serverCall struct {
	// server is the address as it was given, for errors; url is what is asked.
	server string
	url    *url.URL
	method string
	// body is JSON, or nil.
	body    []byte
	timeout time.Duration
	// want is the status of a good answer, 0 for any that tells of success.
	want int
	// most bounds the answer, in bytes; fewer says how to ask for less.
	most  int64
	fewer string
	// absent says what a server lacks that has no such page, and closed why one may not take
	// the method.
	absent, closed string
}

// serverFlagURL reads the value of a flag --server.
func serverFlagURL(server string) (*url.URL, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usagef("--server must be a URL, such as http://127.0.0.1:8001")
	}
	return u, nil
}

// ask gives the answer's body. The server's own words are in the error of a refusal.
func (c *serverCall) ask(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, c.method, c.url.String(), bytes.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("is 'gatehouse run' or 'serve' running there, with this --http-address? %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, c.most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", c.server, err)
	case int64(len(text)) > c.most:
		return nil, fmt.Errorf("%s answers more than %d MiB%s", c.server, c.most>>20, c.fewer)
	case answer.StatusCode == http.StatusNotFound && c.absent != "" && bytes.HasPrefix(text, []byte("404")):
		return nil, fmt.Errorf("%s %s", c.server, c.absent)
	case answer.StatusCode == http.StatusMethodNotAllowed && c.closed != "":
		return nil, fmt.Errorf("%s %s", c.server, c.closed)
	case c.want == 0 && answer.StatusCode/100 != 2, c.want != 0 && answer.StatusCode != c.want:
		return nil, fmt.Errorf("%s: %s", c.server, reason(text))
	}
	return text, nil
}

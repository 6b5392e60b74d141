package fault

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// target is what a stream of requests asks for.
type target struct {
	port int
	host string
	path string
	// tls is nil for plain HTTP.
	tls *tls.Config
	// answers are the bodies that are right.
	answers []string
}

// traffic asks for targets, all the time: for each there is a client that keeps its
// connection and one that opens one for each request. It speaks HTTP itself: Go's
// client would quietly ask again where a connection breaks, which is what is to be
// found out.
type traffic struct {
	t     *testing.T
	stop  chan struct{}
	group sync.WaitGroup

	mu       sync.Mutex
	streams  []*stream
	failures []string
}

// stream is the requests of one client.
type stream struct {
	target
	fresh bool
	// untilRefused ends the stream, without failure, when a new connection fails.
	untilRefused bool

	// What follows is guarded by traffic.mu.
	requests, connections int
}

func (s *stream) String() string {
	kind := "kept"
	if s.fresh {
		kind = "fresh"
	}
	return fmt.Sprintf("%s:%d%s (%s connections)", s.host, s.port, s.path, kind)
}

// load starts the traffic. It stops with end, at the latest with the test.
func load(t *testing.T, targets ...target) *traffic {
	t.Helper()
	var streams []*stream
	for _, target := range targets {
		streams = append(streams, &stream{target: target}, &stream{target: target, fresh: true})
	}
	return run(t, streams)
}

func run(t *testing.T, streams []*stream) *traffic {
	t.Helper()
	l := &traffic{t: t, stop: make(chan struct{}), streams: streams}
	for _, s := range streams {
		l.group.Go(func() { l.ask(s) })
	}
	t.Cleanup(l.end)
	l.goesOn()
	return l
}

// end stops the traffic and reports what failed, and clients that hardly asked.
func (l *traffic) end() {
	l.t.Helper()
	select {
	case <-l.stop:
		return
	default:
	}
	close(l.stop)
	l.group.Wait()
	total := 0
	for _, s := range l.streams {
		total += s.requests
		if s.requests < 5 {
			l.t.Errorf("only %d requests to %v", s.requests, s)
		}
	}
	if len(l.failures) > 0 {
		l.t.Errorf("%d of %d requests failed:\n%s", len(l.failures), total, strings.Join(l.failures[:min(len(l.failures), 10)], "\n"))
	}
	l.t.Logf("%d requests", total)
}

// goesOn waits until every client has had some answers from now on.
func (l *traffic) goesOn() {
	l.t.Helper()
	counts := func() (out []int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range l.streams {
			out = append(out, s.requests)
		}
		return out
	}
	before := counts()
	eventually(l.t, "requests are answered", func() bool {
		for i, n := range counts() {
			if n < before[i]+3 {
				return false
			}
		}
		return true
	})
}

// connections is how many each client that keeps them had to open.
func (l *traffic) connections() (out []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.streams {
		if !s.fresh {
			out = append(out, s.connections)
		}
	}
	return out
}

func (l *traffic) ask(s *stream) {
	c := &client{stream: s}
	defer c.close()
	pause := 5 * time.Millisecond
	if s.fresh {
		pause = 20 * time.Millisecond // ports of closed connections are in short supply
	}
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(pause):
		}
		isNew := c.conn == nil
		err := c.request()
		if s.untilRefused && isNew && err != nil {
			return
		}
		l.mu.Lock()
		s.requests++
		if isNew {
			s.connections++
		}
		if err != nil {
			l.failures = append(l.failures, fmt.Sprintf("%s %v: %v", time.Now().Format("15:04:05.000"), s, err))
		}
		l.mu.Unlock()
		if s.fresh {
			c.close()
		}
	}
}

// client has one connection at a time.
type client struct {
	*stream
	conn net.Conn
	in   *bufio.Reader
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func (c *client) request() error {
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", c.port), 5*time.Second)
		if err != nil {
			return err
		}
		if c.tls != nil {
			conn = tls.Client(conn, c.tls)
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	err := c.exchange()
	if err != nil {
		c.close()
	}
	return err
}

func (c *client) exchange() error {
	if err := c.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", c.path, c.host); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("receiving the body: %w", err)
	}
	if resp.StatusCode != http.StatusOK || !slices.Contains(c.answers, string(body)) {
		return fmt.Errorf("status %d, %.200q", resp.StatusCode, body)
	}
	if resp.Close {
		c.close()
	}
	return nil
}

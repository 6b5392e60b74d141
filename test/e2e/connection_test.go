package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A connection is one that stays open from request to request: what changes for the
// gateway must be in force on it too.
type connection struct {
	t    *testing.T
	host string
	conn net.Conn
	in   *bufio.Reader
}

func (g *running) connect(host string) *connection {
	g.t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.port))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { conn.Close() })
	return &connection{g.t, host, conn, bufio.NewReader(conn)}
}

// get sends a GET request with header lines and gives the status.
func (c *connection) get(target string, headers ...string) int {
	c.t.Helper()
	text := "GET " + target + " HTTP/1.1\r\nHost: " + c.host + "\r\n"
	for _, h := range headers {
		text += h + "\r\n"
	}
	r := c.exchange(text + "\r\n")
	if r.Close {
		c.t.Errorf("the connection does not stay open after %d", r.StatusCode)
	}
	return r.StatusCode
}

// exchange sends a request as it is written and gives the answer.
func (c *connection) exchange(request string) reply {
	c.t.Helper()
	if err := c.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.WriteString(c.conn, request); err != nil {
		c.t.Fatal(err)
	}
	r, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply{r, string(body)}
}

package lockstep

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// connection is one to a server, with no more than one request under way.
type connection struct {
	socket net.Conn
	reader *bufio.Reader
	writer *bufio.Writer
	// left is how many bytes of headers may still come.
	left int64
	// quiet reports whether the connection is open and the server has sent nothing that nobody
	// has asked for.
	quiet func() bool
	// idleSince is when the connection was done with its last request.
	idleSince time.Time
}

const bufferBytes = 8 << 10

func newConnection(socket net.Conn) *connection {
	c := &connection{socket: socket, left: math.MaxInt64, quiet: quietness(socket)}
	c.reader, c.writer = bufio.NewReaderSize(c, bufferBytes), bufio.NewWriterSize(socket, bufferBytes)
	return c
}

// Read reads from the socket, as far as headers are not too long.
func (c *connection) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errHeadersTooLong
	}
	n, err := c.socket.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

var (
	errHeadersTooLong = errors.New("the headers of the answer are too long")
	errTooManyInterim = errors.New("the server announces its answer again and again")
	errNoAnswer       = errors.New("the server closed the connection without an answer")
	errSwitched       = errors.New("the server switches protocols though nobody has asked it to")
)

// maxInterim is how many responses of 1xx are read before the answer, as in net/http.
const maxInterim = 5

// exchange writes a request and reads its answer, but for the body.
func (c *connection) exchange(r *http.Request, maxHeaders int64) (*http.Response, error) {
	if err := r.Write(c.writer); err != nil {
		return nil, fmt.Errorf("writing the request: %w", err)
	}
	if err := c.writer.Flush(); err != nil {
		return nil, fmt.Errorf("writing the request: %w", err)
	}
	// What is read ahead of the body counts, too.
	c.left = maxHeaders + bufferBytes
	defer func() { c.left = math.MaxInt64 }()
	if _, err := c.reader.Peek(1); err == io.EOF {
		return nil, errNoAnswer
	}
	for range maxInterim + 1 {
		response, err := http.ReadResponse(c.reader, r)
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading the answer: %w", err)
		case response.StatusCode == http.StatusSwitchingProtocols:
			return nil, errSwitched
		case response.StatusCode < 100 || response.StatusCode >= 200:
			return response, nil
		}
	}
	return nil, errTooManyInterim
}

// body is that of an answer. Its end has the connection wait for another request.
type body struct {
	io.Reader
	ctx        context.Context
	stop       func() bool
	connection *connection
	pool       *pool
	// last: the server closes the connection.
	last bool
	// ended is how, once it has.
	ended atomic.Int32
}

// Ways for a body to end.
const (
	// whole: all was read.
	whole int32 = iota + 1
	// broken: it was closed before, or could not be read.
	broken
)

func (b *body) Read(p []byte) (int, error) {
	switch b.ended.Load() {
	case whole:
		return 0, io.EOF
	case broken:
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.Reader.Read(p)
	switch {
	case err == io.EOF:
		b.end(whole)
	case err != nil:
		err = because(b.ctx, err)
		b.end(broken)
	}
	return n, err
}

// Close gives the connection up unless all was read.
func (b *body) Close() error {
	b.end(broken)
	return nil
}

func (b *body) end(how int32) {
	if !b.ended.CompareAndSwap(0, how) {
		return
	}
	// A context that has ended has spoilt the socket, or is about to.
	if b.stop() && how == whole && !b.last && b.connection.reader.Buffered() == 0 {
		b.pool.keep(b.connection)
		return
	}
	b.pool.discard(b.connection)
}

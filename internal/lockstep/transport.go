package lockstep

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Transport is a http.RoundTripper that takes what it can do in lock step, and gives the rest
// to the http.Transport that it was made with. It is safe for concurrent use.
type Transport struct {
	other *http.Transport
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	pools pools
}

// maxBody is how much is written before the answer is looked at: less than what the buffers of
// a connection hold, so that a server that does not read it cannot keep its answer from us.
const maxBody = 64 << 10

// New returns a Transport with the proxies, limits and timeouts of another one.
func New(other *http.Transport) *Transport {
	t := &Transport{other: other, dial: other.DialContext}
	if t.dial == nil {
		t.dial = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	t.pools = newPools(other.MaxConnsPerHost, other.MaxIdleConnsPerHost, other.IdleConnTimeout)
	return t
}

// CloseIdleConnections closes the connections that nobody uses now.
func (t *Transport) CloseIdleConnections() {
	t.pools.closeIdle()
	t.other.CloseIdleConnections()
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.takes(r) {
		return t.other.RoundTrip(r)
	}
	ctx := r.Context()
	pool, err := t.pools.enter(ctx, addressOf(r.URL))
	if err != nil {
		closeBody(r)
		return nil, err
	}
	c := pool.idle()
	if c == nil {
		socket, err := t.dial(ctx, "tcp", pool.address)
		if err != nil {
			closeBody(r)
			pool.leave()
			return nil, err
		}
		c = newConnection(socket)
	}
	// The context's end has whatever is read or written then fail.
	stop := context.AfterFunc(ctx, func() { _ = c.socket.SetDeadline(time.Unix(1, 0)) })
	response, err := c.exchange(r, cmp.Or(t.other.MaxResponseHeaderBytes, http.DefaultMaxHeaderBytes))
	if err != nil {
		stop()
		pool.discard(c)
		return nil, because(ctx, err)
	}
	b := &body{Reader: response.Body, ctx: ctx, stop: stop, connection: c, pool: pool, last: response.Close}
	if response.Body == http.NoBody {
		b.end(whole)
	} else {
		response.Body = b
	}
	return response, nil
}

// takes reports whether a request can be done in lock step.
func (t *Transport) takes(r *http.Request) bool {
	if r.URL == nil || r.URL.Scheme != "http" || r.URL.Host == "" || r.Close || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 {
		return false
	}
	if r.Body != nil && r.Body != http.NoBody && (r.ContentLength <= 0 || r.ContentLength > maxBody) {
		return false
	}
	// net/http's own checks, whose words are better said by itself.
	if !plainMethod(r.Method) || !httpguts.ValidHostHeader(r.Host) {
		return false
	}
	for name, values := range r.Header {
		switch name {
		case "Expect", "Upgrade", "Connection", "Te", "Transfer-Encoding":
			return false
		}
		if !httpguts.ValidHeaderFieldName(name) {
			return false
		}
		for _, value := range values {
			if !httpguts.ValidHeaderFieldValue(value) {
				return false
			}
		}
	}
	if p := t.other.Protocols; p != nil && (!p.HTTP1() || p.UnencryptedHTTP2()) {
		return false
	}
	if t.other.Proxy == nil {
		return true
	}
	proxy, err := t.other.Proxy(r)
	return err == nil && proxy == nil
}

// plainMethod tells methods whose answers have bodies as of any; HEAD and CONNECT do not.
func plainMethod(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

func addressOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// because gives the end of the context as the cause of what it has broken.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

package lockstep

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/scripttest"
)

// counted returns a transport, and how many connections it has opened itself.
func counted(t testing.TB, other *http.Transport) (*Transport, *atomic.Int32) {
	lockstep := New(other)
	var opened atomic.Int32
	dial := lockstep.dial
	lockstep.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		opened.Add(1)
		return dial(ctx, network, address)
	}
	t.Cleanup(lockstep.CloseIdleConnections)
	return lockstep, &opened
}

func limited() *http.Transport {
	return &http.Transport{MaxConnsPerHost: 4, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true}
}

func post(ctx context.Context, url, body string) *http.Request {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	return r
}

// ask does one call, and gives the answer as a text.
func ask(transport http.RoundTripper, r *http.Request) (string, error) {
	response, err := transport.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s %s", response.StatusCode, response.Header.Get("X-Echo"), data), err
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Echo", r.Method+" "+r.Host+r.URL.RequestURI()+" "+r.Header.Get("X-Sent"))
	_, _ = w.Write(body)
}

// What is sent arrives as it would by net/http, over as many connections as there are calls at
// a time.
func TestCalls(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(echo))
	defer server.Close()
	transport, opened := counted(t, limited())
	for i := range 20 {
		for _, body := range []string{"", "text", strings.Repeat("x", maxBody), strings.Repeat("x", maxBody+1)} {
			r := post(t.Context(), server.URL+"/a?b=c", body)
			r.Header.Set("X-Sent", fmt.Sprint(i))
			host := strings.TrimPrefix(server.URL, "http://")
			if got, err := ask(transport, r); err != nil || got != fmt.Sprintf("200 POST %s/a?b=c %d %s", host, i, body) {
				t.Fatalf("%.100s %v", got, err)
			}
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for calls one after the other", n)
	}
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			for range 20 {
				if got, err := ask(transport, post(t.Context(), server.URL, "text")); err != nil || !strings.HasSuffix(got, "text") {
					t.Errorf("%s %v", got, err)
				}
			}
		})
	}
	all.Wait()
	if n := opened.Load(); n > 4 {
		t.Errorf("%d connections where there may be 4", n)
	}
	transport.CloseIdleConnections()
	if n := len(transport.pools.byAddress); n != 0 {
		t.Errorf("%d addresses are known without a connection", n)
	}
}

// What is not for lock step goes another way, and arrives.
func TestOtherWays(t *testing.T) {
	plain, secure := httptest.NewServer(http.HandlerFunc(echo)), httptest.NewTLSServer(http.HandlerFunc(echo))
	defer plain.Close()
	defer secure.Close()
	other := secure.Client().Transport.(*http.Transport)
	transport, opened := counted(t, other)
	unknown := post(t.Context(), plain.URL, "text")
	unknown.ContentLength, unknown.Body = -1, io.NopCloser(strings.NewReader("text"))
	head := post(t.Context(), plain.URL, "")
	head.Method = http.MethodHead
	for name, r := range map[string]*http.Request{"TLS": post(t.Context(), secure.URL, "text"), "a body of unknown length": unknown, "HEAD": head} {
		if got, err := ask(transport, r); err != nil || !strings.HasPrefix(got, "200 ") {
			t.Errorf("%s: %s %v", name, got, err)
		}
	}
	bad := post(t.Context(), plain.URL, "text")
	bad.Header["X-Sent"] = []string{"a\r\nInjected: b"}
	if got, err := ask(transport, bad); err == nil {
		t.Errorf("a header of two lines: %s", got)
	}
	if opened.Load() != 0 {
		t.Errorf("%d connections", opened.Load())
	}
	second := &http.Protocols{}
	second.SetUnencryptedHTTP2(true)
	newer := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	newer.Config.Protocols = second
	newer.Start()
	defer newer.Close()
	transport, opened = counted(t, &http.Transport{Protocols: second})
	if got, err := ask(transport, post(t.Context(), newer.URL, "text")); err != nil || !strings.HasPrefix(got, "200 ") || opened.Load() != 0 {
		t.Errorf("HTTP/2 without TLS: %s %v", got, err)
	}
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { proxied.Add(1) }))
	defer proxy.Close()
	through := limited()
	through.Proxy = func(r *http.Request) (*url.URL, error) { return post(r.Context(), proxy.URL, "").URL, nil }
	transport, opened = counted(t, through)
	if _, err := ask(transport, post(t.Context(), plain.URL, "text")); err != nil || proxied.Load() != 1 || opened.Load() != 0 {
		t.Errorf("with a proxy: %v, %d requests there", err, proxied.Load())
	}
}

// Answers mean what they mean to net/http.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		closes bool
		want   string // empty for an error
	}{
		"length":                {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, "200  ok"},
		"chunks":                {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false, "200  ok"},
		"until the end":         {"HTTP/1.1 200 OK\r\n\r\nok", true, "200  ok"},
		"HTTP/1.0":              {"HTTP/1.0 200 OK\r\n\r\nok", true, "200  ok"},
		"nothing":               {"HTTP/1.1 204 No Content\r\n\r\n", false, "204  "},
		"interim":               {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", false, "404  "},
		"interim for ever":      {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100), false, ""},
		"no answer":             {"", true, ""},
		"no HTTP":               {"hello there\r\n\r\n", true, ""},
		"cut headers":           {"HTTP/1.1 200 OK\r\nContent-Le", true, ""},
		"cut body":              {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok", true, ""},
		"cut chunk":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nok", true, ""},
		"endless headers":       {"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 50_000), false, ""},
		"two lengths":           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", true, ""},
		"another protocol":      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", false, ""},
		"more than was asked":   {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n\r\n", false, "200  ok"},
		"a response in headers": {"HTTP/1.1 200 OK\r\nX-Echo: a\r\n b\r\nContent-Length: 0\r\n\r\n", false, "200 a b "},
	} {
		transport, _ := counted(t, limited())
		url := scripttest.Server(t, c.text, c.closes)
		got, err := ask(transport, post(t.Context(), url, "text"))
		if (err == nil) != (c.want != "") || err == nil && got != c.want {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

// A connection that the server has closed, or sent something over that nobody has asked for,
// is not used.
func TestStaleConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	done := make(chan struct{})
	go func() {
		for i := 0; ; i++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = scripttest.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, answer)
			if i%2 == 0 {
				c.Close()
			} else {
				go func() {
					// Later than the answer, so that it is none of it.
					<-done
					_, _ = io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 3\r\n\r\nbad")
					done <- struct{}{}
				}()
			}
		}
	}()
	transport, opened := counted(t, limited())
	for i := range 4 {
		if got, err := ask(transport, post(t.Context(), "http://"+l.Addr().String(), "text")); err != nil || got != "200  ok" {
			t.Fatalf("call %d: %s %v", i, got, err)
		}
		if i%2 == 1 {
			done <- struct{}{}
			<-done
		}
		// The kernel has to have what the server did.
		waitFor(t, func() bool {
			transport.pools.mu.Lock()
			defer transport.pools.mu.Unlock()
			for _, p := range transport.pools.byAddress {
				for _, c := range p.free {
					if c.quiet() {
						return false
					}
				}
			}
			return true
		})
	}
	if n := opened.Load(); n != 4 {
		t.Errorf("%d connections", n)
	}
}

func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	for range 1000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it never came to that")
}

// The end of the context ends a call wherever it is, and leaves nothing behind.
func TestContexts(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(w, "some")
			w.(http.Flusher).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	mine := errors.New("mine")
	for _, path := range []string{"/headers", "/body"} {
		transport, _ := counted(t, limited())
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(50*time.Millisecond, func() { cancel(mine) })
		if _, err := ask(transport, post(ctx, server.URL+path, "text")); !errors.Is(err, mine) {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := ask(transport, post(ctx, server.URL+path, "text")); err == nil {
			t.Errorf("%s: a context that has ended already is good for a call", path)
		}
		waitFor(t, func() bool {
			transport.pools.mu.Lock()
			defer transport.pools.mu.Unlock()
			return len(transport.pools.byAddress) == 0
		})
	}
	// Nor does a call wait longer than its context for others to end.
	transport, _ := counted(t, limited())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var started sync.WaitGroup
	for range 4 {
		started.Add(1)
		go func() {
			response, err := transport.RoundTrip(post(ctx, server.URL+"/body", "text"))
			started.Done()
			if err == nil {
				<-ctx.Done()
				response.Body.Close()
			}
		}()
	}
	started.Wait()
	short, end := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer end()
	if _, err := ask(transport, post(short, server.URL+"/body", "text")); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// Who does not read an answer to its end gives the connection up.
func TestClosedBodies(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20))
	}))
	defer server.Close()
	transport, opened := counted(t, limited())
	for range 3 {
		response, err := transport.RoundTrip(post(t.Context(), server.URL, "text"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(response.Body, make([]byte, 10)); err != nil {
			t.Error(err)
		}
		response.Body.Close()
		if n, err := response.Body.Read(make([]byte, 10)); n != 0 || err != http.ErrBodyReadAfterClose {
			t.Errorf("%d bytes after the end, %v", n, err)
		}
	}
	if n := opened.Load(); n != 3 {
		t.Errorf("%d connections", n)
	}
}

// Connections that nobody uses are closed after a while.
func TestIdleTimeout(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(echo))
	defer server.Close()
	other := limited()
	other.IdleConnTimeout = 20 * time.Millisecond
	transport, _ := counted(t, other)
	if _, err := ask(transport, post(t.Context(), server.URL, "text")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		transport.pools.mu.Lock()
		defer transport.pools.mu.Unlock()
		return len(transport.pools.byAddress) == 0
	})
}

// FuzzAnswers holds what servers may send to what net/http makes of it.
func FuzzAnswers(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nok", "HTTP/1.0 200\r\n\r\n", "HTTP/1.1 101 X\r\n\r\n", "HTTP/1.1 304 X\r\nContent-Length: 4\r\n\r\n", "",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dial := func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				if _, err := scripttest.ReadRequest(bufio.NewReader(there)); err == nil {
					_, _ = there.Write(text)
				}
			}()
			return here, nil
		}
		other := limited()
		other.DialContext = dial
		defer other.CloseIdleConnections()
		want, wantErr := ask(other, post(t.Context(), "http://pipe", "text"))
		got, err := ask(New(other), post(t.Context(), "http://pipe", "text"))
		// A switch of protocols that nobody has asked for is an answer to net/http.
		if strings.HasPrefix(want, "101 ") {
			want, wantErr = "", errSwitched
		}
		if (err == nil) != (wantErr == nil) || got != want {
			t.Errorf("%q %v, by net/http %q %v", got, err, want, wantErr)
		}
	})
}

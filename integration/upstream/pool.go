package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/lockstep"
	"gatehouse/internal/obs"
)

const (
	defaultConnectTimeout = 5 * time.Second
	// defaultMaxRequests is Envoy's, for backends that say nothing.
	defaultMaxRequests = 1024
	// maxIdle is how many connections are kept, of all endpoints and of one.
	maxIdle = 1000
	// avoidedFor is how long an endpoint that could not be connected to is asked last.
	avoidedFor = 5 * time.Second
	// maxResponseHeaderBytes is what Envoy takes of its upstreams.
	maxResponseHeaderBytes = 60 << 10
)

// Pools are the connections to backends. They outlive the revision that began them, as
// long as the next ones have the same backend. The zero value has none yet.
type Pools struct {
	mu    sync.Mutex
	pools map[string]*Pool
}

// Upstream is what an integration is sent to.
type Upstream struct {
	of gateway.Upstream
	// backend is nil for plain hosts.
	backend *gateway.Backend
	// shown is the certificate that the stage shows to the backend; nil for none.
	shown *gateway.ClientCertificate
	// key is the same for upstreams that are the same.
	key string
}

// TLS tells whether it is spoken to over TLS.
func (u *Upstream) TLS() bool { return u.of.TLS }

// New makes ready what gateway.Snapshot.Upstream has found. The certificate is the one that
// is shown to it, nil for none.
func New(u gateway.Upstream, b *gateway.Backend, shown *gateway.ClientCertificate) *Upstream {
	return &Upstream{u, b, shown, gateway.ContentHash(struct {
		U     gateway.Upstream
		B     *gateway.Backend
		Shown *gateway.ClientCertificate
	}{u, b, shown})}
}

// Key is the same for upstreams that are the same.
func (u *Upstream) Key() string { return u.key }

// Pool gives the connections of an upstream.
func (u *Pools) Pool(of *Upstream) (*Pool, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if p := u.pools[of.key]; p != nil {
		return p, nil
	}
	p, err := newPool(of)
	if err != nil {
		return nil, err
	}
	if u.pools == nil {
		u.pools = map[string]*Pool{}
	}
	u.pools[of.key] = p
	return p, nil
}

// Keep closes the connections that nobody will use any more: those of all upstreams but the
// wanted ones, by their keys. Requests under way keep theirs until they end.
func (u *Pools) Keep(wanted map[string]bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for key, p := range u.pools {
		if !wanted[key] {
			delete(u.pools, key)
			close(p.closed)
			p.transport.CloseIdleConnections()
		}
	}
}

// transport is a http.Transport, or stands for one.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// Pool is an upstream with its connections.
type Pool struct {
	transport   transport
	scheme      string
	balance     string
	endpoints   []*endpoint
	total       uint64
	turn        atomic.Uint64
	inFlight    atomic.Int64
	maxRequests int64
	// retrying are the requests that are about to be repeated.
	retrying atomic.Int64
	// closed ends what watches the endpoints.
	closed chan struct{}
}

type endpoint struct {
	address string
	weight  uint64
	// avoidUntil is when it may be asked first again, in nanoseconds.
	avoidUntil atomic.Int64
	inFlight   atomic.Int64
	// unhealthy: it does not answer health checks as it should.
	unhealthy atomic.Bool
}

func newPool(u *Upstream) (*Pool, error) {
	p := &Pool{scheme: "http", maxRequests: defaultMaxRequests, closed: make(chan struct{})}
	t := &http.Transport{
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        60 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: maxResponseHeaderBytes,
		Protocols:              &http.Protocols{},
	}
	t.Protocols.SetHTTP1(true)
	timeout := defaultConnectTimeout
	endpoints := []gateway.Endpoint{{Host: u.of.Host, Port: u.of.Port}}
	var options gateway.BackendTLS
	if b := u.backend; b != nil {
		endpoints, p.balance = b.Endpoints, b.LoadBalancing
		if b.ConnectTimeoutMillis > 0 {
			timeout = time.Duration(b.ConnectTimeoutMillis) * time.Millisecond
		}
		if b.MaxRequests > 0 {
			p.maxRequests = int64(b.MaxRequests)
		}
		t.MaxConnsPerHost = int(b.MaxConnections)
		switch {
		case b.Protocol == "HTTP2":
			t.Protocols.SetHTTP1(false)
			t.Protocols.SetHTTP2(true)
			t.Protocols.SetUnencryptedHTTP2(true)
		case b.Protocol == "AUTO" && u.of.TLS:
			t.Protocols.SetHTTP2(true)
		}
		if b.TLS != nil {
			options = *b.TLS
		}
	}
	t.DialContext = (&net.Dialer{Timeout: timeout}).DialContext
	if u.of.TLS {
		if u.shown != nil {
			options.Certificate, options.Key = u.shown.Certificate, u.shown.Key
		}
		var err error
		if t.TLSClientConfig, err = clientTLS(u.of, options); err != nil {
			return nil, err
		}
		p.scheme = "https"
	}
	for _, e := range endpoints {
		weight := max(uint64(e.Weight), 1)
		p.total += weight
		p.endpoints = append(p.endpoints, &endpoint{address: net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port))), weight: weight})
	}
	p.transport = t
	if t.MaxConnsPerHost == 0 {
		// With a limit, what goes in lock step and what cannot would have it each.
		p.transport = lockstep.New(t)
	}
	if u.backend != nil && u.backend.HealthCheck != nil {
		p.watch(u.backend.HealthCheck, t.Clone())
	}
	return p, nil
}

// clientTLS verifies a backend's certificate against its name unless told not to.
func clientTLS(u gateway.Upstream, options gateway.BackendTLS) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.ServerName, InsecureSkipVerify: u.Insecure || options.InsecureSkipVerification}
	if options.CA != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(options.CA)) {
			return nil, errors.New("the authorities of the backend's certificate cannot be read")
		}
	}
	if options.Certificate != "" {
		own, err := tls.X509KeyPair([]byte(options.Certificate), []byte(options.Key.Reveal()))
		if err != nil {
			return nil, errors.New("the certificate for the backend, or its key, cannot be read")
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// ErrBusy tells that a backend has as many requests under way as it may have.
var ErrBusy = errors.New("the backend has as many requests under way as it may have")

// RequestMaker makes a request, each time anew, for an endpoint.
type RequestMaker func(scheme, address string) (*http.Request, error)

// send asks an endpoint, and another one if it cannot be connected to. The release ends the
// request, after its response is read.
func (p *Pool) send(ctx context.Context, client string, request RequestMaker) (response *http.Response, release func(), err error) {
	if p.inFlight.Add(1) > p.maxRequests {
		p.inFlight.Add(-1)
		return nil, nil, ErrBusy
	}
	tried := map[*endpoint]bool{}
	for len(tried) < len(p.endpoints) && len(tried) < 3 {
		e := p.choose(client, tried, time.Now().UnixNano())
		tried[e] = true
		var r *http.Request
		if r, err = request(p.scheme, e.address); err != nil {
			break
		}
		e.inFlight.Add(1)
		if response, err = obs.Transport(p.transport).RoundTrip(r.WithContext(ctx)); err == nil {
			return response, func() { e.inFlight.Add(-1); p.inFlight.Add(-1) }, nil
		}
		e.inFlight.Add(-1)
		// What was connected may have got the request, and done its work.
		if ctx.Err() != nil || !isConnectFailure(err) {
			break
		}
		e.avoidUntil.Store(time.Now().Add(avoidedFor).UnixNano())
	}
	p.inFlight.Add(-1)
	return nil, nil, err
}

// choose takes one of the endpoints that were not tried yet; those that could not be
// connected to a moment ago, or are not well, only if there is no other.
func (p *Pool) choose(client string, tried map[*endpoint]bool, now int64) *endpoint {
	candidates := make([]*endpoint, 0, len(p.endpoints))
	for _, avoided := range []bool{false, true} {
		for _, e := range p.endpoints {
			if !tried[e] && (e.unhealthy.Load() || e.avoidUntil.Load() > now) == avoided {
				candidates = append(candidates, e)
			}
		}
		if len(candidates) > 0 {
			break
		}
	}
	total := uint64(0)
	for _, e := range candidates {
		total += e.weight
	}
	at := func(n uint64) *endpoint {
		for _, e := range candidates {
			if n < e.weight {
				return e
			}
			n -= e.weight
		}
		return candidates[len(candidates)-1]
	}
	switch p.balance {
	case "RANDOM":
		return at(rand.Uint64N(total))
	case "LEAST_REQUEST":
		a, b := at(rand.Uint64N(total)), at(rand.Uint64N(total))
		if b.inFlight.Load() < a.inFlight.Load() {
			return b
		}
		return a
	case "RING_HASH":
		return highest(client, candidates)
	}
	return at(p.turn.Add(1) % total)
}

// highest is the endpoint that a client belongs to: most clients keep theirs when endpoints
// come and go.
func highest(client string, candidates []*endpoint) *endpoint {
	best, bestScore := candidates[0], math.Inf(-1)
	for _, e := range candidates {
		h := fnv.New64a()
		_, _ = h.Write([]byte(client + "\x00" + e.address))
		// FNV's low bits are the better ones.
		share := (float64(h.Sum64()<<11>>11) + 1) / (1 << 53)
		if score := -float64(e.weight) / math.Log(share); score > bestScore {
			best, bestScore = e, score
		}
	}
	return best
}

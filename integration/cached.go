package integration

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"slices"
	"time"

	"gatehouse/gateway"
	"gatehouse/integration/stagecache"
	"gatehouse/internal/wire"
)

// cachedRoute keeps the answers of a route's integration, as the cache of its stage is
// told to. Callers are known and let in before they come here.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html
type cachedRoute struct {
	handler
	*gateway.RouteCache
	space      stagecache.Space
	ttl        time.Duration
	parameters []keyParameter
	// seed is in the key of every answer of the route.
	seed []byte
	// proxied answers are a backend's own, with its headers.
	proxied bool
	// hidden are the headers that the backend does not see.
	hidden []string
	// getOnly is for a route of any method: what others than GET do is not kept.
	getOnly bool
}

// cached puts the stage's cache before the handler of a route, if it has one there.
func (b *stageCompiler) cached(r *gateway.Route, h handler) handler {
	settings := b.stage.cache.RouteCache(r)
	if settings == nil {
		return h
	}
	if r.Integration.ResponseTransferMode == "STREAM" {
		b.errorf("unsupported-cache", settings.Source, "write cache: {enabled: false} for the route", "%s streams its response, which cannot be kept", r.Key())
		return h
	}
	c := &cachedRoute{
		handler: h, RouteCache: settings, ttl: time.Duration(settings.TTLSeconds) * time.Second,
		space:      stagecache.Space{Name: b.stage.api + "/" + b.stage.name, Bytes: b.stage.cache.Cache.Bytes},
		parameters: b.keyParameters(r), getOnly: r.Method == gateway.AnyMethod,
	}
	// Another deployment, or other variables, may make other answers.
	seed := sha256.New()
	hashText(seed, c.space.Name)
	hashText(seed, b.contentOf())
	hashText(seed, b.callersOf(r))
	if name := r.Integration.CacheNamespace; name != "" {
		hashText(seed, "namespace")
		hashText(seed, name)
	} else {
		hashText(seed, "resource")
		hashText(seed, r.Path)
	}
	c.seed = seed.Sum(nil)
	if r.Integration.Type == gateway.IntegrationHTTPProxy {
		c.proxied = true
		for _, name := range ownHeaders {
			if !slices.ContainsFunc(c.parameters, func(p keyParameter) bool { return p.header == name }) {
				c.hidden = append(c.hidden, name)
			}
		}
	}
	return c
}

// contentOf stands for all that answers of the stage depend on beside requests.
func (b *stageCompiler) contentOf() string {
	if b.contentHash == "" {
		deployment, variables, apart := b.stage.deployment, b.stage.variables, b.stage.canary
		if apart && b.of.Canary.UseStageCache {
			deployment, variables, apart = b.of.Deployment, b.of.Variables, false
		}
		b.contentHash = gateway.ContentHash(struct {
			Deployment *gateway.Deployment
			Variables  map[string]string
			Canary     bool
		}{deployment, variables, apart})
	}
	return b.contentHash
}

// callersOf stands for who may call a route. Where a canary shares the stage's answers, one
// that is there for others than the stage's own route does not hand them out.
func (b *stageCompiler) callersOf(r *gateway.Route) string {
	var authorizer *gateway.Authorizer
	if r.Authorization != nil {
		authorizer = b.stage.deployment.Authorizer(r.Authorization.Authorizer)
	}
	return gateway.ContentHash(struct {
		Authorization *gateway.Authorization
		Authorizer    *gateway.Authorizer
		Key           bool
	}{r.Authorization, authorizer, r.APIKeyRequired})
}

// ownHeaders have a backend answer with a part of what others want, in a form that others may not
// understand, or with no more than that nothing has changed. Backends do not see those of
// requests whose answers are kept, unless they are key parameters.
var ownHeaders = []string{"Accept-Encoding", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Range"}

// defaultMaxWait is how long a request waits for the answer that another one fetches. After that
// it fetches its own: the function may have got stuck for that one only.
const defaultMaxWait = 5 * time.Second

// warning tells callers that an answer was not made anew for them.
const warning = `199 - "cache-control was ignored: the caller may not invalidate the cache"`

func (c *cachedRoute) serve(x *exchange) {
	if c.getOnly && x.request.Method != http.MethodGet {
		c.handler.serve(x)
		return
	}
	for _, name := range c.hidden {
		delete(x.request.Header, name)
	}
	key := c.key(x)
	tell := ""
	if asksAnew(x) {
		switch {
		case !c.RequireAuthorization || x.told(wire.InvalidateHeader) == "true":
			_, generation := x.server.cache.Get(x.ctx(), c.space, key)
			x.countCached(cacheRefresh)
			c.fetch(x, key, generation, x.server.flights.Begin(key), "")
			return
		case c.Unauthorized == gateway.CacheFail:
			x.tellCache(wire.CacheRefused)
			x.fail(mayNotInvalidate, "the caller may not invalidate the cache")
			return
		case c.Unauthorized == gateway.CacheWarn:
			tell = warning
		}
	}
	for {
		if entry, _ := x.server.cache.Get(x.ctx(), c.space, key); entry != nil {
			c.hit(x, entry, tell)
			return
		}
		flight, first := x.server.flights.Join(key)
		if first {
			// Another flight may have landed in between.
			entry, generation := x.server.cache.Get(x.ctx(), c.space, key)
			if entry != nil {
				flight.Land(entry, false)
				c.hit(x, entry, tell)
				return
			}
			x.countCached(cacheMiss)
			c.fetch(x, key, generation, flight, tell)
			return
		}
		switch entry, outcome := x.await(flight); outcome {
		case landed:
			c.hit(x, entry, tell)
			return
		case left:
			x.fail(gone, "the client has left")
			return
		case unshared:
			x.countCached(cacheMiss)
			x.addWarning(tell)
			c.handler.serve(x)
			return
		}
	}
}

// outcome is how waiting for another request ended.
type outcome int

const (
	// landed: it has an answer for everyone.
	landed outcome = iota
	// unshared: what it got was for it alone, such as an error, or it takes too long.
	unshared
	// abandoned: its client left, and somebody else has to fetch the answer.
	abandoned
	// left: the client of this one has left.
	left
)

// await waits for the answer that another request fetches.
func (x *exchange) await(flight *stagecache.Flight) (*stagecache.Entry, outcome) {
	x.server.metrics.waiting.Inc()
	defer x.server.metrics.waiting.Dec()
	patience := time.NewTimer(x.server.maxWait)
	defer patience.Stop()
	select {
	case <-flight.Landed():
		entry, given := flight.Outcome()
		switch {
		case entry != nil:
			return entry, landed
		case given:
			return nil, abandoned
		}
		return nil, unshared
	case <-patience.C:
		return nil, unshared
	case <-x.ctx().Done():
		return nil, left
	}
}

// fetch calls the integration for everyone who waits for it, and keeps the answer.
func (c *cachedRoute) fetch(x *exchange, key stagecache.Key, generation stagecache.Generation, flight *stagecache.Flight, tell string) {
	var entry *stagecache.Entry
	// A mistake of ours must not let others wait for ever.
	defer func() { flight.Land(entry, entry == nil && x.ctx().Err() != nil) }()
	x.addWarning(tell)
	record := &recorder{ResponseWriter: x.w}
	x.w = record
	c.handler.serve(x)
	if entry = record.entry(c.proxied); entry == nil || x.failed != "" || x.ctx().Err() != nil {
		entry = nil
		return
	}
	if flight.Newest() {
		x.server.cache.Put(x.ctx(), c.space, key, generation, entry, c.ttl)
	}
}

// countCached counts whether there was an answer.
func (x *exchange) countCached(result string) {
	x.server.metrics.cached(x.route.stage, result)
	if x.server.cached != nil {
		x.server.cached(x.id(), result)
	}
}

// hit answers with what is kept.
func (c *cachedRoute) hit(x *exchange, entry *stagecache.Entry, tell string) {
	x.countCached(cacheHit)
	x.tellCache(wire.CacheAnswered)
	if x.request.ContentLength != 0 {
		// Envoy takes an answer for broken that comes before it has sent everything.
		if _, err := io.Copy(io.Discard, io.LimitReader(x.request.Body, maxBodyBytes)); err != nil {
			x.fail(gone, "the request's body could not be read")
			return
		}
	}
	header := x.w.Header()
	for name, values := range entry.Header {
		header[name] = slices.Clone(values)
	}
	if !c.proxied {
		header.Set("X-Amzn-Trace-Id", x.traceID())
	}
	x.addWarning(tell)
	x.write(entry.Status, entry.Body)
}

// addWarning adds the header Warning.
func (x *exchange) addWarning(text string) {
	if text != "" {
		x.w.Header().Add("Warning", text)
	}
}

// asksAnew reports whether the client wants an answer that was not kept.
func asksAnew(x *exchange) bool {
	return slices.ContainsFunc(x.request.Header["Cache-Control"], gateway.AsksAnew)
}

// recorder keeps what is answered as far as it may be kept, while it goes to the client.
type recorder struct {
	http.ResponseWriter
	status int
	header http.Header
	body   []byte
	lost   bool
}

func (r *recorder) WriteHeader(status int) {
	r.status, r.header = status, r.Header().Clone()
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	switch {
	case r.lost:
	case len(r.body)+len(p) > gateway.MaxCachedBytes:
		r.lost, r.body = true, nil
	case r.body == nil:
		// Handlers write a body at once, and do not change it afterwards.
		r.body = p
	default:
		r.body = append(bytes.Clone(r.body), p...)
	}
	return r.ResponseWriter.Write(p)
}

// forOne are answers to what one client has asked for beside the resource: a part of it, or
// what has changed of what that client has.
var forOne = []int{http.StatusPartialContent, http.StatusNotModified, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable}

// entry is what was recorded; nil if it is not to be kept: answers that are too large,
// failures, and those that are one caller's, as what begins a session.
func (r *recorder) entry(proxied bool) *stagecache.Entry {
	if r.status == 0 || r.status >= http.StatusInternalServerError || slices.Contains(forOne, r.status) || r.lost || r.header["Set-Cookie"] != nil {
		return nil
	}
	// What is this request's.
	r.header.Del(wire.IntegrationToldHeader)
	if !proxied {
		r.header.Del("X-Amzn-Trace-Id")
	}
	if values := slices.DeleteFunc(r.header["Warning"], func(value string) bool { return value == warning }); len(values) == 0 {
		delete(r.header, "Warning")
	} else {
		r.header["Warning"] = values
	}
	return &stagecache.Entry{Status: r.status, Header: r.header, Body: r.body}
}

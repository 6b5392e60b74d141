package gateway

import "strings"

// What Amazon lets a stage's cache be, and has where nothing is said.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-caching.html
const (
	DefaultCacheTTLSeconds = 300
	MaxCacheTTLSeconds     = 3600
	// MaxCachedBytes bounds the body of an answer that is kept.
	MaxCachedBytes = 1 << 20
)

// StageCache is the cache of a REST API's stage.
type StageCache struct {
	// Bytes bounds what it holds in the memory of a process.
	Bytes int64
	// CacheSettings hold for every route, unless those of the route say otherwise.
	CacheSettings
}

// CacheSettings are what may be said of the cache for a route, or for all. What is not said
// is nil, or empty.
type CacheSettings struct {
	// Enabled says whether answers are kept: those to GET if nothing is said, or if it is
	// said for every route; those to another method only where its route says so.
	Enabled *bool
	// TTLSeconds is how long, at most MaxCacheTTLSeconds; 0 means not at all.
	TTLSeconds *int64
	// RequireAuthorization leaves it to callers with the permission
	// execute-api:InvalidateCache to have an answer made anew; true if nothing is said.
	RequireAuthorization *bool
	// Unauthorized is what happens to others who ask for it.
	Unauthorized CacheStrategy
	Source       Position
}

// CacheStrategy is an unauthorizedCacheControlHeaderStrategy.
type CacheStrategy string

// What happens to callers who may not have an answer made anew: they are refused, or
// answered as if they had not asked, with a header Warning or without.
const (
	CacheFail    CacheStrategy = "FAIL_WITH_403"
	CacheWarn    CacheStrategy = "SUCCEED_WITH_RESPONSE_HEADER"
	CacheSilence CacheStrategy = "SUCCEED_WITHOUT_RESPONSE_HEADER"
)

// RouteCache is what holds for a route whose answers are kept.
type RouteCache struct {
	TTLSeconds           int64
	RequireAuthorization bool
	Unauthorized         CacheStrategy
	// Source is where the route's cache is written, or the stage's.
	Source Position
}

// RouteCache tells how the answers of a route are kept; nil for not at all. A MOCK has no
// backend that could be spared.
func (s *Stage) RouteCache(r *Route) *RouteCache {
	if s.Cache == nil || r.Integration == nil || r.Integration.Type == IntegrationMock {
		return nil
	}
	enabled := r.Method == "GET"
	c := &RouteCache{TTLSeconds: DefaultCacheTTLSeconds, RequireAuthorization: true, Unauthorized: CacheWarn, Source: s.Cache.Source}
	for _, at := range s.cacheSettings(r.Key()) {
		said := at.CacheSettings
		if said.Enabled != nil {
			enabled = *said.Enabled && (at.route || r.Method == "GET")
		}
		if said.TTLSeconds != nil {
			c.TTLSeconds = *said.TTLSeconds
		}
		if said.RequireAuthorization != nil {
			c.RequireAuthorization = *said.RequireAuthorization
		}
		if said.Unauthorized != "" {
			c.Unauthorized = said.Unauthorized
		}
		c.Source = said.Source
	}
	if !enabled || c.TTLSeconds == 0 {
		return nil
	}
	return c
}

// saidOfCache is what the stage says of all routes, or of one.
type saidOfCache struct {
	*CacheSettings
	route bool
}

// cacheSettings are all that is said about a route, what is said of it alone last.
func (s *Stage) cacheSettings(routeKey string) []saidOfCache {
	said := []saidOfCache{{&s.Cache.CacheSettings, false}}
	for _, key := range []string{"*", routeKey} {
		for i := range s.Settings {
			if at := &s.Settings[i]; at.RouteKey == key && at.Cache != nil {
				said = append(said, saidOfCache{at.Cache, key != "*"})
			}
		}
	}
	return said
}

// AsksAnew reports whether a header Cache-Control asks for an answer that was not kept.
func AsksAnew(cacheControl string) bool {
	if cacheControl == "" {
		return false
	}
	for directive := range strings.SplitSeq(cacheControl, ",") {
		name, age, _ := strings.Cut(directive, "=")
		if strings.EqualFold(strings.TrimSpace(name), "max-age") && strings.Trim(strings.TrimSpace(age), `"`) == "0" {
			return true
		}
	}
	return false
}

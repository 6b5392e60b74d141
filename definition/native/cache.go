package native

import (
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// defaultCacheBytes is what the smallest of Amazon's caches holds, 0.5 GB.
const defaultCacheBytes = 512 << 20

// minCacheBytes holds at least one answer of any size that is kept.
const minCacheBytes = 2 * gateway.MaxCachedBytes

// parseCache reads the cache of a stage, or nothing.
func parseCache(v source.Value) *gateway.StageCache {
	if !v.Exists() {
		return nil
	}
	o := v.Object()
	size := o.Get("size")
	c := &gateway.StageCache{Bytes: size.Bytes(defaultCacheBytes), CacheSettings: parseCacheSettings(o, v)}
	if c.Bytes < minCacheBytes {
		size.Errorf("out-of-range", "leave cache out to keep nothing", "size is %s, must be at least 2MiB: an answer of 1 MiB has to fit in", size.Shown())
	}
	o.Done()
	return c
}

// parseCacheSettings reads what a stage and its routes may say alike.
func parseCacheSettings(o *source.Object, v source.Value) gateway.CacheSettings {
	c := gateway.CacheSettings{Source: v.Pos()}
	c.Enabled = truth(o.Get("enabled"))
	c.RequireAuthorization = truth(o.Get("requireAuthorizationForCacheControl"))
	c.Unauthorized = gateway.CacheStrategy(o.Get("unauthorizedCacheControlHeaderStrategy").OneOf(
		string(gateway.CacheFail), string(gateway.CacheWarn), string(gateway.CacheSilence)))
	if ttl := o.Get("ttl"); ttl.Exists() {
		milliseconds := ttl.Millis(0, 0)
		seconds := milliseconds / 1000
		switch {
		case seconds > gateway.MaxCacheTTLSeconds:
			ttl.Errorf("out-of-range", "", "ttl is %s, must be at most %ds", ttl.Shown(), gateway.MaxCacheTTLSeconds)
		case milliseconds%1000 != 0:
			ttl.Errorf("out-of-range", "", "ttl is %s, must be of whole seconds", ttl.Shown())
		}
		c.TTLSeconds = &seconds
	}
	return c
}

// truth reads true or false where nothing is something else.
func truth(v source.Value) *bool {
	if !v.Exists() {
		return nil
	}
	b := v.Bool(false)
	return &b
}

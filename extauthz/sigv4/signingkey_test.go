package sigv4

import (
	"fmt"
	"sync"
	"testing"

	"gatehouse/gateway"
)

// TestKeyCache: it finds what was put in last, stays small, and may be used by many
// at once (which the race detector watches).
func TestKeyCache(t *testing.T) {
	const secret = gateway.Secret("s")
	cache := new(keyCache)
	scope := func(i int) *statement {
		return &statement{accessKeyID: fmt.Sprint(i), date: "20260304", region: "eu-west-1", service: "execute-api"}
	}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 3 * cacheSize {
				s := scope(worker*10*cacheSize + i)
				key := signingKey{byte(worker), byte(i), byte(i >> 8)}
				cache.put(s, secret, key)
				if got, ok := cache.get(s, secret); ok && got != key {
					t.Errorf("another key was found for %v", s)
				}
			}
		})
	}
	all.Wait()
	if n := len(cache.younger) + len(cache.elder); n > 2*cacheSize || n < cacheSize {
		t.Errorf("the cache holds %d keys", n)
	}

	cache = new(keyCache)
	for i := range 2 * cacheSize {
		cache.put(scope(i), secret, signingKey{1})
	}
	for i := range 2 * cacheSize {
		if _, ok := cache.get(scope(i), secret); !ok {
			t.Fatalf("key %d of %d is gone", i, 2*cacheSize)
		}
	}
	if _, ok := cache.get(scope(1), "t"); ok {
		t.Error("a key of another secret was found")
	}
}

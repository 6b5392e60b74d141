package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"sync"

	"gatehouse/gateway"
)

// signingKey is derived from a secret for a day, a region and a service.
type signingKey [sha256.Size]byte

func deriveKey(secret gateway.Secret, s *statement) signingKey {
	key := sum([]byte("AWS4"+secret.Reveal()), s.date)
	key = sum(key, s.region)
	key = sum(key, s.service)
	return signingKey(sum(key, terminator))
}

func sum(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// cacheSize bounds one generation of the key cache: about 200 KiB.
const cacheSize = 1024

// keyCache remembers derived keys, so that a request costs one HMAC and not five. It
// is two generations: when the younger is full, it replaces the elder. Only keys of
// good signatures get in, so strangers cannot fill it.
type keyCache struct {
	mu             sync.RWMutex
	younger, elder map[cacheKey]cacheEntry
}

type cacheKey struct{ accessKeyID, date, region, service string }

// cacheEntry has the secret that the key was derived from: a key of the same name
// with a new secret must not be found.
type cacheEntry struct {
	secret gateway.Secret
	key    signingKey
}

func keyOf(s *statement) cacheKey {
	return cacheKey{s.accessKeyID, s.date, s.region, s.service}
}

func (c *keyCache) get(s *statement, secret gateway.Secret) (signingKey, bool) {
	c.mu.RLock()
	entry, ok := c.younger[keyOf(s)]
	if !ok {
		entry, ok = c.elder[keyOf(s)]
	}
	c.mu.RUnlock()
	if !ok || subtle.ConstantTimeCompare([]byte(entry.secret.Reveal()), []byte(secret.Reveal())) != 1 {
		return signingKey{}, false
	}
	return entry.key, true
}

func (c *keyCache) put(s *statement, secret gateway.Secret, key signingKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.younger == nil || len(c.younger) >= cacheSize {
		c.elder, c.younger = c.younger, make(map[cacheKey]cacheEntry)
	}
	c.younger[keyOf(s)] = cacheEntry{secret, key}
}

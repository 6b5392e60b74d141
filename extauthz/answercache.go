package extauthz

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// cacheKey is what an authorizer's answer is kept under: a hash, so that keys are
// small whatever clients send, and no tokens lie about in memory.
type cacheKey [sha256.Size]byte

// newCacheKey makes the key of an authorizer and the values of its identity sources.
// Each value goes in after its length, and each source after the number of its values:
// whatever characters a client puts into one value, it never becomes two.
func newCacheKey(authorizer [sha256.Size]byte, identity [][]string) cacheKey {
	// Enough for a token of usual size without another allocation.
	buffer := make([]byte, 0, 512)
	buffer = append(buffer, authorizer[:]...)
	for _, values := range identity {
		buffer = binary.AppendUvarint(buffer, uint64(len(values)))
		for _, value := range values {
			buffer = binary.AppendUvarint(buffer, uint64(len(value)))
			buffer = append(buffer, value...)
		}
	}
	return sha256.Sum256(buffer)
}

// answerCache keeps the answers of an API's authorizers, within bounds of number and
// size: the least recently used go first.
type answerCache struct {
	mu       sync.Mutex
	entries  *simplelru.LRU[cacheKey, *cachedAnswer]
	bytes    int
	maxBytes int
	// generation counts the flushes.
	generation uint64
	evicted    func()
}

type cachedAnswer struct {
	*answer
	stage   stageKey
	expires time.Time
}

func newAnswerCache(entries, bytes int, evicted func()) *answerCache {
	c := &answerCache{maxBytes: bytes, evicted: evicted}
	// The only error is about a size that is not positive.
	c.entries, _ = simplelru.NewLRU(max(1, entries), func(_ cacheKey, a *cachedAnswer) { c.bytes -= a.size })
	return c
}

// get finds an answer that has not expired.
func (c *answerCache) get(key cacheKey, now time.Time) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.entries.Get(key)
	switch {
	case !ok:
		return nil
	case !now.Before(found.expires):
		c.entries.Remove(key)
		return nil
	}
	return found.answer
}

// current is the generation that answers belong to which are asked for now.
func (c *answerCache) current() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}

// put keeps an answer, unless there was a flush since the generation.
func (c *answerCache) put(key cacheKey, a *cachedAnswer, generation uint64) {
	if a.size > c.maxBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation != generation {
		return
	}
	c.entries.Remove(key)
	c.bytes += a.size
	if c.entries.Add(key, a) {
		c.evicted()
	}
	for c.bytes > c.maxBytes {
		c.entries.RemoveOldest()
		c.evicted()
	}
}

// flush forgets the answers of a stage, and those that are on their way.
func (c *answerCache) flush(api, stage string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	for _, key := range c.entries.Keys() {
		if a, ok := c.entries.Peek(key); ok && a.stage.api == api && a.stage.stage == stage {
			c.entries.Remove(key)
		}
	}
}

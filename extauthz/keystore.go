package extauthz

import (
	"crypto/sha256"

	"gatehouse/gateway"
)

// keyStore finds API keys by their values.
//
// It holds SHA-256 hashes of the values and looks hashes up; no comparison is ever made
// with a value. That a look-up does not always take the same time is no danger: the most
// that could be learnt from it is part of a hash, which does not help to find a value of
// 20 characters or more. (The map's own hash has a seed that is different in each
// process.)
type keyStore struct {
	byHash map[[sha256.Size]byte]*storedKey
	access *gateway.KeyAccess
}

type storedKey struct {
	name string
	// plans are the ids of the key's usage plans, tag is the value of wire.KeyHeader.
	plans    []string
	tag      string
	disabled bool
}

// apiKeys compiles the keys, if there is an API that asks for one.
func (c *compiler) apiKeys() {
	c.out.keys = &keyStore{byHash: make(map[[sha256.Size]byte]*storedKey, len(c.snapshot.APIKeys)), access: c.snapshot.KeyAccess()}
	for i := range c.snapshot.APIKeys {
		from := &c.snapshot.APIKeys[i]
		access := c.out.keys.access
		key := &storedKey{name: from.Name, plans: access.Key(from.Name), tag: access.Tag(from.Name), disabled: from.Disabled}
		for _, value := range from.Values {
			if value != "" {
				c.out.keys.byHash[sha256.Sum256([]byte(value.Reveal()))] = key
			}
		}
	}
}

func (s *keyStore) find(value string) *storedKey { return s.byHash[sha256.Sum256([]byte(value))] }

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
	groups *gateway.KeyGroups
}

type storedKey struct {
	name string
	// tag is "PLANS:KEY".
	tag, group string
	disabled   bool
}

// apiKeys compiles the keys, if there is an API that asks for one.
func (c *compiler) apiKeys() {
	c.out.keys = &keyStore{byHash: make(map[[sha256.Size]byte]*storedKey, len(c.snapshot.APIKeys)), groups: c.snapshot.KeyGroups()}
	for i := range c.snapshot.APIKeys {
		from := &c.snapshot.APIKeys[i]
		group := c.out.keys.groups.Of(from.Name)
		key := &storedKey{name: from.Name, group: group, tag: group + ":" + from.Name, disabled: from.Disabled}
		for _, value := range from.Values {
			if value != "" {
				c.out.keys.byHash[sha256.Sum256([]byte(value.Reveal()))] = key
			}
		}
	}
}

func (s *keyStore) find(value string) *storedKey { return s.byHash[sha256.Sum256([]byte(value))] }

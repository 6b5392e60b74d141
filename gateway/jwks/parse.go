package jwks

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	// MaxBytes is Amazon's bound on a key set.
	// See https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
	MaxBytes = 150_000
	// minRSABits is what RFC 7518 (section 3.3) asks for. The other bound is that of
	// go-jose: 4096 bits.
	minRSABits = 2048
)

// Set is a key set that is fit for verifying signatures.
type Set struct {
	// JSON is the set in its canonical form.
	JSON string
	// Keys is how many there are.
	Keys int
	// Dropped are the keys that were left out, in the order of the input.
	Dropped []Dropped
}

// Dropped is a key that was left out.
type Dropped struct {
	// Index of the key within the set, from 0, and its id if it has one.
	Index int
	KeyID string
	// Reason completes "the key is left out because …". It never shows the key.
	Reason string
}

func (d Dropped) String() string {
	if d.KeyID == "" {
		return fmt.Sprintf("key %d: %s", d.Index, d.Reason)
	}
	return fmt.Sprintf("key %d (kid %q): %s", d.Index, d.KeyID, d.Reason)
}

// ErrNoKeys says that nothing of a set can be used.
var ErrNoKeys = errors.New("the key set has no key to verify signatures with")

// Parse reads a key set. Keys that cannot be used are left out and named; with no
// key left, the error is ErrNoKeys and the set still tells why.
func Parse(data []byte) (Set, error) {
	if len(data) > MaxBytes {
		return Set{}, fmt.Errorf("the key set has more than %d bytes", MaxBytes)
	}
	var document map[string]json.RawMessage
	if err := json.Unmarshal(data, &document); err != nil || document == nil {
		return Set{}, errors.New("the key set is not a JSON object")
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(document["keys"], &raw); err != nil {
		return Set{}, errors.New(`the key set has no list "keys"`)
	}
	var set Set
	var keys []jsonKey
	for i, one := range raw {
		k, err := parseKey(one)
		if err != nil {
			set.Dropped = append(set.Dropped, Dropped{i, k.id, err.Error()})
			continue
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b jsonKey) int {
		return cmp.Or(strings.Compare(a.id, b.id), strings.Compare(a.text, b.text))
	})
	keys = slices.Compact(keys)
	if len(keys) == 0 {
		return set, ErrNoKeys
	}
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.text
	}
	set.JSON = `{"keys":[` + strings.Join(texts, ",") + `]}`
	set.Keys = len(keys)
	return set, nil
}

// jsonKey is a key in its canonical form.
type jsonKey struct{ id, text string }

// publicMembers are all that is taken from a key. Certificates are not: nothing
// verifies them, and a faulty one must not cost a good key.
var publicMembers = []string{"alg", "crv", "e", "kid", "kty", "n", "use", "x", "y"}

// privateMembers are of private and of symmetric keys.
var privateMembers = []string{"d", "dp", "dq", "k", "oth", "p", "priv", "q", "qi"}

// parseKey gives the id even with an error, if there is one to tell.
func parseKey(data json.RawMessage) (jsonKey, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil || members == nil {
		return jsonKey{}, errors.New("it is not a JSON object")
	}
	var k jsonKey
	texts := map[string]string{}
	for _, name := range publicMembers {
		value, ok := members[name]
		if !ok {
			continue
		}
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return k, fmt.Errorf("its %s is not a text", name)
		}
		texts[name] = text
		k.id = texts["kid"]
	}
	if err := meantForVerifying(members, texts); err != nil {
		return k, err
	}
	// Only public members are handed on, so that no library's leniency matters.
	reduced, err := json.Marshal(texts)
	if err != nil {
		return k, err
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(reduced); errors.Is(err, jose.ErrUnsupportedKeyType) {
		return k, errors.New("its type, curve or size is not supported")
	} else if err != nil {
		return k, fmt.Errorf("it is malformed: %s", strings.TrimPrefix(err.Error(), "go-jose/go-jose: "))
	}
	if err := strong(key.Key, texts["alg"]); err != nil {
		return k, err
	}
	text, err := jose.JSONWebKey{Key: key.Key, KeyID: key.KeyID, Algorithm: key.Algorithm}.MarshalJSON()
	k.text = string(text)
	return k, err
}

// meantForVerifying finds keys that were never meant to verify signatures with, or
// must not be.
func meantForVerifying(members map[string]json.RawMessage, texts map[string]string) error {
	if texts["kty"] == "oct" {
		// Whoever knows a symmetric key can sign with it, and a published one is known to all.
		return errors.New("it is symmetric, and no secret any more")
	}
	for _, name := range privateMembers {
		if _, ok := members[name]; ok {
			return fmt.Errorf("its private half is in the set (member %s): whoever has read it can make tokens", name)
		}
	}
	if use := texts["use"]; use != "" && use != "sig" {
		return fmt.Errorf("it is for use %q, not for signatures", use)
	}
	if raw, ok := members["key_ops"]; ok {
		var operations []string
		if err := json.Unmarshal(raw, &operations); err != nil || !slices.Contains(operations, "verify") {
			return errors.New("its key_ops do not have verify")
		}
	}
	return nil
}

// strong holds a key against what its algorithm asks for.
func strong(key any, algorithm string) error {
	var algorithms []string
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return fmt.Errorf("it has %d bits; RSA keys need %d", key.N.BitLen(), minRSABits)
		}
		if key.N.Bit(0) == 0 || key.E < 3 || key.E%2 == 0 || key.E > 1<<31-1 {
			return errors.New("it is no RSA key: its modulus is even, or its exponent is impossible")
		}
		algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		algorithms = []string{map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[key.Curve.Params().BitSize]}
	case ed25519.PublicKey:
		algorithms = []string{"EdDSA"}
	default:
		return errors.New("its type is not supported")
	}
	if algorithm != "" && !slices.Contains(algorithms, algorithm) {
		return fmt.Errorf("its algorithm %q is not one of %s", algorithm, strings.Join(algorithms, ", "))
	}
	return nil
}

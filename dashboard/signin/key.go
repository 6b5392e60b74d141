package signin

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/netip"
	"strings"
	"time"

	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
)

// Actions are what the policies of an access key have to allow, on Resource: to see the
// dashboard, and to decide there who gets an API key.
const (
	Action       = "gatehouse:ViewDashboard"
	DecideAction = "gatehouse:DecideKeyRequests"
	Resource     = "arn:aws:gatehouse:::dashboard"
)

// Keys are the access keys of the definitions.
type Keys struct {
	// Credentials are they, as they are now.
	Credentials func() []gateway.Credential
	// AccountID is whose they have to be.
	AccountID string
	Now       func() time.Time
}

// Any reports whether there is a key at all that may.
func (k *Keys) Any(from netip.Addr) bool {
	all := k.Credentials()
	for i := range all {
		if k.allows(&all[i], Action, from) {
			return true
		}
	}
	return false
}

// Check gives who has this key and its secret, if they may see the dashboard.
func (k *Keys) Check(id, secret string, from netip.Addr) (User, bool) {
	found := k.find(id)
	// A key that there is not is compared like others.
	want := gateway.Secret("no such key")
	if found != nil {
		want = found.SecretAccessKey
	}
	a, b := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(want.Reveal()))
	right := subtle.ConstantTimeCompare(a[:], b[:]) == 1
	if found == nil || !right || !k.allows(found, Action, from) {
		return User{}, false
	}
	return User{Name: found.ARN, KeyID: found.AccessKeyID, KeyPrint: print(found)}, true
}

// Still reports whether somebody who has signed in may still: the key may be gone or
// disabled, have another secret or other policies since.
func (k *Keys) Still(u User, from netip.Addr) bool { return k.May(u, Action, from) }

// May reports whether somebody who has signed in may still do something.
func (k *Keys) May(u User, action string, from netip.Addr) bool {
	found := k.find(u.KeyID)
	return found != nil && subtle.ConstantTimeCompare([]byte(print(found)), []byte(u.KeyPrint)) == 1 && k.allows(found, action, from)
}

func (k *Keys) find(id string) *gateway.Credential {
	all := k.Credentials()
	for i := range all {
		if all[i].AccessKeyID == id && id != "" {
			return &all[i]
		}
	}
	return nil
}

// print tells a secret from the next one of the same key.
func print(c *gateway.Credential) string {
	sum := sha256.Sum256([]byte("session\x00" + c.AccessKeyID + "\x00" + c.SecretAccessKey.Reveal()))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// allows asks the policies of a key. Temporary keys are for programs.
func (k *Keys) allows(c *gateway.Credential, action string, from netip.Addr) bool {
	if c.Disabled || c.SessionToken != "" || c.SecretAccessKey == "" {
		return false
	}
	parts := strings.SplitN(c.ARN, ":", 6)
	if len(parts) != 6 || parts[4] != k.AccountID {
		return false
	}
	var policies []*iampolicy.Policy
	for _, p := range c.Policies {
		policy, _ := iampolicy.Parse([]byte(p.JSON), iampolicy.Options{Kind: iampolicy.IdentityPolicy})
		if policy == nil {
			// What it denies is not known.
			return false
		}
		policies = append(policies, policy)
	}
	decision, _ := iampolicy.EvaluateAll(policies, &iampolicy.Request{
		Action: action, Resource: Resource, Caller: iampolicy.CallerOf(c.ARN, c.UserID), Time: k.Now(), SourceIP: from, SecureTransport: true,
	})
	return decision.Effect == iampolicy.Allow
}

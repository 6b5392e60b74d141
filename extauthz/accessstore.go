package extauthz

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/extauthz/sigv4"
	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
)

// accessStore is the local store of access keys, with the policies of their owners.
type accessStore struct {
	keys     map[string]*accessKey
	verifier *sigv4.Verifier
	// hash is that of the credentials.
	hash string
}

type accessKey struct {
	credential sigv4.Credential
	caller     iampolicy.Caller
	policies   []*iampolicy.Policy
}

// accessKeys compiles the credentials, or uses those of the revision before.
func (c *compiler) accessKeys() {
	hash := gateway.ContentHash(c.snapshot.Credentials)
	if c.previous != nil && c.previous.access.hash == hash {
		c.out.access = c.previous.access
		return
	}
	store := &accessStore{keys: make(map[string]*accessKey, len(c.snapshot.Credentials)), hash: hash}
	first := map[string]gateway.Position{}
	for i := range c.snapshot.Credentials {
		from := &c.snapshot.Credentials[i]
		if other, twice := first[from.AccessKeyID]; twice {
			c.found.Errorf("duplicate-name", from.Source, "", "", "the access key %s is defined twice; first at %s", from.AccessKeyID, other)
			continue
		}
		first[from.AccessKeyID] = from.Source
		key := newAccessKey(from)
		for j := range from.Policies {
			policy, problems := iampolicy.Parse([]byte(from.Policies[j].JSON), iampolicy.Options{Kind: iampolicy.IdentityPolicy})
			what := fmt.Sprintf("the policy of the access key %s", from.AccessKeyID)
			reportPolicy(&c.found, what, from.Policies[j].Source, problems)
			if len(problems) > 0 {
				store.hash = "" // The next revision has to report them, too.
			}
			if policy != nil {
				key.policies = append(key.policies, policy)
			}
		}
		if !from.Disabled {
			store.keys[from.AccessKeyID] = key
		}
	}
	verifier, err := sigv4.New(sigv4.Options{Lookup: store.lookup})
	if err != nil { // Options that do not depend on the definitions.
		panic(err)
	}
	store.verifier = verifier
	c.out.access = store
}

func newAccessKey(from *gateway.Credential) *accessKey {
	account, kind, name := identityOf(from.ARN)
	userID := from.UserID
	if userID == "" {
		userID = from.AccessKeyID
	}
	return &accessKey{
		credential: sigv4.Credential{
			Secret: from.SecretAccessKey, SessionToken: from.SessionToken,
			Principal: sigv4.Principal{AccountID: account, UserID: userID, ARN: from.ARN},
		},
		caller: iampolicy.Caller{ARN: from.ARN, Account: account, Type: kind, UserID: userID, UserName: name},
	}
}

// identityOf takes the ARN of a user, a role or a session apart.
func identityOf(arn string) (account, kind, name string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return "", "", ""
	}
	sort, path, _ := strings.Cut(parts[5], "/")
	switch sort {
	case "user":
		return parts[4], "User", path[strings.LastIndexByte(path, '/')+1:]
	case "root":
		return parts[4], "Account", ""
	}
	// A role has no access keys of its own; whoever uses one is a session of it.
	return parts[4], "AssumedRole", ""
}

func (s *accessStore) lookup(_ context.Context, id string) (*sigv4.Credential, error) {
	if key := s.keys[id]; key != nil {
		return &key.credential, nil
	}
	return nil, nil
}

// checkAccess warns of callers who can never be let in: those of another account, where
// no resource policy can allow them anything.
func (b *stageCompiler) checkAccess(r *gateway.Route) {
	if b.resourcePolicy != nil || b.deployment.Policy != "" {
		return
	}
	for i := range b.snapshot.Credentials {
		from := &b.snapshot.Credentials[i]
		if account, _, _ := identityOf(from.ARN); account != b.stage.identity.Account {
			b.stage.found.Warnf("foreign-account", from.Source, "", "write "+b.stage.identity.Account+" for the account, or give the API a resource policy",
				"the access key %s belongs to the account %s, and may call nothing of the API %s, which has no resource policy for other accounts", from.AccessKeyID, account, b.stage.key.api)
		}
	}
}

package management

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/extauthz/sigv4"
	"gatehouse/gateway"
	"gatehouse/gateway/iampolicy"
	"gatehouse/management/restjson"
)

// signingName is what clients of both services sign for.
const signingName = "apigateway"

// keyring are the access keys of the definitions.
type keyring struct {
	credentials func() []gateway.Credential
	verifier    *sigv4.Verifier

	mu sync.Mutex
	// keys are made of the credentials that have this hash.
	hash string
	keys map[string]*accessKey
}

type accessKey struct {
	credential sigv4.Credential
	caller     iampolicy.Caller
	policies   []*iampolicy.Policy
}

func newKeyring(credentials func() []gateway.Credential) *keyring {
	k := &keyring{credentials: credentials}
	verifier, err := sigv4.New(sigv4.Options{Service: signingName, Lookup: func(_ context.Context, id string) (*sigv4.Credential, error) {
		if key := k.current()[id]; key != nil {
			return &key.credential, nil
		}
		return nil, nil
	}})
	if err != nil { // of options that are constant
		panic(err)
	}
	k.verifier = verifier
	return k
}

// current are the keys as the definitions have them now.
func (k *keyring) current() map[string]*accessKey {
	if k.credentials == nil {
		return nil
	}
	all := k.credentials()
	hash := gateway.ContentHash(all)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hash != hash {
		k.hash, k.keys = hash, map[string]*accessKey{}
		for i := range all {
			if !all[i].Disabled {
				k.keys[all[i].AccessKeyID] = newAccessKey(&all[i])
			}
		}
	}
	return k.keys
}

// newAccessKey compiles a key. Its policies are good: those with problems are refused when
// the definitions are loaded.
func newAccessKey(from *gateway.Credential) *accessKey {
	key := &accessKey{
		credential: sigv4.Credential{
			Secret: from.SecretAccessKey, SessionToken: from.SessionToken,
			Principal: sigv4.Principal{ARN: from.ARN, UserID: from.UserID},
		},
		caller: iampolicy.CallerOf(from.ARN, from.UserID),
	}
	for _, p := range from.Policies {
		if policy, _ := iampolicy.Parse([]byte(p.JSON), iampolicy.Options{Kind: iampolicy.IdentityPolicy}); policy != nil {
			key.policies = append(key.policies, policy)
			continue
		}
		// What it denies is not known.
		key.policies = nil
		break
	}
	return key
}

// signed is a request whose signature is good.
type signed struct {
	*accessKey
	region string
}

// verify finds out who has signed a request.
func (k *keyring) verify(w http.ResponseWriter, r *http.Request) (*signed, error) {
	request := sigv4.FromHTTP(r)
	verified, err := k.verifier.Verify(r.Context(), &request, time.Now())
	var refused *sigv4.Error
	if errors.As(err, &refused) && refused.Kind == sigv4.BodyNeeded || err == nil && verified.Payload == sigv4.PayloadToCheck {
		// Only now: the body of those who are nobody is not read at all.
		body, problem := readBody(w, r)
		if problem != nil {
			return nil, problem
		}
		request.Body = sigv4.BodyBytes(body)
		verified, err = k.verifier.Verify(r.Context(), &request, time.Now())
	}
	if errors.As(err, &refused) {
		return nil, &restjson.Error{Type: refused.Type, Status: refused.Status, Message: refused.DetailedMessage()}
	}
	if err != nil {
		return nil, err
	}
	if verified.Payload == sigv4.PayloadUnsigned {
		return nil, &restjson.Error{
			Type: "InvalidSignatureException", Status: http.StatusForbidden,
			Message: "The body of a request must be signed: x-amz-content-sha256 is not to be UNSIGNED-PAYLOAD here.",
		}
	}
	key := k.current()[verified.AccessKeyID]
	if key == nil || !regionForm.MatchString(verified.Region) {
		return nil, &restjson.Error{Type: "UnrecognizedClientException", Status: http.StatusForbidden, Message: "The security token included in the request is invalid."}
	}
	return &signed{key, verified.Region}, nil
}

// authorize refuses what the caller's policies do not allow.
func (s *signed) authorize(r *http.Request, account string) error {
	if s.caller.Account != account {
		return &restjson.Error{
			Type: "AccessDeniedException", Status: http.StatusForbidden,
			Message: "User: " + s.caller.ARN + " belongs to another account than the APIs here, which are of " + account,
		}
	}
	action := signingName + ":" + r.Method
	resource := "arn:aws:" + signingName + ":" + s.region + "::" + resourcePath(r.URL.EscapedPath())
	request := iampolicy.Request{
		Action: action, Resource: resource, Caller: s.caller, Time: time.Now(), SourceIP: addressOf(r),
		SecureTransport: r.TLS != nil, Referer: r.Referer(), UserAgent: r.UserAgent(),
	}
	decision, _ := iampolicy.EvaluateAll(s.policies, &request)
	if decision.Effect == iampolicy.Allow {
		return nil
	}
	why := " because no identity-based policy allows the " + action + " action"
	if decision.Effect == iampolicy.Deny {
		why = " with an explicit deny in an identity-based policy"
	}
	return &restjson.Error{
		Type: "AccessDeniedException", Status: http.StatusForbidden,
		Message: "User: " + s.caller.ARN + " is not authorized to perform: " + action + " on resource: " + resource + why,
	}
}

// resourcePath spells a path in the one way that policies are compared with: a denial must
// not be passed by in another spelling.
func resourcePath(escaped string) string {
	segments := strings.Split(strings.Trim(escaped, "/"), "/")
	for i, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil {
			segments[i] = strings.ReplaceAll(plain, "/", "%2F")
		}
	}
	return "/" + strings.Join(segments, "/")
}

func addressOf(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr()
}

// regionForm is what a region must look like: it begins the keys of its documents.
var regionForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// claimedRegion is that of a credential scope that nobody has verified.
func claimedRegion(r *http.Request) string {
	scope := r.URL.Query().Get("X-Amz-Credential")
	if header := r.Header.Get("Authorization"); header != "" {
		_, scope, _ = strings.Cut(header, "Credential=")
		scope, _, _ = strings.Cut(scope, ",")
	}
	// Keys of other services may have slashes; the scope is the last four parts.
	parts := strings.Split(strings.TrimSpace(scope), "/")
	slices.Reverse(parts)
	if len(parts) < 5 || !regionForm.MatchString(parts[2]) {
		return ""
	}
	return parts[2]
}

package portal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse/gateway"
	"gatehouse/management/restapi"
	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// State is what has become of a request.
type State string

const (
	// Pending: the owner has not decided.
	Pending State = "pending"
	// Approved: there is a key.
	Approved State = "approved"
	// Denied: there will be none.
	Denied State = "denied"
	// Revoked: there was a key, or the consumer has taken the request back.
	Revoked State = "revoked"
)

// Request is what a consumer has asked for.
type Request struct {
	ID     string `json:"id"`
	Portal string `json:"portal"`
	API    string `json:"api"`
	Stage  string `json:"stage"`
	Plan   string `json:"plan"`
	// Owner stands for the consumer. It is a hash: the secret that some prove themselves by
	// is not kept.
	Owner string `json:"owner"`
	Name  string `json:"name"`
	Email string `json:"email"`
	// EmailVerified tells that the OpenID provider vouches for Email.
	EmailVerified bool       `json:"emailVerified,omitempty"`
	Purpose       string     `json:"purpose,omitempty"`
	State         State      `json:"state"`
	Created       time.Time  `json:"created"`
	Decided       *time.Time `json:"decided,omitempty"`
	// DecidedBy is who has, where that is known.
	DecidedBy string `json:"decidedBy,omitempty"`
	// Reason is what the owner says to a denial.
	Reason string `json:"reason,omitempty"`
	// KeyID is the API key's, Shown tells that the consumer has seen its value.
	KeyID string `json:"keyId,omitempty"`
	Shown bool   `json:"shown,omitempty"`
}

// Bounds of what is kept, whoever asks.
const (
	maxPending      = 500
	maxOpenOfOwner  = 5
	maxClosed       = 1000
	closedIsKept    = 30 * 24 * time.Hour
	requestsFolder  = "global/portals/requests/"
	maxNameChars    = 100
	maxEmailBytes   = 254
	maxPurposeChars = 1000
	maxReasonChars  = 500
)

var (
	errTooManyPending = errors.New("too many requests wait for a decision")
	errTooManyOfOwner = errors.New("the consumer has asked for too many keys")
	errTwice          = errors.New("the consumer has a key of this API, or has asked for one")
	// ErrNoRequest is what is answered for a request that is not there.
	ErrNoRequest = errors.New("there is no such request")
)

// book keeps requests.
type book struct {
	store store.Store
	now   func() time.Time
}

func open(s State) bool { return s == Pending || s == Approved }

// add takes a request in, if there is room for it.
func (b *book) add(ctx context.Context, r Request) (*Request, error) {
	r.ID, r.State, r.Created = restjson.NewID(10), Pending, b.now().UTC().Truncate(time.Second)
	err := b.store.Update(ctx, func(tx store.Tx) error {
		all, err := store.ReadDocuments[Request](tx, requestsFolder)
		if err != nil {
			return err
		}
		pending, own := 0, 0
		for i := range all {
			switch o := &all[i]; {
			case !open(o.State):
				continue
			case o.Owner == r.Owner && o.Portal == r.Portal && o.API == r.API && o.Stage == r.Stage:
				return errTwice
			case o.Owner == r.Owner && o.Portal == r.Portal:
				own++
			}
			if all[i].State == Pending {
				pending++
			}
		}
		if own >= maxOpenOfOwner {
			return errTooManyOfOwner
		}
		if pending >= maxPending {
			return errTooManyPending
		}
		b.forget(tx, all)
		return store.WriteDocument(tx, requestsFolder+r.ID, r)
	})
	return &r, err
}

// forget takes away what was closed long ago, and the oldest of more than there is room for.
func (b *book) forget(tx store.Tx, all []Request) {
	closed := slices.DeleteFunc(slices.Clone(all), func(r Request) bool { return open(r.State) })
	slices.SortFunc(closed, func(x, y Request) int { return decided(&y).Compare(decided(&x)) })
	oldest := b.now().Add(-closedIsKept)
	for i := range closed {
		if i >= maxClosed || decided(&closed[i]).Before(oldest) {
			tx.Delete(requestsFolder + closed[i].ID)
		}
	}
}

func decided(r *Request) time.Time {
	if r.Decided == nil {
		return r.Created
	}
	return *r.Decided
}

// list gives requests, the oldest first.
func (b *book) list(ctx context.Context, wanted func(*Request) bool) (requests []Request, err error) {
	err = b.store.View(ctx, func(r store.Reader) error {
		all, err := store.ReadDocuments[Request](r, requestsFolder)
		requests = slices.DeleteFunc(all, func(r Request) bool { return !wanted(&r) })
		return err
	})
	slices.SortFunc(requests, func(x, y Request) int { return cmp.Or(x.Created.Compare(y.Created), cmp.Compare(x.ID, y.ID)) })
	return requests, err
}

// of gives the requests of a consumer.
func (b *book) of(ctx context.Context, portal, owner string) ([]Request, error) {
	return b.list(ctx, func(r *Request) bool { return r.Portal == portal && r.Owner == owner })
}

// change changes a request that the consumer, if one is named, has made.
func (b *book) change(ctx context.Context, portal, owner, id string, do func(tx store.Tx, r *Request) error) (*Request, error) {
	var changed *Request
	err := b.store.Update(ctx, func(tx store.Tx) error {
		r, err := readRequest(tx, id)
		if err != nil {
			return err
		}
		if owner != "" && (r.Owner != owner || r.Portal != portal) {
			return ErrNoRequest
		}
		if err := do(tx, r); err != nil {
			return err
		}
		changed = r
		return store.WriteDocument(tx, requestsFolder+r.ID, r)
	})
	return changed, err
}

func readRequest(r store.Reader, id string) (*Request, error) {
	if !isID(id) {
		return nil, ErrNoRequest
	}
	request, err := store.ReadDocument[Request](r, requestsFolder+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoRequest
	}
	return request, err
}

// isID reports whether a text can be a request's id.
func isID(text string) bool {
	if text == "" || len(text) > 32 {
		return false
	}
	for _, c := range text {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func (b *book) decide(r *Request, to State) {
	at := b.now().UTC().Truncate(time.Second)
	r.State, r.Decided = to, &at
}

// grant makes the key of a request that waits for one.
func (b *book) grant(tx store.Tx, r *Request, filed bool) error {
	key, err := restapi.GrantAPIKey(tx, gateway.DefaultRegion, restapi.APIKey{
		Name:        r.Portal + "-" + r.ID,
		Description: fmt.Sprintf("Asked for at the portal %s by %s <%s>", r.Portal, r.Name, r.Email),
		Tags:        map[string]string{RequestTag: r.ID},
	}, r.Plan, filed)
	if err != nil {
		return err
	}
	r.KeyID = key.ID
	b.decide(r, Approved)
	return nil
}

// RequestTag is the tag of API keys that were asked for at a portal.
const RequestTag = "gatehouse:request"

// revoke takes the key of an open request away, or the request back.
func (b *book) revoke(tx store.Tx, r *Request) error {
	b.decide(r, Revoked)
	if r.KeyID == "" {
		return nil
	}
	return restapi.RevokeAPIKey(tx, gateway.DefaultRegion, r.KeyID)
}

// reveal gives the value of a request's key, to the consumer and once.
func (b *book) reveal(ctx context.Context, portal, owner, id string) (value gateway.Secret, err error) {
	_, err = b.change(ctx, portal, owner, id, func(tx store.Tx, r *Request) error {
		if r.State != Approved || r.Shown {
			return errNotShown
		}
		key, err := restapi.ReadAPIKey(tx, gateway.DefaultRegion, r.KeyID)
		if errors.Is(err, store.ErrNotFound) {
			return errKeyGone
		}
		if err != nil {
			return err
		}
		r.Shown, value = true, gateway.Secret(key.Value)
		return nil
	})
	return value, err
}

var (
	errNotShown = &refusal{409, "A key is shown once, after it was approved. If it is lost, revoke it and ask for another one."}
	errKeyGone  = &refusal{410, "This key is not there any more: whoever runs this API has taken it away."}
)

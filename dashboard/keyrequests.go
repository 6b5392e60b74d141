package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/dashboard/signin"
)

// KeyRequests are what consumers ask for at developer portals.
type KeyRequests interface {
	// List gives all of them, the oldest first.
	List(ctx context.Context) ([]KeyRequest, error)
	// Decide makes a request be in a state: "approved", "denied" or "revoked". by is who
	// says so, empty for nobody who is known. A NotDecided says why it cannot be.
	Decide(ctx context.Context, id, state, reason, by string) (KeyRequest, error)
}

// KeyRequest is a request for an API key.
type KeyRequest struct {
	ID, Portal, Stage, Plan string
	Name, Email             string
	// EmailVerified tells that an OpenID provider vouches for Email.
	EmailVerified          bool
	Purpose, State, Reason string
	KeyID, DecidedBy       string
	Created                time.Time
	// Decided is zero for one that waits.
	Decided time.Time
}

// NotDecided says why a request cannot be decided on in this way.
type NotDecided struct{ Text string }

func (n *NotDecided) Error() string { return n.Text }

// keyRequestsPage is the only one by which something is changed. It is for those who may.
var keyRequestsPage = page{
	pattern: "keys", nav: "Key requests", template: "keys", form: true,
	read: (*Server).keyRequests, only: (*Server).mayDecide,
}

// closedSize is how many requests are shown that were decided on, and pendingSize that wait.
const (
	closedSize    = 50
	pendingSize   = 100
	maxReasonSize = 500
)

type keyRequestsView struct {
	Pending, Decided []KeyRequest
	// More wait than are shown.
	More int
	// Done says what has just become of a request, Wrong why nothing has.
	Done, Wrong string
}

// mayDecide reports whether who asks may decide on requests.
func (s *Server) mayDecide(r *http.Request) bool {
	if s.options.KeyRequests == nil {
		return false
	}
	if s.access == nil {
		return true
	}
	v := visitorOf(r)
	if v == nil {
		return false
	}
	if v.KeyID == "" {
		return s.access.Provider != nil && s.access.Provider.Approves(v.User)
	}
	return s.access.Keys != nil && s.access.Keys.May(v.User, signin.DecideAction, addressOf(r))
}

func (s *Server) keyRequests(r *http.Request) (*shown, error) {
	if s.options.KeyRequests == nil {
		return nil, notFound("Requests for keys are not decided on here. The server's flag --dashboard-approvals has it so.")
	}
	if !s.mayDecide(r) {
		return nil, &problem{http.StatusForbidden, "Not for you", "You may see the dashboard, and not decide on requests for keys: that takes the action " + signin.DecideAction + ", or a place among the provider's approvers."}
	}
	v := &keyRequestsView{}
	if r.Method == http.MethodPost {
		done, err := s.decideOn(r)
		var told *NotDecided
		switch {
		case errors.As(err, &told):
			v.Wrong = told.Text
		case err != nil:
			return nil, err
		default:
			v.Done = done
		}
	}
	all, err := s.options.KeyRequests.List(r.Context())
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].State == "pending" {
			v.Pending = append(v.Pending, all[i])
		}
	}
	// Those that were decided on last come first.
	for i := len(all) - 1; i >= 0 && len(v.Decided) < closedSize; i-- {
		if all[i].State != "pending" {
			v.Decided = append(v.Decided, all[i])
		}
	}
	if v.More = max(0, len(v.Pending)-pendingSize); v.More > 0 {
		v.Pending = v.Pending[:pendingSize]
	}
	return &shown{Title: "Requests for API keys", Data: v}, nil
}

// decideOn does what a form says, and tells what has become of the request.
func (s *Server) decideOn(r *http.Request) (string, error) {
	id, state, reason := r.PostForm.Get("request"), r.PostForm.Get("state"), strings.TrimSpace(r.PostForm.Get("reason"))
	if state == "approved" {
		reason = ""
	}
	if utf8.RuneCountInString(reason) > maxReasonSize {
		return "", &NotDecided{fmt.Sprintf("A reason has at most %d letters.", maxReasonSize)}
	}
	by := ""
	if v := visitorOf(r); v != nil {
		by = v.Name
	}
	done, err := s.options.KeyRequests.Decide(r.Context(), id, state, reason, by)
	if err != nil {
		return "", err
	}
	s.log.Info("a request for a key was decided on", "request", done.ID, "state", done.State, "by", by, "from", addressOf(r))
	text := fmt.Sprintf("The request %s of %s is %s.", done.ID, done.Name, done.State)
	if done.State == "approved" {
		text += " Its consumer can see the key now, once."
	}
	return text, nil
}

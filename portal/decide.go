package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"gatehouse/management/restapi"
	"gatehouse/management/store"
)

// Decision is what the owner says to a request: the body of PUT.
type Decision struct {
	State  State  `json:"state"`
	Reason string `json:"reason,omitempty"`
}

// maxDecisionBytes bounds the body.
const maxDecisionBytes = 16 << 10

// DecisionHandler is for the owner: GET lists requests, of one portal or in one state if
// the parameters say so; PUT of a request's path decides on it. It knows no users: whoever
// reaches it may do both, so that it belongs on a loopback port.
func (s *Server) DecisionHandler(prefix string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.options.Store == nil {
			http.Error(w, "this server keeps no requests for keys: it has no management store", http.StatusNotImplemented)
			return
		}
		id := strings.Trim(strings.TrimPrefix(r.URL.Path, prefix), "/")
		var answer any
		var err error
		switch {
		case r.Method == http.MethodGet && id == "":
			query := r.URL.Query()
			portal, state := query.Get("portal"), State(query.Get("state"))
			answer, err = s.book.list(r.Context(), func(r *Request) bool {
				return (portal == "" || r.Portal == portal) && (state == "" || r.State == state)
			})
		case r.Method == http.MethodPut && id != "":
			answer, err = s.decided(w, r, id)
		default:
			http.Error(w, "want GET, or PUT of a request", http.StatusMethodNotAllowed)
			return
		}
		var told *refusal
		switch {
		case errors.As(err, &told):
			http.Error(w, told.text, told.status)
		case errors.Is(err, ErrNoRequest):
			http.Error(w, "there is no request "+fmt.Sprintf("%q", clip(id, maxNameChars)), http.StatusNotFound)
		case err != nil:
			s.options.Log.Warn("a request for a key cannot be decided on", "error", err)
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		default:
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(answer)
		}
	})
}

func (s *Server) decided(w http.ResponseWriter, r *http.Request, id string) (*Request, error) {
	// A page of another site can send a browser here with a form, and with no JSON.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &refusal{http.StatusUnsupportedMediaType, "want application/json"}
	}
	var d Decision
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxDecisionBytes))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, &refusal{http.StatusBadRequest, fmt.Sprintf("want {\"state\": …}: %v", err)}
	}
	return s.Decide(r.Context(), id, d, "")
}

// Requests gives all requests, the oldest first.
func (s *Server) Requests(ctx context.Context) ([]Request, error) {
	if s.options.Store == nil {
		return nil, nil
	}
	return s.book.list(ctx, func(*Request) bool { return true })
}

// Decide does what the owner says to a request; by is who says so, where that is known. For
// errors that are the owner's, Told has what to say.
func (s *Server) Decide(ctx context.Context, id string, d Decision, by string) (*Request, error) {
	if s.options.Store == nil {
		return nil, ErrNoRequest
	}
	if d.Reason != clip(d.Reason, maxReasonChars) {
		return nil, &refusal{http.StatusBadRequest, fmt.Sprintf("a reason is one line of at most %d letters", maxReasonChars)}
	}
	request, err := s.book.change(ctx, "", "", id, func(tx store.Tx, request *Request) error {
		request.DecidedBy = clip(by, maxByChars)
		switch d.State {
		case Approved:
			return s.approve(tx, request)
		case Denied:
			if request.State != Pending {
				return alreadyDecided(request)
			}
			s.book.decide(request, Denied)
			request.Reason = d.Reason
			return nil
		case Revoked:
			if !open(request.State) {
				return alreadyDecided(request)
			}
			request.Reason = d.Reason
			return s.book.revoke(tx, request)
		}
		return &refusal{http.StatusBadRequest, "the state is approved, denied or revoked"}
	})
	if err == nil {
		s.options.Log.Info("a request for a key was decided on", "portal", request.Portal, "request", request.ID, "state", request.State)
	}
	return request, err
}

// Told gives what is to be said to an owner of whose doing an error is.
func Told(err error) (text string, ok bool) {
	var told *refusal
	switch {
	case errors.As(err, &told):
		return told.text, true
	case errors.Is(err, ErrNoRequest):
		return ErrNoRequest.Error(), true
	}
	return "", false
}

// maxByChars bounds the names of those who decide.
const maxByChars = 300

func alreadyDecided(r *Request) error {
	return &refusal{http.StatusConflict, fmt.Sprintf("the request %s is %s already", r.ID, r.State)}
}

// approve makes a key, if what was asked for can still be had.
func (s *Server) approve(tx store.Tx, r *Request) error {
	if r.State != Pending {
		return alreadyDecided(r)
	}
	site := s.compiled.Load().sites[r.Portal]
	var p *published
	if site != nil {
		p = site.api(r.API, r.Stage)
	}
	if p == nil || p.plan == nil || p.Plan != r.Plan {
		return &refusal{http.StatusConflict, fmt.Sprintf("the portal %s does not offer keys of %s/%s in the usage plan %s any more: deny the request", r.Portal, r.API, r.Stage, r.Plan)}
	}
	err := s.book.grant(tx, r, p.planFiled)
	if errors.Is(err, restapi.ErrNoUsagePlan) {
		return &refusal{http.StatusConflict, fmt.Sprintf("the usage plan %s is not there any more: deny the request", r.Plan)}
	}
	return err
}

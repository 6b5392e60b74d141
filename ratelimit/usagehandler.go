package ratelimit

import (
	"encoding/json"
	"mime"
	"net/http"
	"time"
)

// usageLine is one line of the answer to GET.
type usageLine struct {
	Day  string `json:"day"`
	Plan string `json:"plan"`
	// PlanName is missing for a plan that there is no more.
	PlanName string `json:"planName,omitempty"`
	Key      string `json:"key"`
	API      string `json:"api"`
	Stage    string `json:"stage"`
	Allowed  int64  `json:"allowed"`
	Denied   int64  `json:"denied"`
}

// extension is the body of PUT: what a key is to have left in the current period.
type extension struct {
	Plan      string `json:"plan"`
	Key       string `json:"key"`
	Remaining *int64 `json:"remaining"`
}

// maxExtension bounds the body, and what may be left.
const (
	maxExtensionBytes = 64 << 10
	maxRemaining      = 1 << 40
)

// UsageHandler gives out usage, and extends quotas. It knows no users: whoever reaches
// it may do both, so that it belongs on a loopback port. Plans are named, or given by their
// ids. GET has the parameters plan, key, from and to (days, such as 2026-01-31); PUT sets what a key has left.
func (s *Server) UsageHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet:
			s.showUsage(w, r)
		case http.MethodPut:
			s.extend(w, r)
		default:
			w.Header().Set("Allow", "GET, PUT")
			http.Error(w, "want GET or PUT", http.StatusMethodNotAllowed)
		}
	})
}

func (s *Server) showUsage(w http.ResponseWriter, r *http.Request) {
	query, today := r.URL.Query(), time.Now().UTC()
	from, to := today.AddDate(0, 0, -30), today
	for name, day := range map[string]*time.Time{"from": &from, "to": &to} {
		if text := query.Get(name); text != "" {
			parsed, err := time.Parse(time.DateOnly, text)
			if err != nil {
				http.Error(w, name+" must be a day, such as 2026-01-31", http.StatusBadRequest)
				return
			}
			*day = parsed
		}
	}
	serving := s.serving.Load()
	days, err := s.options.Store.Usage(r.Context(), serving.planID(query.Get("plan")), from, to)
	if err != nil {
		s.options.Log.Warn("usage can't be read", "error", err)
		http.Error(w, "the store of limits does not answer", http.StatusServiceUnavailable)
		return
	}
	lines := []usageLine{}
	for _, d := range days {
		if key := query.Get("key"); key == "" || key == d.Key {
			lines = append(lines, usageLine{d.Day.Format(time.DateOnly), d.Plan, serving.planName(d.Plan), d.Key, d.API, d.Stage, d.Allowed, d.Denied})
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(lines)
}

// extend refuses what a page in a browser could send without having been allowed to.
func (s *Server) extend(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "want Content-Type: application/json", http.StatusUnsupportedMediaType)
		return
	}
	if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		http.Error(w, "not for browsers", http.StatusForbidden)
		return
	}
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxExtensionBytes))
	in.DisallowUnknownFields()
	var e extension
	if err := in.Decode(&e); err != nil || e.Remaining == nil || *e.Remaining < 0 || *e.Remaining > maxRemaining {
		http.Error(w, `want {"plan": NAME, "key": NAME, "remaining": NUMBER} with a number that is not negative`, http.StatusBadRequest)
		return
	}
	serving := s.serving.Load()
	quota, counter := serving.quota(serving.planID(e.Plan), e.Key)
	if quota == nil {
		http.Error(w, "there is no such plan that has a quota and this key", http.StatusNotFound)
		return
	}
	if err := s.options.Store.SetRemaining(r.Context(), counter, *quota, *e.Remaining); err != nil {
		s.options.Log.Warn("a quota can't be extended", "error", err)
		http.Error(w, "the store of limits does not answer", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

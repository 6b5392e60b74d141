package ratelimit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"time"

	"gatehouse/gateway"
)

// usageLine is one line of the answer to GET.
type usageLine struct {
	Day  string `json:"day"`
	Plan string `json:"plan"`
	// PlanName may be missing for a plan that there is no more.
	PlanName string `json:"planName,omitempty"`
	Key      string `json:"key"`
	API      string `json:"api"`
	Stage    string `json:"stage"`
	Allowed  int64  `json:"allowed"`
	Denied   int64  `json:"denied"`
}

// dailyUsage is the answer to GET with daily, in Amazon's words.
type dailyUsage struct {
	UsagePlanID string `json:"usagePlanId"`
	PlanName    string `json:"planName"`
	StartDate   string `json:"startDate"`
	EndDate     string `json:"endDate"`
	// Items have, by the name of a key, what it used and had left, for each day.
	Items map[string][][2]int64 `json:"items"`
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
// ids. GET has the parameters plan, key, from and to (days, such as 2026-01-31), and daily,
// which has it tell what keys used and had left by day, as Amazon's GetUsage does; PUT sets
// what a key has left.
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
	query := r.URL.Query()
	from, to, err := usageDays(query.Get("from"), query.Get("to"), time.Now().UTC())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	plan, key := query.Get("plan"), query.Get("key")
	if query.Has("daily") {
		s.showDaily(w, r, plan, key, from, to)
		return
	}
	serving := s.serving.Load()
	days, err := s.options.Store.Usage(r.Context(), serving.planID(plan), from, to)
	if err == nil && len(days) == 0 && plan != "" {
		// It may be the name of a plan that there was.
		days, err = s.options.Store.Usage(r.Context(), (&gateway.UsagePlan{Name: plan}).ID(), from, to)
	}
	var names map[string]string
	if err == nil {
		names, err = s.planNames(r.Context(), days, plan)
	}
	if err != nil {
		s.usageUnknown(w, err)
		return
	}
	lines := []usageLine{}
	for _, d := range days {
		if key == "" || key == d.Key {
			lines = append(lines, usageLine{d.Day.Format(time.DateOnly), d.Plan, names[d.Plan], d.Key, d.API, d.Stage, d.Allowed, d.Denied})
		}
	}
	// What was used is told whatever there is now; nothing may also be a mistake.
	if len(lines) == 0 {
		if mistake := serving.mistaken(plan, key); mistake != "" {
			http.Error(w, mistake, http.StatusNotFound)
			return
		}
	}
	writeJSON(w, lines)
}

func (s *Server) showDaily(w http.ResponseWriter, r *http.Request, plan, key string, from, to time.Time) {
	if plan == "" {
		http.Error(w, "daily is about one plan", http.StatusBadRequest)
		return
	}
	serving := s.serving.Load()
	usage, found, err := s.DailyUsage(r.Context(), serving.planID(plan), key, from, to)
	switch mistake := serving.mistaken(plan, key); {
	case err != nil:
		s.usageUnknown(w, err)
		return
	case (!found || usage.Unlimited) && mistake == "":
		mistake = fmt.Sprintf("the usage plan %q has no quota", plan)
		fallthrough
	case mistake != "":
		http.Error(w, mistake, http.StatusNotFound)
		return
	}
	writeJSON(w, dailyUsage{usage.Plan, serving.current.plans[usage.Plan].Name, usage.From.Format(time.DateOnly), usage.To.Format(time.DateOnly), usage.Keys})
}

// planNames are the names of the plans that something was used of, by their ids: of those that
// there are, that were asked for, or that the store knows there were.
func (s *Server) planNames(ctx context.Context, used []DayUsage, asked string) (map[string]string, error) {
	names := map[string]string{(&gateway.UsagePlan{Name: asked}).ID(): asked}
	if now := s.serving.Load().current; now != nil {
		maps.Copy(names, now.planNames())
	}
	unknown := map[string]bool{}
	for i := range used {
		if _, known := names[used[i].Plan]; !known {
			unknown[used[i].Plan] = true
		}
	}
	if len(unknown) == 0 {
		return names, nil
	}
	before, err := s.options.Store.PlanNames(ctx, slices.Sorted(maps.Keys(unknown)))
	maps.Copy(names, before)
	return names, err
}

func (s *Server) usageUnknown(w http.ResponseWriter, err error) {
	s.options.Log.Warn("usage can't be read", "error", err)
	http.Error(w, "the store of limits does not answer", http.StatusServiceUnavailable)
}

func writeJSON(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// usageDays are the days asked for: those up to today, and the 30 before the last, unless
// something else is said.
func usageDays(first, last string, today time.Time) (from, to time.Time, err error) {
	day := func(name, text string, otherwise time.Time) time.Time {
		if text == "" {
			return otherwise
		}
		parsed, parseErr := time.Parse(time.DateOnly, text)
		if parseErr != nil {
			err = errors.Join(err, fmt.Errorf("%s must be a day, such as 2026-01-31", name))
		}
		return parsed
	}
	to = day("to", last, today)
	from = day("from", first, to.AddDate(0, 0, -30))
	if err == nil && from.After(to) {
		err = fmt.Errorf("from (%s) is after to (%s)", from.Format(time.DateOnly), to.Format(time.DateOnly))
	}
	return from, to, err
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
	found, err := s.SetRemaining(r.Context(), serving.planID(e.Plan), e.Key, *e.Remaining)
	switch {
	case !found:
		mistake := cmp.Or(serving.mistaken(e.Plan, e.Key), "there is no such plan that has a quota and this key")
		http.Error(w, mistake, http.StatusNotFound)
	case err != nil:
		s.options.Log.Warn("a quota can't be extended", "error", err)
		http.Error(w, "the store of limits does not answer", http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// SetRemaining sets what a key has left of a plan's quota in the current period, both by
// their ids. found is false when there is no such plan that has a quota and this key.
func (s *Server) SetRemaining(ctx context.Context, plan, key string, remaining int64) (found bool, err error) {
	return s.setRemaining(ctx, plan, key, remaining, func(*Window) bool { return true })
}

// SetRemainingOf is SetRemaining where the quota in force has this limit and this period;
// otherwise found is false.
func (s *Server) SetRemainingOf(ctx context.Context, plan, key string, limit int64, period Period, remaining int64) (found bool, err error) {
	return s.setRemaining(ctx, plan, key, remaining, func(quota *Window) bool { return quota.Limit == limit && quota.Period == period })
}

func (s *Server) setRemaining(ctx context.Context, plan, key string, remaining int64, wanted func(*Window) bool) (found bool, err error) {
	quota, counter := s.serving.Load().quota(plan, key)
	if quota == nil || !wanted(quota) {
		return false, nil
	}
	if err := s.options.Store.SetRemaining(ctx, counter, *quota, remaining); err != nil {
		return true, err
	}
	s.noteExtension(ctx, plan, key, quota)
	return true, nil
}

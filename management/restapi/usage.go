package restapi

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gatehouse/management/restjson"
	"gatehouse/management/store"
)

// Usage knows what keys used of their quotas. Plans and keys have the ids of the
// documents.
type Usage interface {
	// Daily tells for a key of a plan, or for all without one, what it used and had left
	// on each day from one to another. found is false when nothing is known of the plan.
	Daily(ctx context.Context, plan, key string, from, to time.Time) (days map[string][][2]int64, found bool, err error)
	// SetRemaining sets what a key has left of a quota in the current period. found is
	// false as long as the plan has another quota in force, or not this key.
	SetRemaining(ctx context.Context, plan, key string, quota QuotaSettings, remaining int64) (found bool, err error)
}

func (s *Service) usageOperations() []restjson.Operation {
	return []restjson.Operation{
		{Name: "GetUsage", Method: http.MethodGet, Path: "/usageplans/{usageplanId}/usage", Status: http.StatusOK, Do: s.getUsage},
		{Name: "UpdateUsage", Method: http.MethodPatch, Path: "/usageplans/{usageplanId}/keys/{keyId}/usage", Status: http.StatusOK, Do: s.updateUsage},
	}
}

// usageAnswer is what both operations answer. SDKs call the values "items".
type usageAnswer struct {
	UsagePlanID string                `json:"usagePlanId"`
	StartDate   string                `json:"startDate"`
	EndDate     string                `json:"endDate"`
	Position    string                `json:"position,omitempty"`
	Values      map[string][][2]int64 `json:"values"`
}

// maxUsageDays is how far back usage is kept.
const maxUsageDays = 90

func (s *Service) getUsage(ctx context.Context, c *restjson.Call) (any, error) {
	from, to, err := usageDays(c)
	if err != nil {
		return nil, err
	}
	var plan *UsagePlan
	var keys []string
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		keys = nil
		if plan, err = readUsagePlan(r, c.Region, c.Params["usageplanId"]); err != nil {
			return err
		}
		if key := c.Query.Get("keyId"); key != "" {
			if _, err := readPlanKey(r, &restjson.Call{Caller: c.Caller, Params: map[string]string{"usageplanId": plan.ID, "keyId": key}}); err != nil {
				return err
			}
			keys = []string{key}
			return nil
		}
		all, err := planKeys(r, c.Region, plan.ID)
		for _, k := range all {
			keys = append(keys, k.ID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	p, err := pageOf(c, keys)
	if err != nil {
		return nil, err
	}
	values, err := s.usageOf(ctx, plan, p.Items, from, to)
	if err != nil {
		return nil, err
	}
	return &usageAnswer{plan.ID, from.Format(time.DateOnly), to.Format(time.DateOnly), p.Position, values}, nil
}

// usageOf tells the usage of some keys of a plan.
func (s *Service) usageOf(ctx context.Context, plan *UsagePlan, keys []string, from, to time.Time) (map[string][][2]int64, error) {
	if s.usage == nil {
		return nil, errUncounted
	}
	only := ""
	if len(keys) == 1 {
		only = keys[0]
	}
	days, found, err := s.usage.Daily(ctx, plan.ID, only, from, to)
	if err != nil {
		return nil, err
	}
	values := map[string][][2]int64{}
	for _, key := range keys {
		// Who has not called yet, or whose plan is not in force yet, has used nothing, and
		// of days long ago nothing is known any more.
		all := unusedDays(plan, from, to, s.now())
		if known, ok := days[key]; found && ok && len(known) <= len(all) {
			copy(all[len(all)-len(known):], known)
		}
		values[key] = all
	}
	return values, nil
}

// unusedDays are days on which nothing was used, up to the present one.
func unusedDays(plan *UsagePlan, from, to, now time.Time) [][2]int64 {
	remaining := int64(math.MaxInt64)
	if q := plan.Quota; q != nil {
		remaining = int64(max(0, q.Limit-q.Offset))
	}
	days := [][2]int64{}
	today := now.UTC().Truncate(24 * time.Hour)
	for day := from; !day.After(to) && !day.After(today); day = day.AddDate(0, 0, 1) {
		days = append(days, [2]int64{0, remaining})
	}
	return days
}

var errUncounted = &restjson.Error{
	Type: "ServiceUnavailableException", Status: http.StatusServiceUnavailable, Message: "Usage is not counted by this server: it has not the role ratelimit", RetryAfter: 60,
}

// usageDays reads the days that a call asks for.
func usageDays(c *restjson.Call) (from, to time.Time, err error) {
	var p problems
	day := func(name string) time.Time {
		text := c.Query.Get(name)
		p.require(name, text)
		parsed, err := time.Parse(time.DateOnly, text)
		if err != nil && text != "" {
			p.add("Invalid date specified for %s: '%s'. Dates are written as yyyy-MM-dd", name, shortened(text))
		}
		return parsed
	}
	from, to = day("startDate"), day("endDate")
	if err := p.err(); err != nil {
		return from, to, err
	}
	if to.Before(from) {
		return from, to, restjson.BadRequest("Usage start date cannot be after the end date")
	}
	if to.Sub(from) >= maxUsageDays*24*time.Hour {
		return from, to, restjson.BadRequest("Usage can be asked for at most %d days at once", maxUsageDays)
	}
	return from, to, nil
}

// maxRemaining bounds what a key may be given.
const maxRemaining = 1 << 40

// inForce is how long a plan is waited for that is stored already, and served in a moment.
const inForce = 10 * time.Second

// setRemaining sets what a key has left of a plan's quota. The key and the quota may have been
// given to the plan by the call before: what is kept of a key is how much of its limit it has
// used, so that what is set by another limit would be something else when that of the plan is in
// force.
func (s *Service) setRemaining(ctx context.Context, c *restjson.Call, remaining int64) (plan *UsagePlan, key *APIKey, err error) {
	for end := time.Now().Add(inForce); ; {
		if plan, key, err = s.planWithQuota(ctx, c); err != nil {
			return nil, nil, err
		}
		found, err := s.usage.SetRemaining(ctx, plan.ID, key.ID, *plan.Quota, remaining)
		if found || err != nil {
			return plan, key, err
		}
		if time.Now().After(end) {
			return nil, nil, errNotInForce
		}
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// planWithQuota reads the plan and the key that a call is about.
func (s *Service) planWithQuota(ctx context.Context, c *restjson.Call) (plan *UsagePlan, key *APIKey, err error) {
	err = s.store.View(ctx, func(r store.Reader) (err error) {
		if key, err = readPlanKey(r, c); err != nil {
			return err
		}
		plan, err = readUsagePlan(r, c.Region, c.Params["usageplanId"])
		return err
	})
	switch {
	case err != nil:
		return nil, nil, err
	case s.usage == nil:
		return nil, nil, errUncounted
	case plan.Quota == nil:
		return nil, nil, restjson.BadRequest("Usage Plan %s has no quota", plan.ID)
	}
	return plan, key, nil
}

var errNotInForce = &restjson.Error{
	Type: "ServiceUnavailableException", Status: http.StatusServiceUnavailable, RetryAfter: 1,
	Message: "The usage plan is not in force yet. Please try again later.",
}

func (s *Service) updateUsage(ctx context.Context, c *restjson.Call) (any, error) {
	operations, err := patchOperations(c)
	if err != nil {
		return nil, err
	}
	remaining := int64(-1)
	err = applyPatch(&remaining, operations, pathsListed, []patchRule[int64]{{"/remaining", opReplace, func(remaining *int64, o patchOperation, _ []string) error {
		n, err := strconv.ParseInt(o.text(), 10, 64)
		if err != nil || n < 0 || n > maxRemaining {
			return restjson.BadRequest("Invalid patch value '%s' specified for path '/remaining': it must be a number from 0 to %d", shortened(o.text()), int64(maxRemaining))
		}
		*remaining = n
		return nil
	}}})
	if err != nil {
		return nil, err
	}
	plan, key, err := s.planWithQuota(ctx, c)
	if err == nil && remaining >= 0 {
		plan, key, err = s.setRemaining(ctx, c, remaining)
	}
	if err != nil {
		return nil, err
	}
	today := s.now().UTC().Truncate(24 * time.Hour)
	values, err := s.usageOf(ctx, plan, []string{key.ID}, today, today)
	if err != nil {
		return nil, err
	}
	if days := slices.Clone(values[key.ID]); remaining >= 0 && len(days) > 0 {
		// Other services may count in it already: what was set is what is told.
		days[len(days)-1][1] = remaining
		values[key.ID] = days
	}
	return &usageAnswer{UsagePlanID: plan.ID, StartDate: today.Format(time.DateOnly), EndDate: today.Format(time.DateOnly), Values: values}, nil
}

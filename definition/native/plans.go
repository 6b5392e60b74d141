package native

import (
	"math"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// parseAccount reads what holds for all APIs together.
func parseAccount(v source.Value) gateway.Account {
	o := v.Object()
	a := gateway.Account{Throttle: parseThrottle(o.Get("throttle"))}
	o.Done()
	return a
}

// maxRate is more than an Envoy serves.
const maxRate = 1e9

// parseThrottle reads a token bucket, or nothing.
func parseThrottle(v source.Value) *gateway.Throttle {
	if !v.Exists() {
		return nil
	}
	o := v.Object()
	t := bucketOf(o, v)
	t.FailureMode = failureMode(o.Get("failureMode"), t.Shared)
	o.Done()
	return t
}

// parsePlanThrottle is parseThrottle in a usage plan, which says once for all its
// limits what holds when they cannot be asked.
func parsePlanThrottle(v source.Value, mode gateway.FailureMode) *gateway.Throttle {
	if !v.Exists() {
		return nil
	}
	o := v.Object()
	t := bucketOf(o, v)
	if t.Shared {
		t.FailureMode = mode
	}
	o.Done()
	return t
}

func bucketOf(o *source.Object, v source.Value) *gateway.Throttle {
	t := &gateway.Throttle{
		Rate:   o.Require("rate").Number(0, 0, maxRate),
		Shared: o.Get("scope").OneOf("local", "shared") == "shared",
		Source: v.Pos(),
	}
	// Without a burst, what comes in one second may come at once.
	t.Burst = o.Get("burst").Int(int64(math.Ceil(t.Rate)), 0, maxRate)
	hard := o.Get("hard")
	if t.Hard = hard.Bool(false); t.Hard && !t.Shared {
		hard.Errorf("conflicting-keys", "add scope: shared, or leave hard out", "hard is for shared limits: an Envoy's own limit always is")
	}
	return t
}

// failureMode reads what holds for a shared limit when it cannot be asked.
func failureMode(v source.Value, shared bool) gateway.FailureMode {
	if v.Exists() && !shared {
		v.Errorf("conflicting-keys", "add scope: shared, or leave failureMode out", "failureMode is for shared limits: an Envoy's own limit does not fail")
	}
	mode := gateway.FailureMode(v.OneOf(string(gateway.FailLocal), string(gateway.FailOpen), string(gateway.FailClosed)))
	if mode == "" && shared {
		return gateway.FailLocal
	}
	return mode
}

func parseUsagePlan(v source.Value) gateway.UsagePlan {
	o := v.Object()
	mode := failureMode(o.Get("failureMode"), true)
	p := gateway.UsagePlan{
		Name:      o.RequireText("name"),
		Throttle:  parsePlanThrottle(o.Get("throttle"), mode),
		Quota:     parseQuota(o.Get("quota"), mode),
		Keys:      o.Get("keys").Texts(),
		KeyLabels: o.Get("keyLabels").StringMap(),
		Source:    v.Pos(),
	}
	counted := o.Get("countUsage")
	if p.Uncounted = !counted.Bool(true); p.Uncounted && p.Quota != nil {
		counted.Errorf("conflicting-keys", "leave one of them out", "a quota is a count of usage")
	}
	for _, stage := range o.Get("stages").List() {
		p.Stages = append(p.Stages, parsePlanStage(stage, mode))
	}
	o.Done()
	if p.Quota != nil && p.Quota.Hard {
		askWithQuota(&p)
	}
	return p
}

// askWithQuota makes the shared throttles of a plan hard, as its quota is: all are asked about
// at once, so that what a throttle refuses uses nothing of the quota. A throttle that Envoys
// divide would refuse what the quota has counted.
func askWithQuota(p *gateway.UsagePlan) {
	harden := func(t *gateway.Throttle) {
		if t != nil {
			t.Hard = t.Hard || t.Shared
		}
	}
	harden(p.Throttle)
	for i := range p.Stages {
		for j := range p.Stages[i].Routes {
			harden(&p.Stages[i].Routes[j].Throttle)
		}
	}
}

// parsePlanStage reads API/STAGE, alone or with the throttles of its routes.
func parsePlanStage(v source.Value, mode gateway.FailureMode) gateway.PlanStage {
	s := gateway.PlanStage{Source: v.Pos()}
	name := v
	if v.IsObject() {
		o := v.Object()
		name = o.Require("stage")
		for _, e := range o.Get("routes").Object().Entries() {
			route := e.Object()
			throttle := parsePlanThrottle(route.Require("throttle"), mode)
			route.Done()
			if throttle != nil {
				s.Routes = append(s.Routes, gateway.RouteThrottle{RouteKey: e.Key, Throttle: *throttle, Source: e.KeyValue.Pos()})
			}
		}
		o.Done()
		if name.IsNull() {
			return s
		}
	}
	text := name.NonEmpty()
	if text == "" {
		return s
	}
	api, stage, ok := strings.Cut(text, "/")
	if !ok || api == "" || stage == "" {
		name.Errorf("invalid-value", "write API/STAGE", "%s is not an API with its stage", name.Shown())
		return s
	}
	s.API, s.Stage = api, stage
	return s
}

func parseQuota(v source.Value, mode gateway.FailureMode) *gateway.Quota {
	if !v.Exists() {
		return nil
	}
	o := v.Object()
	q := &gateway.Quota{
		Limit:       o.Require("limit").Int(0, 1, 1<<53),
		Period:      gateway.QuotaPeriod(o.Require("period").OneOf("DAY", "WEEK", "MONTH")),
		Offset:      o.Get("offset").Int(0, 0, 1<<53),
		Hard:        o.Get("hard").Bool(false),
		FailureMode: mode,
		Source:      v.Pos(),
	}
	o.Done()
	return q
}

package ratelimit

import (
	"strings"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

// Limits are the shared limits of a snapshot, found by the entries that Envoys name
// them with. They are immutable.
type Limits struct {
	account *gateway.Throttle
	plans   map[string]*plan
	// stages and routes hold the shared throttles of the definitions' own.
	stages map[stageAt]*gateway.Throttle
	routes map[routeAt]*gateway.Throttle
}

type stageAt struct{ api, stage string }

type routeAt struct {
	stageAt
	route string
}

type plan struct {
	*gateway.UsagePlan
	stages map[stageAt]bool
	routes map[routeAt]*gateway.Throttle
	keys   map[string]bool
}

// Limit is one limit with the counter that it is kept by.
type Limit struct {
	// Counter names the limit's state in the store.
	Counter string
	// One of Throttle and Quota is set, except for the usage of a key whose plan has
	// no quota: then both are nil.
	Throttle *gateway.Throttle
	Quota    *gateway.Quota
	// Usage of a LimitQuota, without numbers; nil for other kinds.
	Usage *Usage
}

// FailureMode is what holds for the limit when its store does not answer.
func (l *Limit) FailureMode() gateway.FailureMode {
	switch {
	case l.Throttle != nil:
		return l.Throttle.FailureMode
	case l.Quota != nil:
		return l.Quota.FailureMode
	}
	return gateway.FailOpen
}

// Compile collects the shared limits of a snapshot.
func Compile(s *gateway.Snapshot) *Limits {
	l := &Limits{plans: map[string]*plan{}, stages: map[stageAt]*gateway.Throttle{}, routes: map[routeAt]*gateway.Throttle{}}
	l.account = shared(s.Account.Throttle)
	for i := range s.APIs {
		api := &s.APIs[i]
		for j := range api.Stages {
			l.addStage(api, &api.Stages[j])
		}
	}
	for i := range s.UsagePlans {
		l.addPlan(s, &s.UsagePlans[i])
	}
	return l
}

// shared is a throttle that the service keeps, or nil.
func shared(t *gateway.Throttle) *gateway.Throttle {
	if t == nil || !t.Shared {
		return nil
	}
	return t
}

func (l *Limits) addStage(api *gateway.API, stage *gateway.Stage) {
	at := stageAt{api.ID, stage.Name}
	if t := shared(stage.Throttle); t != nil {
		l.stages[at] = t
	}
	for _, d := range stage.Deployments() {
		for i := range d.Routes {
			key := d.Routes[i].Key()
			if t := shared(stage.RouteThrottle(key)); t != nil {
				l.routes[routeAt{at, key}] = t
			}
		}
	}
}

func (l *Limits) addPlan(s *gateway.Snapshot, from *gateway.UsagePlan) {
	p := &plan{UsagePlan: from, stages: map[stageAt]bool{}, routes: map[routeAt]*gateway.Throttle{}, keys: map[string]bool{}}
	for _, key := range s.PlanKeys(from) {
		p.keys[key] = true
	}
	for i := range from.Stages {
		at := stageAt{from.Stages[i].API, from.Stages[i].Stage}
		p.stages[at] = true
		for j := range from.Stages[i].Routes {
			if r := &from.Stages[i].Routes[j]; r.Throttle.Shared {
				p.routes[routeAt{at, r.RouteKey}] = &r.Throttle
			}
		}
	}
	l.plans[from.ID()] = p
}

// Find gives the limit that entries name, or nil: Envoys may ask for limits of
// another revision, and anyone who reaches the service may ask for anything.
func (l *Limits) Find(entries map[string]string) *Limit {
	at := stageAt{entries[wire.LimitAPI], entries[wire.LimitStage]}
	kind, route := entries[wire.LimitKind], routeAt{at, entries[wire.LimitRoute]}
	switch kind {
	case wire.LimitOfAccount:
		return throttleLimit(l.account, kind)
	case wire.LimitOfStage:
		return throttleLimit(l.stages[at], kind, at.api, at.stage)
	case wire.LimitOfRoute:
		return throttleLimit(l.routes[route], kind, at.api, at.stage, route.route)
	}
	id, key := entries[wire.LimitPlan], keyName(entries[wire.LimitKey])
	if id == "" {
		id = l.planAt(entries[wire.LimitKey], key, at)
	}
	p := l.plans[id]
	if p == nil || !p.keys[key] {
		return nil
	}
	switch kind {
	case wire.LimitKeyPlan:
		return throttleLimit(shared(p.Throttle), kind, id, key)
	case wire.LimitKeyRoute:
		return throttleLimit(p.routes[route], kind, id, key, at.api, at.stage, route.route)
	case wire.LimitQuota:
		if !p.stages[at] {
			return nil
		}
		return &Limit{
			Counter: wire.Join(kind, id, key), Quota: p.Quota,
			Usage: &Usage{Plan: id, Key: key, API: at.api, Stage: at.stage},
		}
	}
	return nil
}

// planAt is the id of the plan that a key has for a stage, among those that the value of
// wire.KeyHeader names; "" for none.
func (l *Limits) planAt(tag, key string, at stageAt) string {
	plans, _, _ := strings.Cut(tag, "|:")
	for id := range strings.SplitSeq(plans, "|") {
		if p := l.plans[id]; p != nil && p.stages[at] && p.keys[key] {
			return id
		}
	}
	return ""
}

// keyName takes the name out of wire.KeyHeader's value, where it comes like that: no name
// begins with a bar.
func keyName(entry string) string {
	if strings.HasPrefix(entry, "|") {
		_, entry, _ = strings.Cut(entry, "|:")
	}
	return entry
}

func throttleLimit(t *gateway.Throttle, parts ...string) *Limit {
	if t == nil {
		return nil
	}
	return &Limit{Counter: wire.Join(parts...), Throttle: t}
}

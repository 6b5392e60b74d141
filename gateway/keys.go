package gateway

import (
	"maps"
	"slices"
	"strings"
)

// KeyAccess tells which API keys are in which usage plans, and which plans have which
// stages. Plans are named by their ids (UsagePlan.ID), all lists are sorted.
type KeyAccess struct {
	ofKey   map[string][]string
	ofStage map[stageReference][]string
	twins   map[string]int
	values  int
}

type stageReference struct{ api, stage string }

// KeyAccess derives it from the usage plans. Whether a key is disabled does not matter
// to it, so that disabling one changes no route.
func (s *Snapshot) KeyAccess() *KeyAccess {
	a := &KeyAccess{ofKey: make(map[string][]string, len(s.APIKeys)), ofStage: map[stageReference][]string{}}
	for i := range s.APIKeys {
		a.ofKey[s.APIKeys[i].Name] = nil
		a.values += len(s.APIKeys[i].Values)
	}
	for i := range s.UsagePlans {
		plan := &s.UsagePlans[i]
		id := plan.ID()
		for _, key := range s.PlanKeys(plan) {
			if list, exists := a.ofKey[key]; exists {
				a.ofKey[key] = append(list, id)
			}
		}
		for _, stage := range plan.Stages {
			at := stageReference{stage.API, stage.Stage}
			a.ofStage[at] = append(a.ofStage[at], id)
		}
	}
	sortOnce(a.ofKey)
	sortOnce(a.ofStage)
	a.twins = a.twinsOf(s.UsagePlans)
	return a
}

// twinsOf numbers plans, for Twin.
func (a *KeyAccess) twinsOf(plans []UsagePlan) map[string]int {
	type limit struct {
		rate  float64
		burst int64
	}
	limits := map[string]limit{}
	for i := range plans {
		if t := plans[i].Throttle; t != nil {
			limits[plans[i].ID()] = limit{t.Rate, t.EnvoyBurst()}
		}
	}
	beside := map[string]map[string]bool{}
	for _, list := range a.ofKey {
		for i, id := range list {
			for _, other := range list[:i] {
				if own, limited := limits[id]; !limited || limits[other] != own {
					continue
				}
				if beside[id] == nil {
					beside[id] = map[string]bool{}
				}
				beside[id][other] = true
			}
		}
	}
	twins := map[string]int{}
	for _, id := range slices.Sorted(maps.Keys(beside)) {
		// Of two plans, the second in this order has the first beside it: that has its
		// number by now.
		taken := map[int]bool{}
		for other := range beside[id] {
			taken[twins[other]] = true
		}
		for taken[twins[id]] {
			twins[id]++
		}
	}
	return twins
}

// Twin tells a plan from others with the same throttle that have a key of it, too: those
// have other numbers. It is 0 for plans of which there is nothing to tell.
func (a *KeyAccess) Twin(plan string) int { return a.twins[plan] }

// sortOnce sorts lists and takes out what they have twice.
func sortOnce[K comparable](lists map[K][]string) {
	for at, list := range lists {
		slices.Sort(list)
		lists[at] = slices.Compact(list)
	}
}

// Values is how many values all keys have together.
func (a *KeyAccess) Values() int { return a.values }

// Key lists the plans of a key by the key's name; none for one that may call nothing.
// The list is not to be changed.
func (a *KeyAccess) Key(name string) []string { return a.ofKey[name] }

// Stage lists the plans that have a stage. The list is not to be changed.
func (a *KeyAccess) Stage(api, stage string) []string {
	return a.ofStage[stageReference{api, stage}]
}

// Admits reports whether a key that is in these plans may call a stage.
func (a *KeyAccess) Admits(plans []string, api, stage string) bool {
	have := a.Stage(api, stage)
	return slices.ContainsFunc(plans, func(id string) bool {
		_, found := slices.BinarySearch(have, id)
		return found
	})
}

// Tag is what tells an Envoy's filters whose key a request came with: "|PLAN|PLAN|:KEY".
// It has "|PLAN|" in it for each plan of the key and for no other, since names of keys
// hold no bar. A key without plans has no tag.
func (a *KeyAccess) Tag(key string) string {
	plans := a.Key(key)
	if len(plans) == 0 {
		return ""
	}
	return "|" + strings.Join(plans, "|") + "|:" + key
}

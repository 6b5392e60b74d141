package gateway

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
)

// KeyGroups tells which API keys may call which stages. Keys that are in the same
// usage plans form a group: there are as many keys as an API has customers, but only
// a few groups, so it is groups that the routes of a stage are given.
type KeyGroups struct {
	ofKey   map[string]string
	ofStage map[stageReference][]string
	values  int
}

type stageReference struct{ api, stage string }

// KeyGroups derives the groups from the usage plans.
//
// The id of a group is made of the names of its plans and of nothing else. Envoys get
// the keys and the routes at different moments, so an id must not mean other plans in
// the next revision than it did in this one: a number counted up would let keys in
// where they never belonged. It holds no colon, and whether a key is disabled does not
// matter to it, so that disabling one changes no route.
func (s *Snapshot) KeyGroups() *KeyGroups {
	plans := slices.Clone(s.UsagePlans)
	slices.SortStableFunc(plans, func(a, b UsagePlan) int { return strings.Compare(a.Name, b.Name) })

	values := 0
	plansOf := make(map[string][]int, len(s.APIKeys))
	for i := range s.APIKeys {
		plansOf[s.APIKeys[i].Name] = nil
		values += len(s.APIKeys[i].Values)
	}
	for i := range plans {
		for _, key := range s.PlanKeys(&plans[i]) {
			list, exists := plansOf[key]
			if exists && !slices.Contains(list, i) {
				plansOf[key] = append(list, i)
			}
		}
	}

	g := &KeyGroups{ofKey: make(map[string]string, len(plansOf)), ofStage: map[stageReference][]string{}, values: values}
	known := map[string]string{}
	for key, list := range plansOf {
		if len(list) == 0 {
			continue
		}
		members := make([]byte, 0, 4*len(list))
		for _, i := range list {
			members = binary.BigEndian.AppendUint32(members, uint32(i))
		}
		id, found := known[string(members)]
		if !found {
			id = groupID(plans, list)
			known[string(members)] = id
			g.admit(id, plans, list)
		}
		g.ofKey[key] = id
	}
	for stage, ids := range g.ofStage {
		slices.Sort(ids)
		g.ofStage[stage] = slices.Compact(ids)
	}
	return g
}

// groupID hashes the names, each after its length: no two lists of names are the same
// bytes, whatever characters are in them. 128 bits of SHA-256 do not collide.
func groupID(plans []UsagePlan, list []int) string {
	h := sha256.New()
	for _, i := range list {
		hashLen(h, len(plans[i].Name))
		h.Write([]byte(plans[i].Name))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (g *KeyGroups) admit(id string, plans []UsagePlan, list []int) {
	for _, i := range list {
		for _, stage := range plans[i].Stages {
			at := stageReference{stage.API, stage.Stage}
			g.ofStage[at] = append(g.ofStage[at], id)
		}
	}
}

// Values is how many values all keys have together.
func (g *KeyGroups) Values() int { return g.values }

// Of is the group of a key by the key's name, "" for one that is in no plan and thus
// may call nothing.
func (g *KeyGroups) Of(key string) string { return g.ofKey[key] }

// Stage lists the groups whose keys may call a stage, sorted.
func (g *KeyGroups) Stage(api, stage string) []string {
	return slices.Clone(g.ofStage[stageReference{api, stage}])
}

// Admits reports whether the keys of a group may call a stage.
func (g *KeyGroups) Admits(group, api, stage string) bool {
	_, found := slices.BinarySearchFunc(g.ofStage[stageReference{api, stage}], group, cmp.Compare[string])
	return found
}

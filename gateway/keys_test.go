package gateway_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gatehouse/gateway"
)

func keys(names ...string) (list []gateway.APIKey) {
	for _, name := range names {
		list = append(list, gateway.APIKey{Name: name, Values: []gateway.Secret{gateway.Secret("value-of-" + name)}})
	}
	return list
}

func TestKeyGroups(t *testing.T) {
	s := &gateway.Snapshot{
		APIKeys: keys("acme", "bolt", "both", "none", "again"),
		UsagePlans: []gateway.UsagePlan{
			{Name: "silver", Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}}, Keys: []string{"bolt", "both"}},
			{Name: "gold", Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}, {API: "pets", Stage: "v2"}, {API: "shop", Stage: "$default"}}, Keys: []string{"acme", "both", "again", "again", "unknown"}},
			{Name: "empty", Stages: []gateway.PlanStage{{API: "pets", Stage: "v3"}}},
		},
	}
	g := s.KeyGroups()
	gold, silver, both := g.Of("acme"), g.Of("bolt"), g.Of("both")
	for _, id := range []string{gold, silver, both} {
		if id == "" || strings.Contains(id, ":") {
			t.Errorf("a group has the id %q", id)
		}
	}
	if gold == silver || gold == both || silver == both {
		t.Errorf("different sets of plans share an id: gold %s, silver %s, both %s", gold, silver, both)
	}
	if g.Of("again") != gold {
		t.Errorf("two keys of the same plans are in the groups %s and %s", g.Of("again"), gold)
	}
	if g.Of("none") != "" || g.Of("unknown") != "" {
		t.Errorf("keys without plans, or that do not exist, are in the groups %q and %q", g.Of("none"), g.Of("unknown"))
	}

	for _, c := range []struct {
		api, stage string
		want       []string
	}{
		{"pets", "v1", []string{gold, silver, both}},
		{"pets", "v2", []string{gold, both}},
		{"shop", "$default", []string{gold, both}},
		{"pets", "v3", nil},
		{"other", "v1", nil},
	} {
		slices.Sort(c.want)
		if got := g.Stage(c.api, c.stage); !slices.Equal(got, c.want) {
			t.Errorf("groups of %s/%s: %v, want %v", c.api, c.stage, got, c.want)
		}
		for _, id := range []string{gold, silver, both, ""} {
			if got, want := g.Admits(id, c.api, c.stage), slices.Contains(c.want, id); got != want {
				t.Errorf("group %q admitted to %s/%s: %t, want %t", id, c.api, c.stage, got, want)
			}
		}
	}
}

// An Envoy may have the keys of one revision and the routes of another.
func TestKeyGroupsKeepTheirMeaning(t *testing.T) {
	before := &gateway.Snapshot{
		APIKeys:    keys("acme"),
		UsagePlans: []gateway.UsagePlan{{Name: "gold", Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}}, Keys: []string{"acme"}}},
	}
	after := &gateway.Snapshot{
		APIKeys: keys("bolt", "acme"),
		UsagePlans: []gateway.UsagePlan{
			{Name: "gold", Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}}, Keys: []string{"acme"}},
			{Name: "bronze", Stages: []gateway.PlanStage{{API: "pets", Stage: "v0"}}, Keys: []string{"bolt"}},
		},
	}
	after.APIKeys[1].Disabled = true
	if a, b := before.KeyGroups().Of("acme"), after.KeyGroups().Of("acme"); a != b {
		t.Errorf("another plan, order, or a disabled key changed the id of a group from %s to %s", a, b)
	}
	slices.Reverse(after.UsagePlans)
	if a, b := before.KeyGroups().Of("acme"), after.KeyGroups().Of("acme"); a != b {
		t.Errorf("the order of plans changed the id of a group from %s to %s", a, b)
	}
}

// Names that run into each other when they are put one after the other.
func TestKeyGroupsTellNamesApart(t *testing.T) {
	seen := map[string]string{}
	for _, plans := range [][]string{{"a", "bc"}, {"ab", "c"}, {"abc"}, {"a,bc"}, {"a\x00bc"}, {"a", "b", "c"}, {"a:bc"}} {
		s := &gateway.Snapshot{APIKeys: keys("k")}
		for _, name := range plans {
			s.UsagePlans = append(s.UsagePlans, gateway.UsagePlan{Name: name, Keys: []string{"k"}})
		}
		id := s.KeyGroups().Of("k")
		if other, twice := seen[id]; twice {
			t.Errorf("the plans %q and %s share the id %s", plans, other, id)
		}
		seen[id] = fmt.Sprintf("%q", plans)
	}
}

func BenchmarkKeyGroups(b *testing.B) {
	s := &gateway.Snapshot{UsagePlans: make([]gateway.UsagePlan, 10)}
	for i := range s.UsagePlans {
		s.UsagePlans[i] = gateway.UsagePlan{Name: fmt.Sprint("plan", i), Stages: []gateway.PlanStage{{API: "api", Stage: strconv.Itoa(i)}}}
	}
	for i := range 100_000 {
		name := fmt.Sprint("key", i)
		s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: name})
		for p := range s.UsagePlans {
			if i%(p+2) == 0 {
				s.UsagePlans[p].Keys = append(s.UsagePlans[p].Keys, name)
			}
		}
	}
	for b.Loop() {
		s.KeyGroups()
	}
}

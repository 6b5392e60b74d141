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

func planID(name string) string { return (&gateway.UsagePlan{Name: name}).ID() }

func TestKeyAccess(t *testing.T) {
	s := &gateway.Snapshot{
		APIKeys: append(keys("acme", "bolt", "both", "none", "again", "a:b"), gateway.APIKey{Name: "chooses", Values: []gateway.Secret{"value"}, Plans: []string{"empty"}}),
		UsagePlans: []gateway.UsagePlan{
			{Name: "silver", Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}}, Keys: []string{"bolt", "both"}},
			{Name: "gold", Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}, {API: "pets", Stage: "v2"}, {API: "shop", Stage: "$default"}}, Keys: []string{"acme", "both", "again", "again", "a:b", "unknown"}},
			{Name: "empty", Stages: []gateway.PlanStage{{API: "pets", Stage: "v3"}}},
		},
	}
	a := s.KeyAccess()
	if a.Values() != 7 {
		t.Errorf("%d values", a.Values())
	}
	gold, silver := planID("gold"), planID("silver")
	both := []string{gold, silver}
	slices.Sort(both)
	for key, want := range map[string][]string{
		"acme": {gold}, "bolt": {silver}, "both": both, "again": {gold}, "a:b": {gold}, "chooses": {planID("empty")}, "none": nil, "unknown": nil,
	} {
		if got := a.Key(key); !slices.Equal(got, want) {
			t.Errorf("plans of %s: %v, want %v", key, got, want)
		}
		tag := ""
		if want != nil {
			tag = "|" + strings.Join(want, "|") + "|:" + key
		}
		if got := a.Tag(key); got != tag {
			t.Errorf("the tag of %s is %q, want %q", key, got, tag)
		}
	}
	for _, c := range []struct {
		api, stage string
		plans      []string
		keys       []string
	}{
		{"pets", "v1", both, []string{"acme", "bolt", "both", "again", "a:b"}},
		{"pets", "v2", []string{gold}, []string{"acme", "both", "again", "a:b"}},
		{"shop", "$default", []string{gold}, []string{"acme", "both", "again", "a:b"}},
		{"pets", "v3", []string{planID("empty")}, []string{"chooses"}},
		{"other", "v1", nil, nil},
	} {
		if got := a.Stage(c.api, c.stage); !slices.Equal(got, c.plans) {
			t.Errorf("plans of %s/%s: %v, want %v", c.api, c.stage, got, c.plans)
		}
		for _, key := range []string{"acme", "bolt", "both", "again", "a:b", "chooses", "none", "unknown", ""} {
			if got, want := a.Admits(a.Key(key), c.api, c.stage), slices.Contains(c.keys, key); got != want {
				t.Errorf("the key %q admitted to %s/%s: %t, want %t", key, c.api, c.stage, got, want)
			}
		}
	}
}

// An Envoy may have the keys of one revision and the routes of another: a tag must not
// mean other plans in the next revision than it did in this one.
func TestTagsKeepTheirMeaning(t *testing.T) {
	gold := gateway.UsagePlan{Name: "gold", Stages: []gateway.PlanStage{{API: "pets", Stage: "v1"}}, Keys: []string{"acme"}}
	before := &gateway.Snapshot{APIKeys: keys("acme"), UsagePlans: []gateway.UsagePlan{gold}}
	changed := gold
	changed.Throttle, changed.Stages = &gateway.Throttle{Rate: 1}, []gateway.PlanStage{{API: "shop", Stage: "v1"}}
	after := &gateway.Snapshot{
		APIKeys: keys("bolt", "acme"),
		UsagePlans: []gateway.UsagePlan{
			{Name: "bronze", Stages: []gateway.PlanStage{{API: "pets", Stage: "v0"}}, Keys: []string{"bolt"}},
			changed,
		},
	}
	after.APIKeys[1].Disabled = true
	for range 2 {
		if a, b := before.KeyAccess().Tag("acme"), after.KeyAccess().Tag("acme"); a != b {
			t.Errorf("what is no matter of the key's plans changed its tag from %s to %s", a, b)
		}
		slices.Reverse(after.UsagePlans)
	}
	after.UsagePlans[0].Name = "platinum"
	after.UsagePlans[1].Name = "lead"
	if a, b := before.KeyAccess().Tag("acme"), after.KeyAccess().Tag("acme"); a == b {
		t.Errorf("the tag of two different plans is %s", a)
	}
}

// TestTwins: plans with the same throttle are told apart where they have a key in common,
// whatever the order of the definitions, and no others.
func TestTwins(t *testing.T) {
	plan := func(name string, rate float64, keys ...string) gateway.UsagePlan {
		return gateway.UsagePlan{Name: name, Throttle: &gateway.Throttle{Rate: rate, Burst: 1}, Keys: keys}
	}
	s := &gateway.Snapshot{
		APIKeys: keys("acme", "bolt", "coal"),
		UsagePlans: []gateway.UsagePlan{
			plan("one", 1, "acme"), plan("two", 1, "acme", "bolt"), plan("three", 1, "acme", "bolt"), plan("four", 1, "bolt"),
			plan("alone", 1, "coal"), plan("other", 2, "acme", "coal"), {Name: "free", Keys: []string{"acme", "bolt"}}, {Name: "also free", Keys: []string{"acme"}},
		},
	}
	twins := map[string]int{}
	for range 10 {
		a := s.KeyAccess()
		for i := range s.UsagePlans {
			name := s.UsagePlans[i].Name
			got := a.Twin(planID(name))
			if before, known := twins[name]; known && before != got {
				t.Errorf("the plan %s is %d and %d", name, before, got)
			}
			twins[name] = got
			if i >= 4 && got != 0 {
				t.Errorf("the plan %s is %d, want 0", name, got)
			}
		}
		for _, pair := range [][2]string{{"one", "two"}, {"one", "three"}, {"two", "three"}, {"two", "four"}, {"three", "four"}} {
			if twins[pair[0]] == twins[pair[1]] {
				t.Errorf("the plans %s are both %d", pair, twins[pair[0]])
			}
		}
		slices.Reverse(s.UsagePlans[:4])
	}
}

func BenchmarkKeyAccess(b *testing.B) {
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
		s.KeyAccess()
	}
}

package source_test

import (
	"slices"
	"testing"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/management/restapi"
	"gatehouse/management/source"
	"gatehouse/management/store"
)

// TestPlanTag holds that stored keys are in the plans of files that their tags name, and
// that neither a plan that is gone nor a plan of the management API makes a mistake of it.
func TestPlanTag(t *testing.T) {
	s := store.NewMemory()
	const region = gateway.DefaultRegion
	stored := map[string]any{restapi.UsagePlansFolder(region) + "silver": restapi.UsagePlan{ID: "silver"}}
	for id, plan := range map[string]string{"filed": "gold", "gone": "platinum", "both": "gold", "other": ""} {
		k := restapi.APIKey{ID: id, Value: "value-of-the-key-" + id, Enabled: true, Tags: map[string]string{"a": "b"}}
		if plan != "" {
			k.Tags[restapi.PlanTag] = plan
		}
		stored[restapi.APIKeysFolder(region)+id] = k
	}
	stored[restapi.UsagePlanKeysFolder(region, "silver")+"both"] = restapi.UsagePlanKey{ID: "both", Type: "API_KEY"}
	put(t, s, stored)
	files := render(t, source.NewRenderer(), s, nil)
	files.Content["plans.yaml"] = []byte("usagePlans: [{name: gold}]")
	result := definition.NewLoader(definition.Options{Foreign: source.IsVirtual, MayBeEmpty: true, ReadFile: func(name string) ([]byte, error) {
		return files.Content[name], nil
	}}).Load(t.Context(), append([]string{"plans.yaml"}, files.Paths...))
	if result.Snapshot == nil || len(result.Diagnostics) > 0 {
		t.Fatal(result.Diagnostics)
	}
	for plan, want := range map[string][]string{"gold": {"filed"}, "silver": {"both"}} {
		if got := result.Snapshot.PlanKeys(result.Snapshot.UsagePlan(plan)); !slices.Equal(got, want) {
			t.Errorf("the plan %s has %v, want %v", plan, got, want)
		}
	}
}

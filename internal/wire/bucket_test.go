package wire

import (
	"maps"
	"testing"
)

// TestBuckets holds that the bucket of a limit has its entries in it, whatever they are.
func TestBuckets(t *testing.T) {
	for kind, of := range limitEntries {
		entries := map[string]string{LimitKind: kind}
		for i, entry := range of {
			entries[entry] = []string{"a|b", "%7C", "GET /{p+}", ""}[i]
		}
		id := map[string]string{BucketOf(entries): EveryKey}
		if entries[LimitPlan] != "" {
			id[BucketOf(entries)], entries[LimitKey] = "|x|:acme", "|x|:acme"
		}
		got, ok := BucketEntries(id)
		if !ok || !maps.Equal(got, entries) {
			t.Errorf("%v became %v (%v), want %v", id, got, ok, entries)
		}
	}
	// While Gatehouse is upgraded, Envoys name buckets as the version before has them do.
	earlier := map[string]string{LimitKind: LimitKeyPlan, LimitPlan: "gold", LimitKey: "acme"}
	if got, ok := BucketEntries(map[string]string{"key-plan|gold": "acme"}); !ok || !maps.Equal(got, earlier) {
		t.Errorf("the bucket of an earlier version became %v (%v)", got, ok)
	}
	if Join("a|", "b") == Join("a", "|b") {
		t.Error("different parts have the same name")
	}
}

package xds

import (
	"slices"
	"testing"
)

func TestBlame(t *testing.T) {
	pushed := map[string]string{"api": "1", "api-2": "1", "gone": "", "x.y:80": "1"}
	for message, want := range map[string][]string{
		"Error adding/updating cluster(s) api: no good":                       {"api"},
		"Error adding/updating cluster(s) api: no good, api-2: nor this":      {"api", "api-2"},
		"Error adding/updating cluster(s) api-2: unlike api":                  {"api-2"},
		"Error adding/updating cluster(s) x.y:80: no good":                    {"x.y:80"},
		"Error adding/updating listener(s) api: no good\nx.y:80: nor this\n":  {"api", "x.y:80"},
		"Error adding/updating listener(s) gone: is not among what was added": nil,
		"Error adding/updating scoped route(s): first scope is 'api'":         nil,
		"missing ): (": nil,
		"Only unique names for virtual hosts are permitted, not api: duplicated": nil,
	} {
		if got := blame(pushed, message); !slices.Equal(got, want) {
			t.Errorf("%q blames %v, want %v", message, got, want)
		}
	}
}

package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestRolesFlag(t *testing.T) {
	all := strings.Join(roleNames(), ",")
	for _, c := range []struct{ list, want, err string }{
		{"", "", "a name is missing"},
		{"xds", "xds", ""},
		// In the order of all, and each once.
		{" extauthz ,xds,extauthz", "xds,extauthz", ""},
		{"xds,", "", "a name is missing"},
		{"xds,dashboards,", "", "a name is missing"},
		{"XDS", "", `there is no role "XDS"; there are xds, extauthz`},
		{"a,b", "", `there is no role "a", "b"`},
	} {
		var f rolesFlag
		if f.String() != all {
			t.Fatalf("the roles of a process that was told none are %s, want %s", f.String(), all)
		}
		err := f.Set(c.list)
		switch {
		case c.err == "" && (err != nil || f.String() != c.want):
			t.Errorf("--roles %q: %s %v, want %s", c.list, f.String(), err, c.want)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("--roles %q: %v, want %s", c.list, err, c.err)
		case c.err != "" && f.String() != all:
			t.Errorf("--roles %q changed the roles to %s", c.list, f.String())
		}
	}
}

func TestCompleteRoles(t *testing.T) {
	for typed, want := range map[string]string{"": "xds", "x": "xds", "xds,": "xds,extauthz"} {
		got, _ := completeRoles(&cobra.Command{}, nil, typed)
		if len(got) == 0 || !strings.HasPrefix(got[0], want+"\t") {
			t.Errorf("%q is completed by %q, want %s first", typed, got, want)
		}
	}
}

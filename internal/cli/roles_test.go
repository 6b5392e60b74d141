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
		{"XDS", "", `there is no role "XDS"; there are xds, extauthz, ratelimit`},
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

// TestEnvoysAreNotLeftWithoutAService has a process that sends Envoys routes which need
// an authorization service, and has none: it says so, unless they know of another.
func TestEnvoysAreNotLeftWithoutAService(t *testing.T) {
	guarded := strings.Replace(petstore(8080, "http://127.0.0.1:9101")["petstore.openapi.yaml"], "    get:\n", "    get:\n      x-amazon-apigateway-auth: {type: AWS_IAM}\n", 1)
	for name, c := range map[string]struct {
		roles, services string
		want            string
	}{
		"none":            {"xds", "", "no-authorization-service no-ratelimit-service "},
		"of their own":    {"xds", "    services: {authorization: \"127.0.0.1:18002\", ratelimit: \"127.0.0.1:18003\"}\n", ""},
		"one of its own":  {"xds", "    services: {ratelimit: \"127.0.0.1:18003\"}\n", "no-authorization-service "},
		"one is here":     {"xds,extauthz", "", "no-ratelimit-service "},
		"in this process": {"xds,extauthz,ratelimit", "", ""},
		"without any xDS": {"extauthz", "", ""},
		"nobody to tell":  {"xds,extauthz,ratelimit", "    telemetry: true\n", "no-telemetry-service "},
		"told apart":      {"xds,extauthz,ratelimit", "    telemetry: true\n    services: {telemetry: \"127.0.0.1:18004\"}\n", ""},
		"told here":       {"xds,extauthz,ratelimit,telemetry", "    telemetry: true\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			contents := petstore(8080, "http://127.0.0.1:9101")
			contents["petstore.openapi.yaml"] = guarded
			contents["gatehouse.yaml"] = strings.Replace(contents["gatehouse.yaml"], "apis:", c.services+"apis:", 1) + "account: {throttle: {rate: 100, burst: 100, scope: shared}}\n"
			d := startDaemon(t, "serve", "--roles", c.roles, "--data-dir", t.TempDir(), files(t, contents))
			s := d.statusUntil("it serves", func(s statusJSON) bool { return s.InForce })
			found := ""
			for _, p := range s.Serving.Diagnostics {
				if strings.HasPrefix(p.Code, "no-") && p.Line == 2 {
					found += p.Code + " "
				}
			}
			if found != c.want || strings.Join(s.Roles, ",") != c.roles {
				t.Errorf("roles %v, warnings %s, want %s: %+v", s.Roles, found, c.want, s.Serving.Diagnostics)
			}
		})
	}
}

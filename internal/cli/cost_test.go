package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCost asks one server and several, with tables of every kind.
func TestCost(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		day := "2026-11-02"
		if strings.HasPrefix(r.URL.Path, "/other/") {
			day = "2026-11-03"
		}
		_, _ = w.Write([]byte(`{"from":"2026-11-01","to":"2026-11-30","unmeteredGateways":[],"lines":[
			{"day":"` + day + `","api":"p1","apiName":"pets","protocol":"REST","stage":"v1","key":"=1+1","calls":1000000},
			{"day":"` + day + `","api":"p1","apiName":"pets","protocol":"REST","stage":"v1","cacheBytes":1000,"cacheMinutes":60}]}`))
	}))
	defer server.Close()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"tab": "name: own\ncurrency: EUR\nprices:\n\t- {meter: calls}\n", "open": "name: own\nprices:\n  - {meter: calls, tiers: [{price: 1}]\n", "empty": "", "wrong": "name: own\ncurrency: EUR\nprices:\n  - {meter: call}",
		"hostile": `{name: "=own", currency: "E\u202eUR", prices: [{meter: calls, tiers: [{price: 0.001}]}]}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one, two := []string{"--server", server.URL}, []string{"--server", server.URL + "," + server.URL + "/other"}
	for name, c := range map[string]struct {
		args  []string
		code  int
		want  string
		asked string
	}{
		"one server":   {one, 0, "REST calls  1000000  3.50", "/metering?from=2026-11-01&per=month&to=2026-11-30"},
		"two servers":  {two, 0, "cacheHours  2        0.04", "/metering?from=2026-11-01&to=2026-11-30"},
		"hostile":      {append(one, "--prices", "hostile"), 0, `=OWN E\u202eUR`, ""},
		"hostile file": {append(one, "--prices", "hostile", "--by", "key", "-o", "csv"), 0, "month,key,what,amount,'=own E\u202eUR\n2026-11,'=1+1,calls,1000000,1000\n", ""},
		"tab":          {append(one, "--prices", "tab"), 1, "tab.yaml:4:1: ", ""},
		"not closed":   {append(one, "--prices", "open"), 1, "open.yaml:3:5: while parsing a flow mapping", ""},
		"empty":        {append(one, "--prices", "empty"), 1, "empty.yaml:1:1: the file is empty", ""},
		"wrong":        {append(one, "--prices", "wrong"), 1, `wrong.yaml:4:13: there is no meter "call"`, ""},
		"none":         {append(one, "--prices", "none"), 1, "--prices is aws, or a file", ""},
	} {
		asked = nil
		for i := range c.args {
			if i > 0 && c.args[i-1] == "--prices" {
				c.args[i] = filepath.Join(folder, c.args[i]+".yaml")
			}
		}
		got := command(t, append([]string{"cost", "--from", "2026-11", "--to", "2026-11"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.out+got.err, c.want) || c.asked != "" && (len(asked) == 0 || asked[0] != c.asked) {
			t.Errorf("%s: exit %d, asked %q\n%s%s", name, got.code, asked, got.out, got.err)
		}
	}
}

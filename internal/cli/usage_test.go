package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestUsage asks servers of every kind.
func TestUsage(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.String()
		switch r.URL.Query().Get("plan") {
		case "none":
			_, _ = w.Write([]byte("[]"))
		case "broken":
			http.Error(w, "the store of limits does not answer", http.StatusServiceUnavailable)
		case "hostile":
			_, _ = w.Write([]byte(`[{"day":"2026-01-31","plan":"0123","planName":"=1+1","key":"a\u001b[2J\u202eb","api":"\u0007\n","stage":"@v1","allowed":12,"denied":-3}]`))
		case "rude":
			http.Error(w, "\x1b]0;owned\x07 no\r\nmore "+strings.Repeat("x", 1<<20), http.StatusTeapot)
		case "gold":
			_, _ = w.Write([]byte(`{"usagePlanId":"0123","planName":"gold","startDate":"2026-01-31","endDate":"2026-02-01","items":{"b":[[1,9],[0,10]],"a":[[12,0],[3,7]]}}`))
		case "strange":
			_, _ = w.Write([]byte("<html>"))
		default:
			_, _ = w.Write([]byte(`[{"day":"2026-01-31","plan":"0123","planName":"gold","key":"acme","api":"pets","stage":"v1","allowed":12,"denied":3},
				{"day":"2026-02-01","plan":"0124","key":"a,b","api":"pets","stage":"v1","allowed":1,"denied":0}]`))
		}
	}))
	defer server.Close()
	for name, c := range map[string]struct {
		args     []string
		code     int
		out, err string
		asked    string
	}{
		"table":     {nil, 0, "DAY         PLAN  KEY   API   STAGE  ALLOWED  DENIED\n2026-01-31  gold  acme  pets  v1     12       3\n2026-02-01  0124  a,b   pets  v1     1        0\n", "", "GET /usage"},
		"csv":       {[]string{"-o", "csv"}, 0, "day,plan,key,api,stage,allowed,denied\n2026-01-31,gold,acme,pets,v1,12,3\n2026-02-01,0124,\"a,b\",pets,v1,1,0\n", "", ""},
		"json":      {[]string{"-o", "json"}, 0, `"planName": "gold"`, "", ""},
		"chosen":    {[]string{"--plan", "none", "--key", "a b", "--from", "2026-01-01", "--to", "2026-01-02"}, 0, "no usage\n", "", "GET /usage?from=2026-01-01&key=a+b&plan=none&to=2026-01-02"},
		"hostile":   {[]string{"--plan", "hostile"}, 0, `2026-01-31  =1+1  a\x1b[2J\u202eb  \a\n  @v1    12       -3` + "\n", "", ""},
		"formulas":  {[]string{"--plan", "hostile", "-o", "csv"}, 0, "2026-01-31,'=1+1,a\x1b[2J\u202eb,\"\a\n\",'@v1,12,'-3\n", "", ""},
		"rude":      {[]string{"--plan", "rude"}, 1, "", `\x1b]0;owned\a no` + "\nmore xxx", ""},
		"daily":     {[]string{"--plan", "gold", "--daily", "--from", "2026-01-31"}, 0, "DAY         KEY  USED  REMAINING\n2026-01-31  a    12    0\n2026-02-01  a    3     7\n2026-01-31  b    1     9\n2026-02-01  b    0     10\n", "", "GET /usage?daily=&from=2026-01-31&plan=gold"},
		"daily csv": {[]string{"--plan", "gold", "--daily", "-o", "csv"}, 0, "day,key,used,remaining\n2026-01-31,a,12,0\n", "", ""},
		"daily all": {[]string{"--daily"}, 2, "", "--daily is about one plan", ""},
		"no store":  {[]string{"--plan", "broken"}, 1, "", "the store of limits does not answer", ""},
		"no server": {[]string{"--server", "http://127.0.0.1:1"}, 1, "", "is 'gatehouse run' or 'serve' running there", ""},
		"not ours":  {[]string{"--plan", "strange"}, 1, "", "did not answer as a gatehouse server does", ""},
		"day":       {[]string{"--from", "yesterday"}, 2, "", "--from must be a day", ""},
		"days":      {[]string{"--from", "yesterday", "--to", "now"}, 2, "", "--from must be a day, such as 2026-01-31\n--to must be", ""},
		"backwards": {[]string{"--from", "2026-02-01", "--to", "2026-01-31"}, 2, "", "--from is after --to", ""},
		"no URL":    {[]string{"--server", "127.0.0.1:8001"}, 2, "", "--server must be a URL", ""},
		"no key":    {[]string{"--plan", "gold", "--set-remaining", "1"}, 2, "", "with --plan and --key", ""},
		"negative":  {[]string{"--plan", "gold", "--key", "acme", "--set-remaining", "-1"}, 2, "", "not negative", ""},
		"extended":  {[]string{"--plan", "gold", "--key", "acme", "--set-remaining", "0"}, 0, "", "acme has 0 left of the quota of gold", "PUT /usage"},
	} {
		asked = ""
		got := command(t, append([]string{"usage", "--server", server.URL}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.out, c.out) || c.out == "" && got.out != "" || !strings.Contains(got.err, c.err) || c.asked != "" && asked != c.asked {
			t.Errorf("%s: exit %d, asked %q\n%s%s", name, got.code, asked, got.out, got.err)
		}
	}
}

// TestUsageOfAServer asks a real one, which a browser's pages cannot reach by a name of
// theirs.
func TestUsageOfAServer(t *testing.T) {
	contents := petstore(8080, "http://127.0.0.1:9101")
	contents["gatehouse.yaml"] += "apiKeys: [{name: acme, value: acme-key-0123456789-abcd}]\nusagePlans: [{name: gold, quota: {limit: 5, period: MONTH}, stages: [petstore/v1], keys: [acme]}]\n"
	dir := files(t, contents)
	for roles, want := range map[string]string{"xds,ratelimit": "no usage\n", "xds": "has not the role ratelimit"} {
		d := startDaemon(t, "serve", "--roles", roles, "--data-dir", t.TempDir(), dir)
		base := strings.TrimSuffix(d.status, "/status")
		d.statusUntil("it serves", func(s statusJSON) bool { return s.InForce })
		if got := command(t, "usage", "--server", base); !strings.Contains(got.out+got.err, want) {
			t.Errorf("%s: %+v", roles, got)
		}
		if roles == "xds" {
			continue
		}
		for key, code := range map[string]int{"acme": 0, "other": 1} {
			if got := command(t, "usage", "--server", base, "--plan", "gold", "--key", key, "--set-remaining", "9"); got.code != code {
				t.Errorf("extended %s: %+v", key, got)
			}
		}
		for host, code := range map[string]int{"evil.example": 421, "localhost": 200, "[::1]:8001": 200, "": 200} {
			r, err := http.NewRequest("GET", base+"/usage", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != code {
				t.Errorf("for host %q: %d", host, answer.StatusCode)
			}
		}
	}
}

package cli

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/explain"
	"gatehouse/internal/revision"
	"gatehouse/telemetry/history"
)

// TestExplain asks about requests on files.
func TestExplain(t *testing.T) {
	definitions := petstore(8080, "http://127.0.0.1:9101")
	definitions["unserved/gatehouse.yaml"] = definitions["gatehouse.yaml"]
	definitions["unserved/petstore.openapi.yaml"] = definitions["petstore.openapi.yaml"] + `    put:
      responses: {"200": {description: ok}}
`
	t.Chdir(files(t, definitions))
	const url = "http://petstore.execute-api.localhost/v1/pets"
	for name, c := range map[string]struct {
		args     []string
		code     int
		out, err string
	}{
		"answered":     {[]string{"-f", "gatehouse.yaml", url}, 0, "=>  the integration answers", ""},
		"with sources": {[]string{"-f", "gatehouse.yaml", url}, 0, "(petstore.openapi.yaml:", ""},
		"refused":      {[]string{"-f", "gatehouse.yaml", "-X", "DELETE", url}, 1, `=>  403 by the gateway, MISSING_AUTHENTICATION_TOKEN: {"message":"Missing Authentication Token"}`, ""},
		"posted":       {[]string{"-f", "gatehouse.yaml", "-d", "x", url}, 1, "no route of the stage takes POST /pets; the path is there for GET", ""},
		"hostile":      {[]string{"-f", "gatehouse.yaml", url + "/\x1b[2J"}, 1, `'\x1b'`, ""},
		"no file":      {[]string{"-f", "none.yaml", url}, 1, "", "none.yaml"},
		"unserved":     {[]string{"-f", "unserved", url}, 1, "", "unserved/petstore.openapi.yaml:11:5: error missing-integration: "},
		"no question":  {[]string{"-f", "gatehouse.yaml"}, 2, "", "give the URL of a request"},
		"no URL":       {[]string{"-f", "gatehouse.yaml", "/pets"}, 2, "", "is not a URL such as"},
		"no method":    {[]string{"-f", "gatehouse.yaml", "-X", "A B", url}, 2, "", `"A B" is not a method`},
		"no header":    {[]string{"-f", "gatehouse.yaml", "-H", "x", url}, 2, "", "--header is 'NAME: VALUE', not \"x\""},
		"bad header":   {[]string{"-f", "gatehouse.yaml", "-H", "x: a\nb", url}, 2, "", "is not a header"},
		"no address":   {[]string{"-f", "gatehouse.yaml", "--source", "here", url}, 2, "", "--source is an address"},
		"no gateway":   {[]string{"-f", "gatehouse.yaml", "--gateway", "none", url}, 2, "", `there is no gateway "none"`},
		"both":         {[]string{"--request-id", "x", url}, 2, "", "it takes no URL and no files"},
		"no server":    {[]string{"--server", "http://127.0.0.1:1", "--request-id", "x"}, 1, "", "127.0.0.1:1"},
	} {
		got := command(t, append([]string{"explain"}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.out, c.out) || !strings.Contains(got.err, c.err) {
			t.Errorf("%s: exit %d, want %d\n%s%s", name, got.code, c.code, got.out, got.err)
		}
		if strings.ContainsAny(got.out+got.err, "\x1b") {
			t.Errorf("%s: it tells too much: %q", name, got.out+got.err)
		}
	}

	got := command(t, "explain", "-f", "gatehouse.yaml", "-o", "json", url)
	var e explain.Explanation
	if err := json.Unmarshal([]byte(got.out), &e); err != nil || e.API != "petstore" || e.Route != "GET /pets" || len(e.Steps) < 4 || e.Steps[1].Source.File != "gatehouse.yaml" || e.Steps[1].Source.Line == 0 {
		t.Errorf("%v %+v", err, e)
	}
}

// TestExplainByRequestID asks a server about requests that were made.
func TestExplainByRequestID(t *testing.T) {
	told := history.New(history.Options{})
	told.Add(&history.Request{ID: "7d3a", At: time.Unix(1e9, 0), API: "pets", Stage: "v1", Method: "GET", Host: "h", Path: "/v1/\x1b[2J", Status: 429, ResponseType: "THROTTLED", Throttled: true, Details: "local_rate_limited", Flags: "RL",
		Execution: []string{"The caller has exceeded throttle limit", "Method completed \x1b[2J with status: 429"}})
	c := &controlPlane{metrics: prometheus.NewRegistry(), history: told, pipeline: revision.New(revision.Options{}), writable: true}
	server := httptest.NewServer(statusHandler(c))
	defer server.Close()
	got := command(t, "explain", "--server", server.URL, "--request-id", "7d3a")
	if got.code != 1 || !strings.Contains(got.out, "a throttle that this Envoy keeps let no more through") || strings.Contains(got.out, "\x1b") {
		t.Errorf("%+v", got)
	}
	if log := "\nexecution log\n    The caller has exceeded throttle limit\n    Method completed \\u001b[2J with status: 429\n"; !strings.HasSuffix(got.out, log) {
		t.Errorf("%q does not end with %q", got.out, log)
	}
	got = command(t, "explain", "--server", server.URL, "--request-id", "7d3a", "-o", "json")
	var e explain.Explanation
	if err := json.Unmarshal([]byte(got.out), &e); err != nil || got.code != 1 || !strings.Contains(got.out, `"name": "throttle"`) || len(e.Execution) != 2 {
		t.Errorf("%v %+v", err, got)
	}
	if got := command(t, "explain", "--server", server.URL, "--request-id", "another"); got.code != 1 || !strings.Contains(got.err, "gateways need 'telemetry: true'") {
		t.Errorf("%+v", got)
	}
	for _, host := range []string{"evil.example", "localhost.evil.example:8001"} {
		r := httptest.NewRequest("GET", "http://"+host+"/explain?request=7d3a", nil)
		w := httptest.NewRecorder()
		if statusHandler(c).ServeHTTP(w, r); w.Code != 421 {
			t.Errorf("a page of %s is answered %d", host, w.Code)
		}
	}
	for want, without := range map[string]*controlPlane{
		"where the --http-address is this machine's only": {metrics: prometheus.NewRegistry(), history: told, pipeline: c.pipeline},
		"has not the role telemetry":                      {metrics: prometheus.NewRegistry(), pipeline: c.pipeline, writable: true},
	} {
		server := httptest.NewServer(statusHandler(without))
		if got := command(t, "explain", "--server", server.URL, "--request-id", "7d3a"); got.code != 1 || !strings.Contains(got.err, want) || got.out != "" {
			t.Errorf("%+v, want %q", got, want)
		}
		server.Close()
	}
}

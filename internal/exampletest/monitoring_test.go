package exampletest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"gatehouse/internal/proctest"
)

// monitoring is the example with Prometheus's configuration and Grafana's dashboard.
const monitoring = "examples/monitoring"

// program is the path of a program of Prometheus's. Without it the test is skipped, except
// in CI.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		proctest.Missing(t, name+" was not found (on Debian and Ubuntu: apt-get install prometheus)")
	}
	return path
}

// TestAlerts holds the rules to their own tests, of which each alert has one where it is
// raised, and one where it is not.
func TestAlerts(t *testing.T) {
	var tests struct {
		Tests []struct {
			Alerts []struct {
				Name   string `yaml:"alertname"`
				Raised []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	readExample(t, "prometheus/rules.test.yml", &tests)
	raised, quiet := map[string]bool{}, map[string]bool{}
	for _, group := range tests.Tests {
		for _, alert := range group.Alerts {
			raised[alert.Name] = raised[alert.Name] || len(alert.Raised) > 0
			quiet[alert.Name] = quiet[alert.Name] || len(alert.Raised) == 0
		}
	}
	alerts := 0
	for _, rule := range rules(t) {
		if rule.Alert == "" {
			continue
		}
		alerts++
		if !raised[rule.Alert] || !quiet[rule.Alert] {
			t.Errorf("%s: tested that it is raised: %t, and that it is not: %t", rule.Alert, raised[rule.Alert], quiet[rule.Alert])
		}
	}
	if alerts < 10 {
		t.Errorf("only %d alerts were found", alerts)
	}
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"test", "rules", "rules.test.yml"}} {
		cmd := exec.Command(program(t, "promtool"), args...)
		cmd.Dir = filepath.Join(proctest.Root(t), monitoring, "prometheus")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// prometheus is a running one.
type prometheus struct {
	t    *testing.T
	base string
}

// ask has the data of an answer of Prometheus's API.
func (p *prometheus) ask(data any, target, name, value string) {
	p.t.Helper()
	resp, err := http.Get(p.base + "/api/v1/" + target + "?" + name + "=" + url.QueryEscape(value))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		p.t.Fatal(err)
	}
	if answer.Status != "success" {
		p.t.Errorf("%s: %s", value, answer.Error)
	}
}

// query asks for the value of an expression: its samples, by their labels.
func (p *prometheus) query(expression string) map[string]string {
	p.t.Helper()
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	p.ask(&data, "query", "query", expression)
	out := map[string]string{}
	for _, r := range data.Result {
		out[fmt.Sprint(r.Metric)] = fmt.Sprint(r.Value[1])
	}
	return out
}

// labelValues are the values that a label has in what a selector selects, as Grafana asks for
// them.
func (p *prometheus) labelValues(label, selector string) (values []string) {
	p.t.Helper()
	p.ask(&values, "label/"+label+"/values", "match[]", selector)
	return values
}

// TestMonitoring runs the example with a real Prometheus, which then has the numbers of
// the traffic that was sent, and can answer all that the dashboard and the rules ask.
func TestMonitoring(t *testing.T) {
	binary := program(t, "prometheus")
	ports := freePorts(t, 3)
	root := filepath.Join(proctest.Root(t), monitoring)
	proctest.Start(t, exec.Command(backend(t), "-addr", "127.0.0.1:"+ports[1]))
	run := runGatehouse(t, copyExample(t, monitoring, "port: 8080", "port: "+ports[0], ":9101", ":"+ports[1]), "--prometheus-url", "http://127.0.0.1:"+ports[2])
	line := run.AwaitOutput("msg=serving", "status=")
	status := regexp.MustCompile(`status=http://(\S+)/status`).FindStringSubmatch(line)
	if status == nil {
		t.Fatal(line)
	}
	base := "http://127.0.0.1:" + ports[0] + "/_aws/execute-api/petstore/v1"
	client := &http.Client{Timeout: 20 * time.Second}
	run.Await(client, base+"/pets")
	for range 4 {
		send(t, client, request(t, "GET", base+"/pets", ""))
	}
	send(t, client, request(t, "GET", base+"/none", ""))
	run.AwaitOutput(`"path":"/v1/none", "status":"403"`, `"error":"MISSING_AUTHENTICATION_TOKEN"`)
	ask := connectToClock(t, "ws://127.0.0.1:"+ports[0]+"/_aws/execute-api/clock/v1")
	for range 3 {
		ask(`{"action": "time"}`, `{"time": "`)
	}
	ask("what?", `"message"`)

	dir := t.TempDir()
	for _, name := range []string{"prometheus.yml", "rules.yml"} {
		text, err := os.ReadFile(filepath.Join(root, "prometheus", name))
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.NewReplacer("127.0.0.1:8001", status[1], "interval: 15s", "interval: 1s").Replace(string(text))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	proctest.Start(t, exec.Command(binary, "--config.file", filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", "127.0.0.1:"+ports[2])).
		Await(client, "http://127.0.0.1:"+ports[2]+"/-/ready")
	p := &prometheus{t, "http://127.0.0.1:" + ports[2]}
	const counted = `sum by (method, resource) (gatehouse_apigateway_count_total{api_id="petstore", stage="v1"})`
	for end := time.Now().Add(proctest.Patience); len(p.query(counted)) < 2; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("Prometheus has %v", p.query(`{__name__=~"gatehouse_.*"}`))
		}
	}
	// run.Await may have asked more than once.
	if got := p.query(counted); len(got) != 2 || got["map[]"] != "1" || len(got["map[method:GET resource:/pets]"]) != 1 || got["map[method:GET resource:/pets]"] < "5" {
		t.Errorf("counted were %v", got)
	}

	sockets := map[string]string{}
	for name, want := range map[string]string{
		`connect_count_total{route=""}`: "1", `message_count_total{direction="received", route="time"}`: "3", `message_count_total{direction="sent", route="time"}`: "3",
		`client_errors_total{route=""}`: "1", `integration_latency_seconds_count{route="time"}`: "3",
	} {
		expression := "sum(gatehouse_apigateway_websocket_" + strings.Replace(name, "{", `{api_id="clock", stage="v1", `, 1) + ")"
		for end := time.Now().Add(proctest.Patience); sockets[name] != want && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			sockets[name] = p.query(expression)["map[]"]
		}
		if sockets[name] != want {
			t.Errorf("%s is %q, want %s", expression, sockets[name], want)
		}
	}

	// What Prometheus saw at first may have been counted at any time; from then on its
	// increase is what was sent, about. The process has run for no day, so that it asks.
	for range 20 {
		send(t, client, request(t, "GET", base+"/pets", ""))
		ask(`{"action": "time"}`, `{"time": "`)
	}
	tile := regexp.MustCompile(`data-value="calls">(\d+)<`)
	for end := time.Now().Add(proctest.Patience); ; time.Sleep(200 * time.Millisecond) {
		page := send(t, client, request(t, "GET", "http://"+status[1]+"/dashboard/apis/petstore/v1?range=24h", "")).body
		if calls, _ := strconv.Atoi(append(tile.FindStringSubmatch(page), "", "")[1]); calls >= 16 && calls <= 40 && strings.Contains(page, "numbers are Prometheus") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the dashboard shows:\n%s", page)
		}
	}
	received := regexp.MustCompile(`data-value="received">(\d+)<`)
	for end := time.Now().Add(proctest.Patience); ; time.Sleep(200 * time.Millisecond) {
		page := send(t, client, request(t, "GET", "http://"+status[1]+"/dashboard/apis/clock/v1?range=24h", "")).body
		if n, _ := strconv.Atoi(append(received.FindStringSubmatch(page), "", "")[1]); n >= 16 && n <= 40 && strings.Contains(page, "numbers are Prometheus") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the dashboard shows of the WebSocket API:\n%s", page)
		}
	}

	names := map[string]bool{}
	for labels := range p.query(`count by (__name__) ({__name__!=""})`) {
		names[strings.TrimSuffix(strings.TrimPrefix(labels, "map[__name__:"), "]")] = true
	}
	// What there is only after something that this test does not do; TestComposeMonitoring does.
	later := []string{
		"gatehouse_issuer_keys_stale", "gatehouse_xds_nacks_total", "gatehouse_stage_cache_requests_total",
		"gatehouse_extauthz_checks_total", "gatehouse_extauthz_evaluator_seconds_bucket", "gatehouse_ratelimit_seconds_bucket", "gatehouse_ratelimit_store_up",
		"gatehouse_integration_seconds_bucket", "envoy_access_logs_open_telemetry_access_log_logs_dropped",
	}
	asked := 0
	for _, expression := range expressions(t) {
		asked++
		p.query(chosen(expression, ".*"))
		for _, name := range regexp.MustCompile(`\b(?:gatehouse|envoy)_\w+`).FindAllString(expression, -1) {
			if !names[name] && !slices.Contains(later, name) && !strings.Contains(expression, ":"+name+":") {
				t.Errorf("there is no metric %s, which is asked for in %s", name, expression)
			}
		}
	}
	// People choose among all APIs and stages that there are.
	choices := map[string][]string{}
	for _, v := range grafana(t).queries(t) {
		choices[v.name] = p.labelValues(v.label, strings.ReplaceAll(v.selector, "$api", ".*"))
	}
	if want := map[string][]string{"api": {"clock", "petstore"}, "stage": {"v1"}}; !reflect.DeepEqual(choices, want) {
		t.Errorf("one may choose among %v, want %v", choices, want)
	}
	if asked < 25 {
		t.Errorf("only %d expressions were found", asked)
	}
}

// connectToClock connects to the example's WebSocket API, and gives what sends a message and
// awaits an answer that has a text in it.
func connectToClock(t *testing.T, address string) (ask func(message, want string)) {
	t.Helper()
	c, early, _, err := ws.Dialer{Timeout: proctest.Patience}.Dial(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if early != nil {
		t.Fatal("the server speaks before it is asked")
	}
	return func(message, want string) {
		t.Helper()
		_ = c.SetDeadline(time.Now().Add(proctest.Patience))
		if err := wsutil.WriteClientText(c, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if got, err := wsutil.ReadServerText(c); err != nil || !strings.Contains(string(got), want) {
			t.Fatalf("%s is answered with %s, %v", message, got, err)
		}
	}
}

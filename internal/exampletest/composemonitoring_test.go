package exampletest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/oidctest"
	"gatehouse/internal/proctest"
	"gatehouse/internal/redistest"
)

// more are APIs that the composition does not have, so that each metric that is asked for
// comes to be: one whose answers are kept and whose callers sign or have keys with a quota, one
// with tokens, and one of WebSockets.
const (
	more = `apis:
  - {name: kept, protocol: REST, definition: kept.openapi.json, backend: petstore, stages: [{name: v1, cache: {ttl: 1m}, accessLog: {format: "$context.requestId"}}]}
  - {name: tokens, protocol: HTTP, definition: tokens.openapi.json, backend: petstore}
  - name: chat
    protocol: WEBSOCKET
    routeSelectionExpression: $request.body.action
    routes: {$default: {integration: {type: HTTP_PROXY, uri: "http://backend.test/pets"}}}
    stages: [{name: v1, metrics: detailed}]
apiKeys: [{name: ada, value: "ada-example-key-000001"}]
usagePlans: [{name: counted, quota: {limit: 1000000, period: DAY}, failureMode: closed, stages: [kept/v1], keys: [ada]}]
`
	kept = `{"openapi": "3.0.1", "info": {"title": "kept", "version": "1"}, "paths": {
  "/pets": {"get": {}}, "/signed": {"get": {"x-amazon-apigateway-auth": {"type": "AWS_IAM"}}}, "/keyed": {"get": {"security": [{"key": []}]}}},
  "components": {"securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}}}`
	tokens = `{"openapi": "3.0.1", "info": {"title": "tokens", "version": "1"}, "paths": {"/pets": {"get": {"security": [{"jwt": []}]}}},
  "components": {"securitySchemes": {"jwt": {"type": "oauth2", "x-amazon-apigateway-authorizer": {
    "type": "jwt", "identitySource": "$request.header.Authorization", "jwtConfiguration": {"issuer": "ISSUER", "audience": ["a"]}}}}}}`
)

// TestComposeMonitoring brings up what the profile "monitoring" adds, with a real Prometheus,
// and asks it all that Grafana and the rules ask: behind some traffic everything has a value,
// but what is about another API than the chosen one has none.
func TestComposeMonitoring(t *testing.T) {
	binary := program(t, "prometheus")
	redis, issuer := redistest.Start(t), oidctest.Start(t)
	x := compose(t, map[string]string{
		"more.yaml": more, "kept.openapi.json": kept, "tokens.openapi.json": strings.ReplaceAll(tokens, "ISSUER", issuer.URL),
	}, "GATEHOUSE_REDIS_URL="+redis.URL())
	client := &http.Client{Timeout: 5 * time.Second}
	base := "http://127.0.0.1:" + x.listener
	x.envoy.Await(client, base+"/pets")

	// Nothing but metrics is to be had where Prometheus asks.
	get := func(method, url string) int { return send(t, client, request(t, method, url, "")).StatusCode }
	for url, want := range map[string]int{
		"http://127.0.0.1:" + x.metrics + "/metrics":                    200,
		"http://127.0.0.1:" + x.metrics + "/status":                     404,
		"http://127.0.0.1:" + x.metrics + "/dashboard/":                 404,
		"http://127.0.0.1:" + x.metrics + "/restapis":                   404,
		"http://127.0.0.1:" + x.stats + "/stats/prometheus":             200,
		"http://127.0.0.1:" + x.stats + "/stats/prometheus?filter=a.*":  404,
		"http://127.0.0.1:" + x.stats + "/config_dump":                  404,
		"http://127.0.0.1:" + x.stats + "/stats/prometheus/../../certs": 404,
	} {
		if got := get("GET", url); got != want {
			t.Errorf("GET %s: %d, want %d", url, got, want)
		}
	}
	for _, url := range []string{"http://127.0.0.1:" + x.metrics + "/metrics", "http://127.0.0.1:" + x.stats + "/stats/prometheus", "http://127.0.0.1:" + x.stats + "/quitquitquit"} {
		if got := get("POST", url); got != 404 && got != 405 {
			t.Errorf("POST %s: %d", url, got)
		}
	}

	p := x.prometheus(binary)
	traffic := func() {
		for _, path := range []string{"/pets", "/pets/1", "/none", "/_aws/execute-api/kept/v1/pets", "/_aws/execute-api/kept/v1/signed", "/_aws/execute-api/tokens/$default/pets"} {
			get("GET", base+path)
		}
		send(t, client, request(t, "GET", base+"/_aws/execute-api/kept/v1/keyed", "", "x-api-key", "ada-example-key-000001"))
		x.message("/_aws/execute-api/chat/v1")
	}
	var without []string
	for end := time.Now().Add(2 * proctest.Patience); ; time.Sleep(time.Second) {
		traffic()
		without = nil
		for _, expression := range expressions(t) {
			values := p.query(unconditional(expression))
			// A quotient of nothing by nothing is no number to draw.
			maps.DeleteFunc(values, func(_, value string) bool { return value == "NaN" })
			if len(values) == 0 {
				without = append(without, expression)
			}
		}
		if len(without) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("these have no value:\n%s\nPrometheus has %v", strings.Join(without, "\n"), p.query(`count by (__name__) ({__name__!=""})`))
		}
	}
	for _, expression := range expressions(t) {
		if strings.Contains(expression, "$api") {
			if got := p.query(chosen(expression, "another")); len(got) != 0 {
				t.Errorf("of another API %s has %v", expression, got)
			}
		}
	}
	if up := p.query("up"); len(up) != 2 || strings.Contains(fmt.Sprint(up), ":0") {
		t.Errorf("up: %v", up)
	}
}

var condition = regexp.MustCompile(`\s*(?:==|!=|>|<)\s*[0-9.]+`)

// unconditional is an expression of Grafana's or of a rule as it is asked for here: of every
// API, and whether or not there is something to be alarmed at.
func unconditional(expression string) string {
	return condition.ReplaceAllString(chosen(expression, ".*"), "")
}

// prometheus starts that of the composition, by its command, and checks its health.
func (x *composed) prometheus(binary string) *prometheus {
	x.t.Helper()
	port, rules := freePorts(x.t, 1)[0], filepath.Join(proctest.Root(x.t), path.Clean(path.Join(path.Dir(composeFile), "../monitoring/prometheus")))
	config, data := x.t.TempDir(), x.t.TempDir()
	text, err := os.ReadFile(filepath.Join(proctest.Root(x.t), "examples/compose/prometheus/prometheus.yml"))
	if err != nil {
		x.t.Fatal(err)
	}
	changed := replaceAll([]string{string(text)}, "/etc/prometheus-rules", rules, "gatehouse:8002", "127.0.0.1:"+x.metrics, "envoy:9902", "127.0.0.1:"+x.stats, "interval: 15s", "interval: 1s")
	if err := os.WriteFile(filepath.Join(config, "prometheus.yml"), []byte(changed[0]), 0o600); err != nil {
		x.t.Fatal(err)
	}
	if out, err := exec.Command(program(x.t, "promtool"), "check", "config", filepath.Join(config, "prometheus.yml")).CombinedOutput(); err != nil {
		x.t.Errorf("promtool: %v\n%s", err, out)
	}
	s := x.Services["prometheus"]
	// Longer names first, as the replacer takes the first that fits.
	words := replaceAll(s.Command, "/etc/prometheus/", config+"/", "=/prometheus", "="+data)
	x.start(append([]string{binary, "--web.listen-address=127.0.0.1:" + port}, words...), "/").
		Await(http.DefaultClient, "http://127.0.0.1:"+port+"/-/ready")
	check := replaceAll(s.HealthCheck.Test, ":9090", ":"+port)
	if out, err := exec.Command(check[1], check[2:]...).CombinedOutput(); err != nil {
		x.t.Errorf("the health check of prometheus: %v\n%s", err, out)
	}
	return &prometheus{x.t, "http://127.0.0.1:" + port}
}

// message connects to a WebSocket API, says something, and waits for the answer's end.
func (x *composed) message(target string) {
	x.t.Helper()
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+x.listener, 5*time.Second)
	if err != nil {
		x.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", target)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		x.t.Fatalf("%s: %v %v", target, resp, err)
	}
	// A text of two bytes and the end, both masked with nothing.
	if _, err := c.Write([]byte{0x81, 0x82, 0, 0, 0, 0, '{', '}', 0x88, 0x80, 0, 0, 0, 0}); err != nil {
		x.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, c)
}

// TestComposeGrafana holds what Grafana is given to what is there: it is not started here.
func TestComposeGrafana(t *testing.T) {
	c := readComposition(t)
	s := c.Services["grafana"]
	mounted := map[string]string{}
	for _, volume := range s.Volumes {
		from, rest, _ := strings.Cut(volume, ":")
		to, _, _ := strings.Cut(rest, ":")
		mounted[to] = filepath.Join(proctest.Root(t), path.Dir(composeFile), from)
	}
	read := func(name string, into any) {
		t.Helper()
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	var sources struct {
		Datasources []struct {
			Type, URL string
			IsDefault bool `yaml:"isDefault"`
		}
	}
	read(filepath.Join(mounted["/etc/grafana/provisioning"], "datasources/prometheus.yaml"), &sources)
	if len(sources.Datasources) != 1 || sources.Datasources[0].Type != "prometheus" || !sources.Datasources[0].IsDefault ||
		sources.Datasources[0].URL != "http://prometheus:9090" || c.Services["prometheus"].Image == "" {
		t.Errorf("Grafana asks %+v", sources.Datasources)
	}
	var boards struct {
		Providers []struct{ Options struct{ Path string } }
	}
	read(filepath.Join(mounted["/etc/grafana/provisioning"], "dashboards/gatehouse.yaml"), &boards)
	if len(boards.Providers) != 1 {
		t.Fatalf("there are %d providers of dashboards", len(boards.Providers))
	}
	home := s.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	if path.Dir(home) != boards.Providers[0].Options.Path {
		t.Errorf("the home is %s, dashboards are in %s", home, boards.Providers[0].Options.Path)
	}
	var board struct {
		UID        string
		Templating struct {
			List []struct{ Name, Type, Query any }
		}
	}
	text, err := os.ReadFile(filepath.Join(mounted[path.Dir(home)], path.Base(home)))
	if err == nil {
		err = json.Unmarshal(text, &board)
	}
	if err != nil || board.UID != "gatehouse" || len(board.Templating.List) == 0 || board.Templating.List[0].Query != "prometheus" {
		t.Errorf("%s: %+v, %v", home, board, err)
	}
	// Nobody has a password that everybody knows.
	for name, want := range map[string]string{"GF_AUTH_BASIC_ENABLED": "false", "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true", "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer"} {
		if s.Environment[name] != want {
			t.Errorf("%s is %q", name, s.Environment[name])
		}
	}
}

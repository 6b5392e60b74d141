package e2e

import (
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/internal/oidctest"
)

// linesOf waits until there are so many lines, and gives them.
func linesOf(t *testing.T, text func() string, n int) []string {
	t.Helper()
	for end := time.Now().Add(time.Minute); strings.Count(text(), "\n") < n && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	lines := strings.Split(strings.TrimSuffix(text(), "\n"), "\n")
	if len(lines) != n {
		t.Fatalf("there are %d lines, want %d:\n%s", len(lines), n, text())
	}
	return lines
}

// linesBy waits until there are so many lines, all JSON objects, and gives them by a member.
func linesBy(t *testing.T, member string, text func() string, n int) map[string]map[string]string {
	t.Helper()
	by := map[string]map[string]string{}
	for _, text := range linesOf(t, text, n) {
		var line map[string]string
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		by[line[member]] = line
	}
	return by
}

// metricsNamed are the metrics of a name by their labels: counters, gauges, and how often
// histograms were told.
func metricsNamed(t *testing.T, registry *prometheus.Registry, name string) iter.Seq2[map[string]string, float64] {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(map[string]string, float64) bool) {
		for _, family := range families {
			if family.GetName() != name {
				continue
			}
			for _, m := range family.GetMetric() {
				values := map[string]string{}
				for _, l := range m.GetLabel() {
					values[l.GetName()] = l.GetValue()
				}
				if !yield(values, m.GetCounter().GetValue()+m.GetGauge().GetValue()+float64(m.GetHistogram().GetSampleCount())) {
					return
				}
			}
		}
	}
}

// metricOf is a counter, or how often a histogram was told, with labels in the order
// api_id, api_name, stage, method, resource; -1 where there is none.
func metricOf(t *testing.T, registry *prometheus.Registry, name string, labels ...string) float64 {
	t.Helper()
	for values, told := range metricsNamed(t, registry, name) {
		same := true
		for i, label := range []string{"api_id", "api_name", "stage", "method", "resource"} {
			same = same && i < len(labels) && values[label] == labels[i]
		}
		if same {
			return told
		}
	}
	return -1
}

// jsonFormat is a format that has these variables in a JSON object.
func jsonFormat(names ...string) string {
	var members []string
	for _, name := range names {
		members = append(members, `"`+name+`":"$context.`+name+`"`)
	}
	return "{" + strings.Join(members, ",") + "}"
}

// TestStageLogs holds what the variables of access logs are, for requests of every fate.
func TestStageLogs(t *testing.T) {
	const policy = `{"Version":"2012-10-17","Statement":[
	  {"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"},
	  {"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/v1/GET/denied","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}]}`
	backend := echoBackend(t, "one")
	iss := oidctest.Start(t)
	open := strings.ReplaceAll(logged, "x-amazon-apigateway-policy: POLICY\n", "")
	rest := deploy(t, gateway.REST, open, backend.URL)
	custom := deploy(t, gateway.REST, strings.Replace(open, "paths:", "x-amazon-apigateway-gateway-responses: {DEFAULT_4XX: {statusCode: 418}}\npaths:", 1), backend.URL)
	denied := deploy(t, gateway.REST, strings.ReplaceAll(logged, "POLICY", policy), backend.URL)
	log := func(names ...string) *gateway.StageAccessLog {
		return &gateway.StageAccessLog{Format: jsonFormat(append([]string{"requestId"}, names...)...), Destination: gateway.DestinationStdout}
	}
	all := []string{
		"apiId", "stage", "accountId", "domainName", "domainPrefix", "path", "protocol", "httpMethod", "status", "resourcePath",
		"endpointType", "isCanaryRequest", "integrationStatus", "integration.integrationStatus", "integration.error", "error.message", "error.responseType",
		"error.validationErrorString", "identity.sourceIp", "identity.apiKey", "identity.apiKeyId", "identity.userAgent",
		"authorizer.error", "authorizer.status", "authenticate.status", "authenticate.error", "xrayTraceId", "customDomain.basePathMatched",
	}
	tokens := []string{"routeKey", "status", "authorizer.claims.sub", "error.responseType", "authorizer.error"}
	s := snapshotOf(
		gateway.API{ID: "shop", Name: "Shop", Protocol: gateway.REST, Stages: []gateway.Stage{
			{Name: "v1", Deployment: rest, AccessLog: log(all...), DetailedMetrics: true},
			{Name: "slow", Deployment: rest, AccessLog: log(all...), Throttle: &gateway.Throttle{Rate: 0.001, Burst: 1}},
			{Name: "custom", Deployment: custom, AccessLog: log(all...)},
			{Name: "policy", Deployment: denied, AccessLog: log(all...)},
			{Name: "quiet", Deployment: rest},
		}},
		gateway.API{ID: "tokens", Name: "tokens", Protocol: gateway.HTTP, Stages: []gateway.Stage{{
			Name: gateway.DefaultStage, Deployment: deploy(t, gateway.HTTP, strings.ReplaceAll(loggedTokens, "ISSUER", iss.URL), backend.URL), AccessLog: log(tokens...),
		}}},
	)
	s.Gateways[0].Telemetry = true
	s.Domains = []gateway.Domain{{Name: "shop.example.com", Mappings: []gateway.DomainMapping{{Path: "old", API: "shop", Stage: "v1"}}}}
	s.Issuers = []gateway.Issuer{{URL: iss.URL, JWKS: iss.JWKS()}}
	guarded := []string{"status", "authorizer.principalId", "authorizer.tenant", "authorizer.level", "authorizer.status", "authorizer.error", "authorizer.requestId", "error.responseType"}
	s.APIs = append(s.APIs, gateway.API{ID: "lambda", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Deployment: deploy(t, gateway.REST, restAuthorizers, backend.URL), AccessLog: log(guarded...),
	}}})
	s.Functions = []gateway.Function{
		{Name: "gone", URL: "http://127.0.0.1:1/"},
		{Name: "arn:aws:lambda:eu-west-1:111122223333:function:auth", URL: newAuthorizerFunction(t).server.URL},
	}
	const key = "secret-key-0123456789"
	s.APIKeys = []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{key}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "p", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "shop", Stage: "v1"}}}}
	g := start(t, s)

	const host, hostile = "shop.execute-api.localhost", "\"}\u202e<script>\\n"
	// Only what is not as in each line is said of a line.
	common := map[string]string{
		"apiId": "shop", "stage": "v1", "accountId": "000000000000", "domainName": host, "domainPrefix": "shop", "protocol": "HTTP/1.1",
		"httpMethod": "GET", "endpointType": "REGIONAL", "identity.sourceIp": "127.0.0.1", "identity.userAgent": "Go-http-client/1.1",
	}
	const passed = "200"
	requests := []struct {
		host, target string
		headers      []string
		want         map[string]string
	}{
		{host, "/v1/open?token=secret-query", nil, map[string]string{"path": "/v1/open", "status": passed, "resourcePath": "/open", "integrationStatus": passed, "integration.integrationStatus": passed}},
		{"localhost", "/_aws/execute-api/shop/v1/open?token=secret-query", nil, map[string]string{"path": "/v1/open", "status": passed, "resourcePath": "/open", "integrationStatus": passed, "integration.integrationStatus": passed}},
		{"shop.example.com", "/old/open", nil, map[string]string{"domainName": "shop.example.com", "path": "/old/open", "status": passed, "resourcePath": "/open", "integrationStatus": passed, "integration.integrationStatus": passed, "customDomain.basePathMatched": "old"}},
		{host, "/v1/open", []string{"User-Agent", hostile}, map[string]string{"path": "/v1/open", "status": passed, "resourcePath": "/open", "integrationStatus": passed, "integration.integrationStatus": passed, "identity.userAgent": hostile}},
		{host, "/v1/open?status=503", nil, map[string]string{"path": "/v1/open", "status": "503", "resourcePath": "/open", "integrationStatus": "503", "integration.integrationStatus": "503"}},
		{host, "/v1/key", []string{"x-api-key", key}, map[string]string{"path": "/v1/key", "status": passed, "resourcePath": "/key", "integrationStatus": passed, "integration.integrationStatus": passed, "identity.apiKey": "[redacted]", "identity.apiKeyId": "acme"}},
		{host, "/v1/key", []string{"x-api-key", "secret-other-0123456789"}, map[string]string{"path": "/v1/key", "status": "403", "resourcePath": "/key", "error.responseType": "INVALID_API_KEY", "error.message": "Forbidden"}},
		{host, "/v1/signed", nil, map[string]string{"path": "/v1/signed", "status": "403", "resourcePath": "/signed", "error.responseType": "MISSING_AUTHENTICATION_TOKEN", "error.message": "Missing Authentication Token", "authenticate.status": "403", "authenticate.error": "signature-not-signed"}},
		{host, "/v1/function", nil, map[string]string{"path": "/v1/function", "status": "401", "resourcePath": "/function", "error.responseType": "UNAUTHORIZED", "error.message": "Unauthorized", "authorizer.status": "401", "authorizer.error": "identity-source-missing"}},
		{host, "/v1/function", []string{"Authorization", "secret-token"}, map[string]string{"path": "/v1/function", "status": "500", "resourcePath": "/function", "error.responseType": "AUTHORIZER_CONFIGURATION_ERROR", "authorizer.status": "500", "authorizer.error": "authorizer-unreachable"}},
		{host, "/v1/required", nil, map[string]string{"path": "/v1/required", "status": "400", "resourcePath": "/required", "error.responseType": "BAD_REQUEST_PARAMETERS", "error.message": "Missing required request parameters"}},
		{host, "/v1/body", nil, map[string]string{"path": "/v1/body", "status": "400", "resourcePath": "/body", "error.responseType": "BAD_REQUEST_BODY", "error.message": "Invalid request body", "error.validationErrorString": "[object has missing required properties ([\"secret\"])]"}},
		{host, "/v1/down", nil, map[string]string{"path": "/v1/down", "status": "500", "resourcePath": "/down", "error.responseType": "INTEGRATION_FAILURE", "error.message": "Internal server error", "integration.error": "delayed connect error: Connection refused"}},
		{host, "/v1/none%22,%7D", nil, map[string]string{"path": "/v1/none%22,%7D", "status": "403", "error.responseType": "MISSING_AUTHENTICATION_TOKEN", "error.message": "Missing Authentication Token"}},
		{host, "/slow/open", nil, map[string]string{"stage": "slow", "path": "/slow/open", "status": passed, "resourcePath": "/open", "integrationStatus": passed, "integration.integrationStatus": passed}},
		{host, "/slow/open", nil, map[string]string{"stage": "slow", "path": "/slow/open", "status": "429", "resourcePath": "/open", "error.responseType": "THROTTLED", "error.message": "Too Many Requests"}},
		{host, "/custom/key", nil, map[string]string{"stage": "custom", "path": "/custom/key", "status": "418", "resourcePath": "/key", "error.responseType": "INVALID_API_KEY", "error.message": "Forbidden"}},
		{host, "/policy/open", nil, map[string]string{"stage": "policy", "path": "/policy/open", "status": passed, "resourcePath": "/open", "integrationStatus": passed, "integration.integrationStatus": passed}},
		// Nothing is logged of these.
		{host, "/quiet/open", nil, nil},
		{"nobody.example.com", "/", nil, nil},
	}
	lines, want := 0, map[string]map[string]string{}
	for _, r := range requests {
		got := g.request("GET", r.host, r.target, "", r.headers...)
		if r.want == nil {
			continue
		}
		lines++
		line := map[string]string{"requestId": got.Header.Get("x-amzn-requestid")}
		for _, name := range all {
			line[name] = "-"
		}
		for _, of := range []map[string]string{common, r.want} {
			for name, value := range of {
				line[name] = value
			}
		}
		want[line["requestId"]] = line
	}
	token := iss.Token(map[string]any{"sub": "jane", "aud": "shop"})
	for _, r := range []struct {
		token string
		want  map[string]string
	}{
		{token, map[string]string{"status": passed, "authorizer.claims.sub": "jane"}},
		{"", map[string]string{"status": "401", "error.responseType": "UNAUTHORIZED", "authorizer.error": "Jwt_is_missing"}},
	} {
		var headers []string
		if r.token != "" {
			headers = []string{"Authorization", r.token}
		}
		got := g.request("GET", "tokens.execute-api.localhost", "/tokens", "", headers...)
		lines++
		line := map[string]string{"requestId": got.Header.Get("apigw-requestid"), "routeKey": "GET /tokens"}
		for _, name := range tokens[1:] {
			line[name] = "-"
		}
		for name, value := range r.want {
			line[name] = value
		}
		want[line["requestId"]] = line
	}
	for token, values := range map[string]map[string]string{
		"allow": {"status": passed, "authorizer.principalId": "user-7", "authorizer.tenant": "t1", "authorizer.level": "3", "authorizer.status": passed, "authorizer.requestId": "call-for-allow"},
		"deny": {
			"status": "404", "authorizer.principalId": "user-7", "authorizer.tenant": "t1", "authorizer.level": "3", "authorizer.status": "404",
			"authorizer.error": "authorizer-denied", "authorizer.requestId": "call-for-deny", "error.responseType": "ACCESS_DENIED",
		},
	} {
		got := g.request("GET", "lambda.execute-api.localhost", "/v1/orders/1", "", "X-Token", token)
		lines++
		line := map[string]string{"requestId": got.Header.Get("x-amzn-requestid")}
		for _, name := range guarded {
			line[name] = "-"
		}
		for name, value := range values {
			line[name] = value
		}
		want[line["requestId"]] = line
	}
	got := linesBy(t, "requestId", g.told.String, lines)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	// The same requests, counted: by route where a stage has detailed metrics.
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"count_total", []string{"shop", "Shop", "v1", "GET", "/open"}, 5},
		{"5xx_total", []string{"shop", "Shop", "v1", "GET", "/open"}, 1},
		{"4xx_total", []string{"shop", "Shop", "v1", "GET", "/open"}, 0},
		{"latency_seconds", []string{"shop", "Shop", "v1", "GET", "/open"}, 5},
		{"integration_latency_seconds", []string{"shop", "Shop", "v1", "GET", "/open"}, 5},
		{"4xx_total", []string{"shop", "Shop", "v1", "GET", "/key"}, 1},
		{"integration_latency_seconds", []string{"shop", "Shop", "v1", "GET", "/key"}, 1},
		// No route, and so none of its own.
		{"4xx_total", []string{"shop", "Shop", "v1", "", ""}, 1},
		{"count_total", []string{"shop", "Shop", "slow", "", ""}, 2},
		{"4xx_total", []string{"shop", "Shop", "slow", "", ""}, 1},
		{"count_total", []string{"shop", "Shop", "quiet", "", ""}, 1},
		{"count_total", []string{"tokens", "tokens", "$default", "", ""}, 2},
	} {
		if got := metricOf(t, g.metrics, "gatehouse_apigateway_"+c.name, c.labels...); got != c.want {
			t.Errorf("%s%v is %v, want %v", c.name, c.labels, got, c.want)
		}
	}
	if got := metricOf(t, g.metrics, "gatehouse_apigateway_data_processed_bytes_total", "tokens", "tokens", "$default", "", ""); got < 500 {
		t.Errorf("%v bytes were processed", got)
	}
	if told := g.told.String(); strings.Contains(told, "secret-") {
		t.Errorf("there is a secret in\n%s", told)
	}
}

// TestStageLogChanges holds that a change of a log changes no listener, goes to a file at
// once, and that Envoy serves on, and counts what it drops, when nobody listens.
func TestStageLogChanges(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, strings.ReplaceAll(logged, "x-amazon-apigateway-policy: POLICY\n", ""), backend.URL)
	file := filepath.Join(t.TempDir(), "logs", "access.log")
	snapshot := func(l *gateway.StageAccessLog) *gateway.Snapshot {
		s := snapshotOf(gateway.API{ID: "shop", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d, AccessLog: l}}})
		s.Gateways[0].Telemetry = true
		return s
	}
	g := start(t, snapshot(&gateway.StageAccessLog{Format: "one $context.requestId", Destination: gateway.DestinationStdout}))
	ask := func() {
		t.Helper()
		if got := g.request("GET", "shop.execute-api.localhost", "/v1/open", ""); got.StatusCode != 200 {
			t.Fatal(got.StatusCode, got.body)
		}
	}
	ask()
	if line := linesOf(t, g.told.String, 1)[0]; !strings.HasPrefix(line, "one ") {
		t.Error(line)
	}
	g.change(snapshot(&gateway.StageAccessLog{Format: "two $context.requestId", Destination: file}))
	ask()
	linesOf(t, func() string { data, _ := os.ReadFile(file); return string(data) }, 1)
	linesOf(t, g.told.String, 1)

	g.stopControlPlane()
	for range 20 {
		ask()
	}
}

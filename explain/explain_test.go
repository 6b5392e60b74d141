package explain

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
	"gatehouse/telemetry/history"
)

// snapshot has a REST API with a route for each kind of answer that takes no Envoy to hold.
// What Envoy has a say in is in test/e2e.
func snapshot() *gateway.Snapshot {
	to := &gateway.Integration{Type: gateway.IntegrationHTTPProxy, HTTPMethod: "GET", URI: "http://127.0.0.1:9/{id}?of=${stageVariables.of}",
		RequestParameters: []gateway.ParameterMapping{{Target: "integration.request.path.id", Source: "method.request.path.id"}}}
	d := &gateway.Deployment{Protocol: gateway.REST, Routes: []gateway.Route{
		{Method: "GET", Path: "/pets/{id}", Integration: to, Source: gateway.Position{File: "pets.yaml", Line: 3, Column: 5}},
		{Method: "GET", Path: "/keyed/{id}", Integration: to, APIKeyRequired: true},
		{Method: "GET", Path: "/mapped", Integration: &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://127.0.0.1:9/{t}",
			RequestParameters: []gateway.ParameterMapping{{Target: "integration.request.path.t", Source: "method.request.querystring.token"}}}},
		{Method: "GET", Path: "/signed/{id}", Integration: to, Authorization: &gateway.Authorization{Type: gateway.AuthorizationIAM}},
	}}
	s := &gateway.Snapshot{
		Gateways: []gateway.Gateway{{Name: "edge", Suffix: "localhost", Listeners: []gateway.Listener{{Address: "127.0.0.1", Port: 8080}}}},
		APIs:     []gateway.API{{ID: "pets", Name: "Pets", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d, Variables: map[string]string{"of": "x"}}}}},
		APIKeys:  []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{"key-secret-0123456789"}}},
	}
	s.Seal()
	return s
}

func TestJSONGoesBothWays(t *testing.T) {
	e, err := Offline(snapshot(), Question{Method: "GET", URL: "http://pets.execute-api.localhost/v1/pets/7"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var read Explanation
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, &read); diff != "" || !strings.Contains(string(data), `{"file":"pets.yaml","line":3,"column":5}`) {
		t.Errorf("%s\n%s", diff, data)
	}
	if e.Route != "GET /pets/{id}" || e.PathParameters["id"] != "7" || !strings.Contains(string(data), "http://127.0.0.1:9/7?of=x") {
		t.Errorf("it is %s", data)
	}
}

// TestSecretsStaySecret looks for what was asked with, and for values of keys, in all
// that is told.
func TestSecretsStaySecret(t *testing.T) {
	for _, key := range []string{"", "key-secret-0123456789", "guessed-secret"} {
		for _, target := range []string{"pets/7", "keyed/7", "mapped", "signed/7", "nothing"} {
			q := Question{Method: "GET", URL: "http://pets.execute-api.localhost/v1/" + target + "?token=query-secret", Header: map[string][]string{}}
			q.Header.Set("x-api-key", key)
			q.Header.Set("Authorization", "Bearer bearer-secret")
			e, err := Offline(snapshot(), q)
			if err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			if all := string(data) + strings.Join(e.Lines(), ""); strings.Contains(all, "secret") {
				t.Errorf("%s with the key %q tells %s", target, key, all)
			}
		}
	}
}

// TestHappenedWithoutDefinitions explains requests whose API is not there any more, or whose
// process serves nothing.
func TestHappenedWithoutDefinitions(t *testing.T) {
	r := history.Request{ID: "1", At: time.Unix(1e9, 0), API: "gone", Stage: "v1", RouteMethod: "GET", Resource: "/x", Method: "GET", Host: "h", Path: "/v1/x", Caller: "nobody",
		Status: 504, Upstream: "http://127.0.0.1:9", Details: "upstream_response_timeout", Flags: "UT", ResponseType: "INTEGRATION_TIMEOUT", Latency: 30 * time.Second}
	for name, s := range map[string]*gateway.Snapshot{"nothing": nil, "another API": snapshot()} {
		text := strings.Join(Happened(s, r).Lines(), "\n")
		for _, want := range []string{"the route GET /x, which is not in the definitions any more", "gave no answer", "the integration took longer than its timeout (upstream_response_timeout)", "in all 30.00 s", "=>  504 by the gateway, INTEGRATION_TIMEOUT"} {
			if name == "nothing" && !strings.Contains(text, want) || !strings.Contains(text, "504 by the gateway") {
				t.Errorf("%s: without %q:\n%s", name, want, text)
			}
		}
	}
	if text := strings.Join(Happened(nil, history.Request{Status: 400, Details: "path_normalization_failed"}).Lines(), "\n"); !strings.Contains(text, "a request that Envoy could not read") {
		t.Errorf("without a path:\n%s", text)
	}
}

// TestHappenedLimits tells which limits may have refused a request: those of the key's own plans
// before those of the stage, and none that Envoy does not keep itself where it says that it was one
// of those.
func TestHappenedLimits(t *testing.T) {
	s := snapshot()
	at := func(line int) gateway.Position { return gateway.Position{File: "limits.yaml", Line: line, Column: 1} }
	s.APIs[0].Stages[0].Throttle = &gateway.Throttle{Rate: 50, Burst: 60, Source: at(1)}
	s.Account.Throttle = &gateway.Throttle{Rate: 70, Burst: 80, Shared: true, Source: at(2)}
	stages := []gateway.PlanStage{{API: "pets", Stage: "v1"}}
	s.UsagePlans = []gateway.UsagePlan{
		{Name: "gold", Stages: stages, Keys: []string{"acme"}, Throttle: &gateway.Throttle{Rate: 20, Burst: 30, Source: at(3)}, Quota: &gateway.Quota{Limit: 9, Period: gateway.QuotaDay, Source: at(4)}},
		{Name: "another's", Stages: stages, Throttle: &gateway.Throttle{Rate: 1, Burst: 1, Source: at(5)}},
	}
	s.Seal()
	for _, c := range []struct {
		key, details string
		response     gateway.ResponseType
		want         string
	}{
		{"acme", "local_rate_limited", gateway.Throttled, `
no  throttle  a throttle that this Envoy keeps let no more through, one of:
-   throttle  the key, by the usage plan gold: 20 requests a second, 30 at once  (limits.yaml:3:1)
-   throttle  the stage: 50 requests a second, 60 at once  (limits.yaml:1:1)
`},
		{"", "local_rate_limited", gateway.Throttled, `
no  throttle  a throttle that this Envoy keeps let no more through: the stage: 50 requests a second, 60 at once  (limits.yaml:1:1)
`},
		{"acme", "rate_limited_by_quota", gateway.QuotaExceeded, `
no  quota    the key acme has used up what the usage plan gold lets it call: 9 times a day  (limits.yaml:4:1)
`},
		{"", "missing_api_key", gateway.InvalidAPIKey, `
no  API key  there was no API key
`},
		{"", "unknown_api_key", gateway.InvalidAPIKey, `
no  API key  there is no API key of that value, or it is disabled
`},
	} {
		e := Happened(s, history.Request{API: "pets", Stage: "v1", RouteMethod: "GET", Resource: "/keyed/{id}", Method: "GET", Host: "h", Path: "/v1/keyed/1", KeyName: c.key, Details: c.details, Status: 429, ResponseType: string(c.response)})
		if text := strings.Join(e.Lines(), "\n"); !strings.Contains(text, c.want) {
			t.Errorf("%s of the key %q: without%s:\n%s", c.details, c.key, c.want, text)
		}
	}
}

// TestHappenedBelow tells what is near to a path that no route has, from where the domain leads.
func TestHappenedBelow(t *testing.T) {
	s := snapshot()
	mapping := func(path string) gateway.DomainMapping {
		return gateway.DomainMapping{Path: path, API: "pets", Stage: "v1"}
	}
	s.Domains = []gateway.Domain{
		{Name: "*", Mappings: []gateway.DomainMapping{mapping(""), mapping("all")}},
		{Name: "*.example.com", Mappings: []gateway.DomainMapping{mapping("shop")}},
		{Name: "a.example.com", Mappings: []gateway.DomainMapping{mapping("")}},
	}
	s.Seal()
	for _, c := range []struct{ host, path string }{
		{"elsewhere.test", "/pets/7"}, {"elsewhere.test", "/all/pets/7"}, {"b.example.com", "/shop/pets/7"}, {"a.example.com", "/pets/7"},
		{"pets.execute-api.localhost", "/v1/pets/7"}, {"elsewhere.test", "/_aws/execute-api/pets/v1/pets/7"},
	} {
		e := Happened(s, history.Request{API: "pets", Stage: "v1", Method: "PUT", Host: c.host, Path: c.path, Status: 403})
		if text := strings.Join(e.Lines(), "\n"); !strings.Contains(text, "no route of the stage took PUT /pets/7; the path is there for GET") {
			t.Errorf("%s%s:\n%s", c.host, c.path, text)
		}
	}
}

// TestHappenedConnection is about a connection of a WebSocket API, which need not have $connect.
func TestHappenedConnection(t *testing.T) {
	s := snapshot()
	s.APIs = append(s.APIs, gateway.API{ID: "chat", Name: "chat", Protocol: gateway.WebSocket, Stages: []gateway.Stage{{Name: "v1", Deployment: &gateway.Deployment{Protocol: gateway.WebSocket}}}})
	s.Seal()
	e := Happened(s, history.Request{API: "chat", Stage: "v1", Method: "GET", Host: "chat.execute-api.localhost", Path: "/v1", Node: "edge", Status: 101, Upstream: "sockets", Integrated: true, Details: "downstream_remote_disconnect"})
	for _, step := range e.Steps {
		if step.Result == Failed {
			t.Errorf("it was served:\n%s", strings.Join(e.Lines(), "\n"))
		}
	}
	e = Happened(s, history.Request{API: "chat", Stage: "v1", Method: "GET", Host: "chat.execute-api.localhost", Path: "/v1", Node: "edge", Status: 426, Upstream: "sockets", Integrated: true, Details: "via_upstream"})
	if text := strings.Join(e.Lines(), "\n"); !strings.Contains(text, "no  upgrade  a WebSocket API is connected to") || !strings.Contains(text, "=>  426 by the gateway") {
		t.Errorf("one that asked for no WebSocket:\n%s", text)
	}
}

func FuzzQuestion(f *testing.F) {
	for _, target := range []string{"http://h/a/../b//c/.?x=1", "http://[::1]:80/%2e%2e/..", "https://h", "ws://h?x#y", "http://h/\x1b", "http://%zz/", "http://u:p@h/a/./"} {
		f.Add(target, "GET", "x-api-key", "v")
	}
	f.Fuzz(func(t *testing.T, target, method, name, value string) {
		q := Question{Method: method, URL: target, Header: map[string][]string{name: {value}}}
		a, err := q.read()
		if err != nil {
			return
		}
		if !strings.HasPrefix(a.path, "/") || normalize(a.path) != a.path {
			t.Errorf("%q is normalized to %q, and that to %q", target, a.path, normalize(a.path))
		}
	})
}

// TestBases tells what is below the path that the mapping of the domain cuts off, of several that
// lead to the same stage.
func TestBases(t *testing.T) {
	s := snapshot()
	mapping := func(path string, r *gateway.RoutingRule) gateway.DomainMapping {
		return gateway.DomainMapping{Path: path, API: "pets", Stage: "v1", Rule: r}
	}
	gold := []gateway.HeaderGlob{{Name: "x-tenant", Value: "gold"}}
	s.Domains = []gateway.Domain{
		{Name: "pets.example.com", Mappings: []gateway.DomainMapping{
			mapping("shop", nil), mapping("shop/pets", nil),
			mapping("", &gateway.RoutingRule{ID: "whole", Priority: 1, Path: "pets", Headers: gold}),
			mapping("shop", &gateway.RoutingRule{ID: "cut", Priority: 2, Path: "shop", Headers: gold}),
			mapping("pets", nil),
		}},
		// These lead to the stage by longer paths, and are other hosts.
		{Name: "*.example.com", Mappings: []gateway.DomainMapping{mapping("", nil)}},
		{Name: "*", Mappings: []gateway.DomainMapping{mapping("pets", nil), mapping("v1", nil), mapping("", nil)}},
	}
	s.Seal()
	for _, c := range []struct{ url, tenant, route, id string }{
		{"http://pets.example.com/shop/pets/7", "", "", ""}, // shop/pets is cut off.
		{"http://pets.example.com/shop/pets/pets/7", "", "GET /pets/{id}", "7"},
		{"http://pets.example.com/pets/7", "gold", "GET /pets/{id}", "7"},
		{"http://pets.example.com/pets/pets/8", "", "GET /pets/{id}", "8"},
		{"http://pets.example.com/shop/pets/7", "gold", "GET /pets/{id}", "7"},
		{"http://other.example.com/pets/9", "", "GET /pets/{id}", "9"},
		{"http://elsewhere.test/pets/pets/5", "", "GET /pets/{id}", "5"},
		{"http://pets.execute-api.localhost/v1/pets/6", "", "GET /pets/{id}", "6"},
	} {
		e, err := Offline(s, Question{Method: "GET", URL: c.url, Header: map[string][]string{"X-Tenant": {c.tenant}}})
		if err != nil {
			t.Fatal(err)
		}
		if e.Route != c.route || e.PathParameters["id"] != c.id {
			t.Errorf("%s (%s): the route %q, %v, want %q and %s\n%s", c.url, c.tenant, e.Route, e.PathParameters, c.route, c.id, strings.Join(e.Lines(), "\n"))
		}
		if ruled := strings.Contains(strings.Join(e.Lines(), ""), "by the routing rule"); ruled != (c.tenant != "") {
			t.Errorf("%s (%s): told of a rule: %t", c.url, c.tenant, ruled)
		}
	}
}

// TestOfMany asks about one API of several, whose routes alone are looked at: all has to be
// explained as if those of the others were looked at, too.
func TestOfMany(t *testing.T) {
	s := snapshot()
	d := s.APIs[0].Stages[0].Deployment
	of := func(id string) gateway.API {
		canary := &gateway.Canary{Percent: 50, Deployment: d}
		return gateway.API{ID: id, Name: id, Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d, Variables: map[string]string{"of": "x"}, Canary: canary}}}
	}
	s.APIs = append(s.APIs, of("birds"), of("Fish"), of("last"))
	mapping := func(path, api string) gateway.DomainMapping {
		return gateway.DomainMapping{Path: path, API: api, Stage: "v1"}
	}
	s.Domains = []gateway.Domain{
		{Name: "*.example.com", Mappings: []gateway.DomainMapping{mapping("", "pets"), mapping("birds", "birds"), mapping("birds/wild", "last")}},
		{Name: "a.example.com", Mappings: []gateway.DomainMapping{mapping("fish", "Fish")}},
		{Name: "*", Mappings: []gateway.DomainMapping{mapping("last", "last")}},
	}
	s.Seal()
	whole, err := Prepare(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"a.example.com", "b.example.com", "other.test", "localhost", "pets.execute-api.localhost", "Fish.execute-api.localhost", "none.execute-api.localhost"} {
		for _, path := range []string{"/pets/7", "/birds/pets/7", "/birdsong", "/birds/wild/pets/7", "/birds/wild", "/fish/pets/7", "/last/pets/7", "/last/nothing", "/v1/pets/7", "/_aws/execute-api/birds/v1/pets/7", "/_aws/execute-api/none/v1", "/"} {
			q := Question{Method: "GET", URL: "http://" + host + path}
			got, err := Offline(s, q)
			if err != nil {
				t.Fatal(err)
			}
			want, err := whole.Offline(q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s%s: %s", host, path, diff)
			}
		}
	}
}

// TestHowItComes asks by which listener, and by which scheme, a request comes.
func TestHowItComes(t *testing.T) {
	s := snapshot()
	deny := func(condition string) *gateway.Deployment {
		d := *s.APIs[0].Stages[0].Deployment
		d.Policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*"},` +
			`{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*","Condition":` + condition + `}]}`
		return &d
	}
	chat := &gateway.Deployment{Protocol: gateway.WebSocket, RouteSelectionExpression: "$request.body.action", Routes: []gateway.Route{{Path: gateway.ConnectRoute}}}
	s.APIs = append(s.APIs,
		gateway.API{ID: "secure", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Variables: map[string]string{"of": "x"}, Deployment: deny(`{"Bool":{"aws:SecureTransport":"false"}}`)}}},
		gateway.API{ID: "private", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Variables: map[string]string{"of": "x"}, Deployment: deny(`{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}`)}}},
		gateway.API{ID: "chat", Protocol: gateway.WebSocket, Stages: []gateway.Stage{{Name: "v1", Deployment: chat}}},
		gateway.API{ID: "quiet", Protocol: gateway.WebSocket, Stages: []gateway.Stage{{Name: "v1", Deployment: &gateway.Deployment{Protocol: gateway.WebSocket, RouteSelectionExpression: "$request.body.action", Routes: []gateway.Route{{Path: "say"}}}}}})
	s.Domains = []gateway.Domain{{Name: "closed.example.com", TLS: &gateway.TLS{ClientCA: "a bundle"}, Mappings: []gateway.DomainMapping{{API: "pets", Stage: "v1"}}}}
	private := *s
	private.Gateways = []gateway.Gateway{s.Gateways[0]}
	private.Gateways[0].Listeners = []gateway.Listener{{Address: "127.0.0.1", Port: 8080, SourceVPC: "vpc-1"}}
	both := private
	both.Gateways = []gateway.Gateway{s.Gateways[0]}
	both.Gateways[0].Listeners = append(private.Gateways[0].Listeners, gateway.Listener{Address: "127.0.0.1", Port: 8081})
	for _, c := range []struct {
		of   *gateway.Snapshot
		url  string
		want Answer
	}{
		{s, "http://secure.execute-api.localhost/v1/pets/7", Answer{Status: 403, Certain: true, From: FromGateway}},
		{s, "https://secure.execute-api.localhost/v1/pets/7", Answer{Certain: true, From: FromIntegration}},
		{s, "http://private.execute-api.localhost/v1/pets/7", Answer{Status: 403, Certain: true, From: FromGateway}},
		{&private, "http://private.execute-api.localhost/v1/pets/7", Answer{Certain: true, From: FromIntegration}},
		{&both, "http://private.execute-api.localhost/v1/pets/7", Answer{From: FromIntegration}},
		{s, "http://closed.example.com/pets/7", Answer{Status: 403, Certain: true, From: FromGateway}},
		{s, "https://closed.example.com/pets/7", Answer{From: FromIntegration}},
		{s, "http://chat.execute-api.localhost/v1", Answer{Status: 426, Certain: true, From: FromGateway}},
		{s, "ws://chat.execute-api.localhost/v1", Answer{Certain: true, From: FromIntegration}},
		{s, "http://quiet.execute-api.localhost/v1", Answer{Status: 426, Certain: true, From: FromGateway}},
		{s, "ws://quiet.execute-api.localhost/v1", Answer{Certain: true, From: FromIntegration}},
	} {
		e, err := Offline(c.of, Question{Method: "GET", URL: c.url, Source: netip.MustParseAddr("127.0.0.1")})
		if err != nil {
			t.Fatal(err)
		}
		if e.Answer.Status != c.want.Status || e.Answer.Certain != c.want.Certain || e.Answer.From != c.want.From {
			t.Errorf("%s: %+v, want %+v\n%s", c.url, e.Answer, c.want, strings.Join(e.Lines(), "\n"))
		}
	}
}

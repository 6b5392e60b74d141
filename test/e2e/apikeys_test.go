package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/wire"
)

const withKeys = `
openapi: 3.0.1
info: {title: keys, version: "1"}
x-amazon-apigateway-request-validators: {params: {validateRequestParameters: true, validateRequestBody: false}}
x-amazon-apigateway-gateway-responses:
  DEFAULT_4XX: {responseParameters: {gatewayresponse.header.X-Mine: "'yes'"}}
paths:
  /closed:
    get:
      security: [{api_key: []}]
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/closed", requestParameters: {integration.request.header.X-Key-Id: context.identity.apiKeyId}}
  /mock:
    get:
      security: [{api_key: []}]
      parameters: [{name: q, in: query, required: true, schema: {type: string}}]
      x-amazon-apigateway-request-validator: params
      x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200"}}}
  /open:
    get:
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "BACKEND/open"}
components:
  securitySchemes:
    api_key: {type: apiKey, name: x-api-key, in: header}
`

// TestAPIKeys asks a REST API with and without keys.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
func TestAPIKeys(t *testing.T) {
	for name, limit := range map[string]func(int) *gateway.Throttle{
		"plans without throttles": func(int) *gateway.Throttle { return nil },
		"plans with one throttle": func(int) *gateway.Throttle { return &gateway.Throttle{Rate: 1e6, Burst: 1e6} },
		"plans with throttles":    func(plan int) *gateway.Throttle { return &gateway.Throttle{Rate: 1e6, Burst: int64(1e6 + plan)} },
	} {
		t.Run(name, func(t *testing.T) { testAPIKeys(t, limit) })
	}
}

// testAPIKeys does so with usage plans that have these throttles: what Envoy looks at plans
// by is another configuration then.
func testAPIKeys(t *testing.T, limit func(plan int) *gateway.Throttle) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, withKeys, backend.URL)
	const gold, silver, spare, other, off, alone = "gold-key-0123456789-gold", "silver-key-0123456789-silver", "spare-key-0123456789-spare",
		"other-key-0123456789-other", "off-key-0123456789-off-off", "alone-key-0123456789-alone"
	snapshot := func(change func(*gateway.Snapshot)) *gateway.Snapshot {
		s := snapshotOf(gateway.API{ID: "keys", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}, {Name: "v2", Deployment: d}}})
		s.APIKeys = []gateway.APIKey{
			{Name: "gold", Values: []gateway.Secret{gold}},
			{Name: "silver:x", Values: []gateway.Secret{silver, spare}},
			{Name: "other", Values: []gateway.Secret{other}},
			{Name: "off", Values: []gateway.Secret{off}, Disabled: true},
			{Name: "alone", Values: []gateway.Secret{alone}},
		}
		s.UsagePlans = []gateway.UsagePlan{
			{Name: "both", Stages: []gateway.PlanStage{{API: "keys", Stage: "v1"}, {API: "keys", Stage: "v2"}}, Keys: []string{"gold", "off"}},
			{Name: "first", Stages: []gateway.PlanStage{{API: "keys", Stage: "v1"}}, Keys: []string{"silver:x"}},
			{Name: "none", Keys: []string{"other"}},
		}
		if change != nil {
			change(s)
		}
		for i := range s.UsagePlans {
			s.UsagePlans[i].Throttle = limit(i)
		}
		return s
	}
	s := snapshot(nil)
	g := start(t, s)
	const host = "keys.execute-api.localhost"
	for name, c := range map[string]struct {
		target string
		key    string
		status int
	}{
		"good":                          {"/v1/closed", gold, 200},
		"good on the other stage":       {"/v2/closed", gold, 200},
		"other plan":                    {"/v1/closed", silver, 200},
		"second value":                  {"/v1/closed", spare, 200},
		"plan without the stage":        {"/v2/closed", silver, 403},
		"plan without stages":           {"/v1/closed", other, 403},
		"no plan":                       {"/v1/closed", alone, 403},
		"disabled":                      {"/v1/closed", off, 403},
		"unknown":                       {"/v1/closed", "unknown-key-0123456789", 403},
		"none":                          {"/v1/closed", "", 403},
		"beginning of a key":            {"/v1/closed", gold[:23], 403},
		"other case":                    {"/v1/closed", strings.ToUpper(gold), 403},
		"mock":                          {"/v1/mock?q=1", gold, 200},
		"mock without":                  {"/v1/mock?q=1", "", 403},
		"mock of another plan's stage":  {"/v2/mock?q=1", silver, 403},
		"key comes before parameters":   {"/v1/mock", "", 403},
		"parameters come after the key": {"/v1/mock", gold, 400},
		"open":                          {"/v1/open", "", 200},
		"open with a bad key":           {"/v1/open", "nonsense", 200},
		"trailing slash":                {"/v1/closed/", "", 403},
		"in the query":                  {"/v1/closed?x-api-key=" + gold, "", 403},
	} {
		var headers []string
		if c.key != "" {
			headers = []string{"X-API-Key", c.key}
		}
		r := g.request("GET", host, c.target, "", headers...)
		if r.StatusCode != c.status {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.body)
		}
		if c.status == 403 && (r.body != `{"message":"Forbidden"}` || r.Header.Get("x-amzn-errortype") != "ForbiddenException" ||
			r.Header.Get("x-mine") != "yes" || r.Header.Get("x-amzn-requestid") == "" || r.Header.Get(wire.KeyHeader) != "") {
			t.Errorf("%s: %s %v", name, r.body, r.Header)
		}
	}
	e := g.request("GET", host, "/v1/closed", "", "x-api-key", silver, wire.KeyHeader, "spoofed:gold").echo(t)
	if got := strings.Join(e.Headers["x-key-id"], "|"); got != "silver:x" || e.Headers[wire.KeyHeader] != nil {
		t.Errorf("the key's name reached the backend as %q, headers %v", got, e.Headers)
	}
	// A client cannot say itself whose key it has.
	if r := g.request("GET", host, "/v2/closed", "", "x-api-key", silver, wire.KeyHeader, s.KeyAccess().Tag("gold")); r.StatusCode != 403 {
		t.Errorf("a spoofed key: %d", r.StatusCode)
	}

	// Changes are in force on the next request of an open connection.
	conn := g.connect(host)
	with := func(key string) int { return conn.get("/v1/closed", "x-api-key: "+key) }
	if status := with(gold); status != 200 {
		t.Fatalf("before the change: %d", status)
	}
	g.change(snapshot(func(s *gateway.Snapshot) { s.APIKeys[0].Disabled = true }))
	if gold, spare := with(gold), with(spare); gold != 403 || spare != 200 {
		t.Errorf("a disabled key: %d, another: %d", gold, spare)
	}
	g.change(snapshot(func(s *gateway.Snapshot) { s.UsagePlans[1].Stages = []gateway.PlanStage{{API: "keys", Stage: "v2"}} }))
	if gold, spare := with(gold), with(spare); gold != 200 || spare != 403 {
		t.Errorf("a key whose plan has lost the stage: %d, another: %d", spare, gold)
	}
	// With many plans, a key is looked for in all of them at once. What a key is called
	// does not let it into the plan of that id.
	g.change(snapshot(func(s *gateway.Snapshot) {
		for i := range 200 {
			s.UsagePlans = append(s.UsagePlans, gateway.UsagePlan{Name: fmt.Sprint("plan ", i), Stages: []gateway.PlanStage{{API: "keys", Stage: "v1"}}})
		}
		s.UsagePlans[180].Keys = []string{"alone"}
		s.APIKeys[2].Name = s.UsagePlans[0].ID()
		s.UsagePlans[2].Keys = []string{s.APIKeys[2].Name}
	}))
	for _, c := range []struct {
		key  string
		want int
	}{{gold, 200}, {spare, 200}, {alone, 200}, {other, 403}, {off, 403}} {
		if status := with(c.key); status != c.want {
			t.Errorf("among many plans, %s: %d, want %d", c.key, status, c.want)
		}
	}
	// Where nobody is let in, callers are told the same.
	g.change(snapshot(func(s *gateway.Snapshot) { s.UsagePlans = nil }))
	r := g.request("GET", host, "/v1/closed", "", "x-api-key", gold)
	if r.StatusCode != 403 || r.body != `{"message":"Forbidden"}` || r.Header.Get("x-mine") != "yes" {
		t.Errorf("without usage plans: %d %s %v", r.StatusCode, r.body, r.Header)
	}
}

// TestRevokedKeyAmongMany revokes one key of 10,000 and looks when it is in force on an
// open connection: the promise is a second.
func TestRevokedKeyAmongMany(t *testing.T) {
	backend := echoBackend(t, "one")
	d := deploy(t, gateway.REST, withKeys, backend.URL)
	snapshot := func(revoked bool) *gateway.Snapshot {
		s := snapshotOf(gateway.API{ID: "keys", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: d}}})
		plan := gateway.UsagePlan{Name: "all", Stages: []gateway.PlanStage{{API: "keys", Stage: "v1"}}}
		for i := range 10_000 {
			name := fmt.Sprintf("key%05d", i)
			s.APIKeys = append(s.APIKeys, gateway.APIKey{Name: name, Values: []gateway.Secret{gateway.Secret("0123456789-" + name)}, Disabled: revoked && i == 7})
			plan.Keys = append(plan.Keys, name)
		}
		s.UsagePlans = []gateway.UsagePlan{plan}
		return s
	}
	g := start(t, snapshot(false))
	conn := g.connect("keys.execute-api.localhost")
	with := func(key string) int { return conn.get("/v1/closed", "x-api-key: "+key) }
	if status := with("0123456789-key00007"); status != 200 {
		t.Fatalf("before: %d", status)
	}
	begin := time.Now()
	g.apply(snapshot(true))
	for with("0123456789-key00007") != 403 {
		if time.Since(begin) > 10*time.Second {
			t.Fatal("a revoked key still works after ten seconds")
		}
	}
	t.Logf("refused after %v", time.Since(begin))
	if status := with("0123456789-key00008"); status != 200 {
		t.Errorf("its neighbour: %d", status)
	}
}

// TestManyWrongKeys tries 100,000 keys that do not exist, on a few connections: none of
// them gets in, and the right one still does.
func TestManyWrongKeys(t *testing.T) {
	const connections, each = 4, 25_000
	backend := echoBackend(t, "one")
	s := snapshotOf(gateway.API{ID: "keys", Protocol: gateway.REST, Stages: []gateway.Stage{{Name: "v1", Deployment: deploy(t, gateway.REST, withKeys, backend.URL)}}})
	s.APIKeys = []gateway.APIKey{{Name: "gold", Values: []gateway.Secret{"0123456789-key000000"}}}
	s.UsagePlans = []gateway.UsagePlan{{Name: "all", Stages: []gateway.PlanStage{{API: "keys", Stage: "v1"}}, Keys: []string{"gold"}}}
	g := start(t, s)
	const host = "keys.execute-api.localhost"
	var group sync.WaitGroup
	for i := range connections {
		conn := g.connect(host)
		group.Go(func() {
			for j := range each {
				if key := fmt.Sprintf("0123456789-key%06d", i*each+j+1); conn.get("/v1/closed", "x-api-key: "+key) != 403 {
					t.Errorf("%s was let in", key)
					return
				}
			}
		})
	}
	group.Wait()
	if status := g.connect(host).get("/v1/closed", "x-api-key: 0123456789-key000000"); status != 200 {
		t.Errorf("the right one: %d", status)
	}
}

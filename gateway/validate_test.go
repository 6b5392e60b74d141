package gateway_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway"
)

// place is a position that says which part of a snapshot is meant.
func place(part string) gateway.Position { return gateway.Position{File: part, Line: 1, Column: 1} }

func route(method, path string) gateway.Route {
	return gateway.Route{Method: method, Path: path, Source: place(method + " " + path), Integration: &gateway.Integration{
		Type: gateway.IntegrationHTTPProxy, URI: "http://127.0.0.1/", Source: place("integration"), URISource: place("uri"),
	}}
}

// valid is a snapshot without a fault, which each case then gets one of.
func valid() *gateway.Snapshot {
	rest := &gateway.Deployment{Protocol: gateway.REST, Source: place("rest"), Routes: []gateway.Route{route("GET", "/pets/{id}"), route("ANY", "/{proxy+}")}}
	http := &gateway.Deployment{Protocol: gateway.HTTP, Source: place("http"), Routes: []gateway.Route{route("GET", "/pets/{id}"), route("ANY", "$default")}}
	return &gateway.Snapshot{
		Gateways: []gateway.Gateway{
			{Name: "edge", Suffix: "localhost", Source: place("edge"), Listeners: []gateway.Listener{{Address: "0.0.0.0", Port: 8080, Source: place("edge listener")}}},
			{Name: "inner", Suffix: "localhost", Source: place("inner"), Listeners: []gateway.Listener{{Address: "127.0.0.1", Port: 8081, Source: place("inner listener")}}},
		},
		Backends: []gateway.Backend{{Name: "orders", Hosts: []string{"orders.internal"}, Source: place("backend orders")}},
		APIs: []gateway.API{
			{ID: "rest", Name: "rest", Protocol: gateway.REST, Source: place("api rest"), Stages: []gateway.Stage{{
				Name: "v1", Deployment: rest, Variables: map[string]string{"name": "value"}, Source: place("stage v1"),
				Settings: []gateway.RouteSettings{{RouteKey: "*"}, {RouteKey: "GET /pets/{id}"}},
			}}},
			{ID: "http", Name: "http", Protocol: gateway.HTTP, Source: place("api http"), Stages: []gateway.Stage{{
				Name: "$default", Deployment: http, Source: place("stage $default"), Settings: []gateway.RouteSettings{{RouteKey: "$default"}},
			}}},
		},
		Domains: []gateway.Domain{{Name: "api.example.com", Gateway: "edge", Source: place("domain"), Mappings: []gateway.DomainMapping{
			{Path: "shop/v1", API: "rest", Stage: "v1", Source: place("mapping shop")}, {Path: "", API: "http", Stage: "$default", Source: place("mapping root")},
		}}},
		APIKeys:    []gateway.APIKey{{Name: "acme", Values: []gateway.Secret{"1"}, Source: place("key acme")}, {Name: "other", Values: []gateway.Secret{"2", "3"}, Source: place("key other")}},
		UsagePlans: []gateway.UsagePlan{{Name: "gold", Keys: []string{"acme"}, Stages: []gateway.PlanStage{{API: "rest", Stage: "v1", Source: place("plan stage")}}, Source: place("plan gold")}},
	}
}

// logs has the first stage logged, in a format.
func logs(s *gateway.Snapshot, format string) {
	s.Gateways[0].Telemetry, s.Gateways[1].Telemetry = true, true
	s.APIs[0].Stages[0].AccessLog = &gateway.StageAccessLog{Format: format, FormatSource: gateway.TextSource{Start: place("format")}, Source: place("log")}
}

func TestValidate(t *testing.T) {
	now := time.Now()
	cert, key := certificate(t, now.Add(time.Hour))
	other, _ := certificate(t, now.Add(time.Hour))
	expired, expiredKey := certificate(t, now.Add(-time.Hour))
	canary := func(s *gateway.Snapshot) *gateway.Canary {
		c := &gateway.Canary{Percent: 5, Deployment: s.APIs[0].Stages[0].Deployment, Source: place("canary")}
		s.APIs[0].Stages[0].Canary = c
		return c
	}
	for name, c := range map[string]struct {
		change func(*gateway.Snapshot)
		// want are lines of position, severity and code, with a part of the message.
		want []string
	}{
		"nothing": {func(*gateway.Snapshot) {}, nil},

		"portals": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Deployment.Routes[0].APIKeyRequired = true
			s.APIs[1].Stages[0].Deployment.CORS = &gateway.CORS{AllowOrigins: []string{"https://Dev.example.com"}}
			s.Portals = []gateway.Portal{{Name: "a", URL: "https://dev.example.com/portal", APIs: []gateway.PortalAPI{
				{API: "rest", Stage: "v1", Server: "https://dev.example.com/pets", Plan: "gold", Hidden: []gateway.PortalRoutes{{Pattern: "/pets/*"}, {Pattern: "GET /pets/{id}"}, {Pattern: "/{proxy+}"}}, Shown: []gateway.PortalOperations{{PortalRoutes: gateway.PortalRoutes{Pattern: "/pets/*"}}}},
				{API: "http", Stage: "$default", Server: "https://api.example.com/pets"},
			}, Pages: []gateway.PortalPage{{Name: "one"}, {Name: "two"}}}, {Name: "b", Pages: []gateway.PortalPage{{Name: "one"}}}}
		}, nil},
		"portals of what is not there": {func(s *gateway.Snapshot) {
			s.APIs[0].Protocol = gateway.WebSocket
			s.Portals = []gateway.Portal{{Name: "a", APIs: []gateway.PortalAPI{
				{API: "none", Stage: "v1", Source: place("one")}, {API: "http", Stage: "v2", Source: place("two")}, {API: "rest", Stage: "v1", Source: place("three")},
			}}, {Name: "a", Source: place("again")}}
		}, []string{"again duplicate-name", "one unknown-stage none/v1", "three unsupported-portal-api", "two unknown-stage http/v2"}},
		"plans of portals": {func(s *gateway.Snapshot) {
			s.Portals = []gateway.Portal{{Name: "a", APIs: []gateway.PortalAPI{
				{API: "rest", Stage: "v1", Plan: "gold", Source: place("one"), Hidden: []gateway.PortalRoutes{{Pattern: "POST /pets/{id}", Source: place("hidden")}}, Shown: []gateway.PortalOperations{{PortalRoutes: gateway.PortalRoutes{Pattern: "/cats", Source: place("shown")}}}},
				{API: "http", Stage: "$default", Plan: "gold", Source: place("two")},
			}, Pages: []gateway.PortalPage{{Name: "one"}, {Name: "one", Source: place("page")}}, Groups: []gateway.PortalGroup{{Title: "one"}, {Title: "one", Source: place("group")}}}, {Name: "b", APIs: []gateway.PortalAPI{{API: "rest", Stage: "v1", Plan: "silver", Source: place("three")}}}}
		}, []string{"group duplicate-name", "hidden unknown-route", "one warning limit-without-key", "page duplicate-name", "shown unknown-route", "three unknown-usage-plan", "two portal-plan"}},
		"portals of other origins": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Deployment.Routes = s.APIs[0].Stages[0].Deployment.Routes[:1]
			s.APIs[1].Stages[0].Deployment.CORS = &gateway.CORS{AllowOrigins: []string{"https://other.example.com", "http://*"}}
			s.Portals = []gateway.Portal{{Name: "a", URL: "https://dev.example.com", APIs: []gateway.PortalAPI{
				{API: "rest", Stage: "v1", Server: "https://api.example.com", Source: place("one")}, {API: "http", Stage: "$default", Server: "http://dev.example.com", Source: place("two")},
			}}, {Name: "read only", URL: "https://dev.example.com", APIs: []gateway.PortalAPI{
				{API: "rest", Stage: "v1", Server: "https://api.example.com", Shown: []gateway.PortalOperations{{PortalRoutes: gateway.PortalRoutes{Pattern: "GET /pets/{id}"}, ReadOnly: true}}},
			}}}
		}, []string{"one warning portal-try-it", "two warning portal-try-it"}},
		"a key of no plan": {func(s *gateway.Snapshot) {
			s.APIKeys[0].Plans, s.APIKeys[1].Plans = []string{"silver"}, []string{"gold"}
		}, []string{"key acme unknown-usage-plan"}},

		"telemetry off": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].AccessLog = &gateway.StageAccessLog{Format: "$context.requestId", Source: place("log")}
		}, []string{"log warning telemetry-off gateway edge", "log warning telemetry-off gateway inner"}},
		"variables without a value": {func(s *gateway.Snapshot) {
			s.Gateways[0].Telemetry, s.Gateways[1].Telemetry = true, true
			s.APIs[0].Stages[0].AccessLog = &gateway.StageAccessLog{Format: "$context.requestId $context.wafResponseCode ${context.webaclArn}", Source: place("log")}
		}, []string{"log warning empty-log-variable $context.wafResponseCode", "log warning empty-log-variable $context.webaclArn"}},
		"telemetry off at one": {func(s *gateway.Snapshot) {
			s.Gateways[0].Telemetry = true
			s.APIs[0].Stages[0].DetailedMetrics, s.APIs[0].Stages[0].Source = true, place("stage")
		}, []string{"stage warning telemetry-off gateway inner"}},
		"telemetry of a WebSocket API": {func(s *gateway.Snapshot) {
			s.APIs[0].Protocol = gateway.WebSocket
			s.APIs[0].Stages[0].AccessLog = &gateway.StageAccessLog{Format: "$context.requestId $context.connectionId", Source: place("log")}
		}, []string{"log warning telemetry-off gateway edge", "log warning telemetry-off gateway inner"}},
		"execution logs": {func(s *gateway.Snapshot) {
			s.Gateways[0].Telemetry = true
			s.APIs[0].Stages[0].ExecutionLog = &gateway.ExecutionLog{ExecutionDetail: gateway.ExecutionDetail{Level: gateway.ExecutionErrors, DataTrace: true}, Source: place("log")}
			s.APIs[1].Stages[0].Settings = append(s.APIs[1].Stages[0].Settings, gateway.RouteSettings{RouteKey: "*", Execution: &gateway.ExecutionDetail{Level: gateway.ExecutionSteps}, Source: place("route")})
		}, []string{"log no-effect", "log warning telemetry-off gateway inner", "route unsupported-telemetry HTTP"}},
		"execution logs of a WebSocket API": {func(s *gateway.Snapshot) {
			s.APIs[0].Protocol = gateway.WebSocket
			s.APIs[0].Stages[0].ExecutionLog = &gateway.ExecutionLog{ExecutionDetail: gateway.ExecutionDetail{Level: gateway.ExecutionSteps}, Source: place("log")}
			s.APIs[0].Stages[0].Settings = append(s.APIs[0].Stages[0].Settings, gateway.RouteSettings{RouteKey: "*", Execution: &gateway.ExecutionDetail{Level: gateway.ExecutionSteps, DataTrace: true}, Source: place("route")})
			s.Gateways[0].Telemetry = true
		}, []string{"log warning telemetry-off gateway inner"}},
		"execution logs that are off": {func(s *gateway.Snapshot) {
			s.APIs[1].Stages[0].ExecutionLog = &gateway.ExecutionLog{ExecutionDetail: gateway.ExecutionDetail{Level: gateway.ExecutionOff}, Source: place("log")}
		}, nil},
		"data of streams": {func(s *gateway.Snapshot) {
			s.Gateways[0].Telemetry, s.Gateways[1].Telemetry = true, true
			s.APIs[0].Stages[0].ExecutionLog = &gateway.ExecutionLog{ExecutionDetail: gateway.ExecutionDetail{Level: gateway.ExecutionSteps, DataTrace: true}, Source: place("log")}
			s.APIs[0].Stages[0].Deployment.Routes[0].Integration = &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://127.0.0.1:1/", ResponseTransferMode: "STREAM", Source: place("stream")}
		}, []string{"stream warning no-effect"}},
		"tracing without a collector": {func(s *gateway.Snapshot) {
			s.Gateways[0].Tracing = &gateway.Tracing{Collector: gateway.Service{Endpoints: []gateway.Endpoint{{Host: "::1", Port: 4317}}}}
			s.APIs[0].Stages[0].Tracing = &gateway.StageTracing{Percent: 5, Source: place("tracing")}
		}, []string{"tracing warning tracing-off gateway inner"}},
		"tracing of a WebSocket API": {func(s *gateway.Snapshot) {
			s.APIs[0].Protocol = gateway.WebSocket
			s.APIs[0].Stages[0].Tracing = &gateway.StageTracing{Source: place("tracing")}
		}, []string{"tracing unsupported-tracing"}},
		"collectors": {func(s *gateway.Snapshot) {
			s.Gateways[0].Tracing = &gateway.Tracing{
				Collector: gateway.Service{Endpoints: []gateway.Endpoint{{Host: "collector.example.com", Port: 4317, Source: place("collector")}}},
				Headers: []gateway.CollectorHeader{
					{Name: "x-good", Value: "Bearer a.b"}, {Name: "x-good", Value: "again", Source: place("again")},
					{Name: "grpc-timeout", Value: "1", Source: place("reserved")}, {Name: "a b", Value: "1", Source: place("spaced")},
					{Name: "x-line", Value: "a\nb", Source: place("line")}, {Name: "x-percent", Value: "100%", Source: place("percent")},
				},
			}
		}, []string{
			"again duplicate-name", "collector plaintext-service", "line invalid-value", "percent invalid-value", "reserved invalid-name", "spaced invalid-name",
		}},
		"routing rules": {func(s *gateway.Snapshot) {
			rule := func(name string, r gateway.RoutingRule) {
				if r.Source = place(name); r.ID == "" {
					r.ID = name
				}
				s.Domains[0].Mappings = append(s.Domains[0].Mappings, gateway.DomainMapping{API: s.Domains[0].Mappings[0].API, Stage: s.Domains[0].Mappings[0].Stage, Rule: &r, Source: place(name)})
			}
			header := func(name, header, value string) gateway.HeaderGlob {
				return gateway.HeaderGlob{Name: header, Value: value, Source: place(name)}
			}
			rule("good", gateway.RoutingRule{Priority: 1, Path: "a/b", Headers: []gateway.HeaderGlob{header("", "X-Tenant", "*gold*"), header("", "Host", "*")}})
			rule("again", gateway.RoutingRule{Priority: 1})
			rule("same", gateway.RoutingRule{ID: "good", Priority: 7})
			rule("path", gateway.RoutingRule{Priority: 2, Path: "a//b"})
			rule("long", gateway.RoutingRule{Priority: 3, Path: strings.Repeat("x", 128)})
			rule("many", gateway.RoutingRule{Priority: 4, Headers: []gateway.HeaderGlob{header("", "a", "1"), header("", "b", "1"), header("", "c", "1")}})
			rule("headers", gateway.RoutingRule{Priority: 5, Headers: []gateway.HeaderGlob{header("reserved", "Authorization", "x"), header("spaced", "a b", "x")}})
			rule("values", gateway.RoutingRule{Priority: 6, Headers: []gateway.HeaderGlob{header("within", "a", "x*y"), header("empty", "b", "")}})
		}, []string{
			"again duplicate-priority", "empty invalid-value", "long invalid-path", "many invalid-value", "path invalid-path", "reserved invalid-value", "same duplicate-rule-id", "spaced invalid-value", "within invalid-value",
		}},
		"a telemetry service for nothing": {func(s *gateway.Snapshot) {
			s.Gateways[0].Services.Telemetry = &gateway.Service{Source: place("service")}
		}, []string{"service telemetry-off"}},
		"one log file in two ways": {func(s *gateway.Snapshot) {
			s.Gateways[0].Telemetry, s.Gateways[1].Telemetry = true, true
			one := s.APIs[0].Stages[0]
			one.Name, one.AccessLog = "another", &gateway.StageAccessLog{Format: "$context.requestId", Destination: "/log", MaxFiles: 1, Source: place("first")}
			two := one
			two.Name, two.AccessLog = "third", &gateway.StageAccessLog{Format: "$context.requestId", Destination: "/log", MaxFiles: 2, Source: place("second")}
			s.APIs[0].Stages = append(s.APIs[0].Stages, one, two)
		}, []string{"second conflicting-log-files"}},
		"a format without end": {func(s *gateway.Snapshot) { logs(s, strings.Repeat("x", 3073)) }, []string{"format log-format-too-long"}},
		"a format of lines":    {func(s *gateway.Snapshot) { logs(s, "$context.requestId\nx") }, []string{"format log-format-lines"}},
		"a format without id":  {func(s *gateway.Snapshot) { logs(s, "$context.status") }, []string{"format log-format-without-id"}},
		"formats":              {func(s *gateway.Snapshot) { logs(s, `{"a": $context.extendedRequestId} $5 $contextual ${x}`) }, nil},
		"unknown variables": {func(s *gateway.Snapshot) {
			logs(s, "$context.requestId $context.nonsense $context.routeKey $stageVariables.x ${context.status $input.body $context $context.authorizer.x")
		}, []string{
			"format unknown-log-variable $context is", "format unknown-log-variable $context.nonsense", "format unknown-log-variable $context.routeKey is no variable of REST APIs",
			"format unknown-log-variable $input", "format unknown-log-variable $stageVariables", "format unknown-log-variable a brace",
		}},

		"gateway name":    {func(s *gateway.Snapshot) { s.Gateways[1].Name = "no spaces" }, []string{"inner invalid-name"}},
		"gateway suffix":  {func(s *gateway.Snapshot) { s.Gateways[1].Suffix = "no_suffix!" }, []string{"inner invalid-name"}},
		"gateways alike":  {func(s *gateway.Snapshot) { s.Gateways[1].Name = "edge" }, []string{"inner duplicate-name"}},
		"no listeners":    {func(s *gateway.Snapshot) { s.Gateways[1].Listeners = nil }, []string{"inner empty-list"}},
		"listeners alike": {func(s *gateway.Snapshot) { twoListeners(s, "0.0.0.0", "0.0.0.0", 8080) }, []string{"second listener duplicate-listener"}},
		"one for all":     {func(s *gateway.Snapshot) { twoListeners(s, "127.0.0.1", "0.0.0.0", 8080) }, []string{"second listener duplicate-listener"}},
		"all and one":     {func(s *gateway.Snapshot) { twoListeners(s, "0.0.0.0", "127.0.0.1", 8080) }, []string{"second listener duplicate-listener"}},
		"all of IPv6":     {func(s *gateway.Snapshot) { twoListeners(s, "::", "127.0.0.1", 8080) }, []string{"second listener duplicate-listener"}},
		"two addresses":   {func(s *gateway.Snapshot) { twoListeners(s, "127.0.0.2", "127.0.0.1", 8080) }, nil},
		"two ports":       {func(s *gateway.Snapshot) { twoListeners(s, "0.0.0.0", "0.0.0.0", 8081) }, nil},
		"bare TLS":        {func(s *gateway.Snapshot) { tlsOf(s, gateway.TLS{}) }, []string{"tls missing-certificate"}},
		"a domain's TLS": {func(s *gateway.Snapshot) {
			tlsOf(s, gateway.TLS{})
			s.Domains[0].TLS = &gateway.TLS{Certificate: cert, Key: key}
		}, nil},
		"another gateway's domain's TLS": {func(s *gateway.Snapshot) {
			tlsOf(s, gateway.TLS{})
			s.Domains[0].TLS = &gateway.TLS{Certificate: cert, Key: key}
			s.Domains[0].Gateway = "inner"
		}, []string{"tls missing-certificate"}},
		"good TLS":              {func(s *gateway.Snapshot) { tlsOf(s, gateway.TLS{Certificate: cert, Key: key}) }, nil},
		"no PEM":                {func(s *gateway.Snapshot) { tlsOf(s, gateway.TLS{Certificate: "x", Key: key}) }, []string{"tls invalid-certificate not PEM"}},
		"a key as certificate":  {func(s *gateway.Snapshot) { tlsOf(s, gateway.TLS{Certificate: key.Reveal(), Key: key}) }, []string{"tls invalid-certificate not PEM"}},
		"not DER":               {func(s *gateway.Snapshot) { tlsOf(s, gateway.TLS{Certificate: garbled(), Key: key}) }, []string{"tls invalid-certificate cannot be read"}},
		"another's key":         {func(s *gateway.Snapshot) { tlsOf(s, gateway.TLS{Certificate: other, Key: key}) }, []string{"tls invalid-certificate do not belong together"}},
		"no key":                {func(s *gateway.Snapshot) { tlsOf(s, gateway.TLS{Certificate: cert}) }, []string{"tls invalid-certificate do not belong together"}},
		"expired":               {func(s *gateway.Snapshot) { tlsOf(s, gateway.TLS{Certificate: expired, Key: expiredKey}) }, []string{"tls warning expired-certificate"}},
		"domain without a cert": {func(s *gateway.Snapshot) { s.Domains[0].TLS = &gateway.TLS{Source: place("domain tls")} }, []string{"domain tls missing-certificate"}},
		"domain with a bad one": {func(s *gateway.Snapshot) {
			s.Domains[0].TLS = &gateway.TLS{Certificate: "x", Source: place("domain tls")}
		}, []string{"domain tls invalid-certificate"}},

		"backend name": {func(s *gateway.Snapshot) { s.Backends[0].Name = "-" }, []string{"backend orders invalid-name"}},
		"backends alike": {func(s *gateway.Snapshot) {
			s.Backends = append(s.Backends, gateway.Backend{Name: "orders", Source: place("second backend")})
		}, []string{"second backend duplicate-name"}},
		"hosts alike": {func(s *gateway.Snapshot) {
			s.Backends = append(s.Backends, gateway.Backend{Name: "b", Hosts: []string{"orders.internal"}, Source: place("second backend")})
		}, []string{"second backend duplicate-name"}},

		"API id":         {func(s *gateway.Snapshot) { s.APIs[1].ID = "Http"; s.Domains = nil }, []string{"api http invalid-name"}},
		"API ids alike":  {func(s *gateway.Snapshot) { s.APIs[1].ID = "rest"; s.Domains, s.UsagePlans = nil, nil }, []string{"api http duplicate-name"}},
		"API names":      {func(s *gateway.Snapshot) { s.APIs[0].Name, s.APIs[1].Name = "x", "x" }, []string{"api http duplicate-name"}},
		"API's gateway":  {func(s *gateway.Snapshot) { s.APIs[0].Gateways = []string{"edge", "nowhere"} }, []string{"api rest unknown-gateway"}},
		"stage name":     {func(s *gateway.Snapshot) { s.APIs[1].Stages[0].Name = "a/b"; s.Domains = nil }, []string{"stage $default invalid-name"}},
		"REST $default":  {func(s *gateway.Snapshot) { s.APIs[0].Stages[0].Name = "$default"; s.Domains, s.UsagePlans = nil, nil }, []string{"stage v1 invalid-name"}},
		"stages alike":   {func(s *gateway.Snapshot) { s.APIs[0].Stages = append(s.APIs[0].Stages, s.APIs[0].Stages[0]) }, []string{"stage v1 duplicate-name"}},
		"variable name":  {func(s *gateway.Snapshot) { s.APIs[0].Stages[0].Variables["a-b"] = "" }, []string{"stage v1 invalid-name"}},
		"variable value": {func(s *gateway.Snapshot) { s.APIs[0].Stages[0].Variables["a"] = "a b" }, []string{"stage v1 invalid-value"}},
		"long value":     {func(s *gateway.Snapshot) { s.APIs[0].Stages[0].Variables["a"] = strings.Repeat("a", 513) }, []string{"stage v1 invalid-value"}},
		"variables": {func(s *gateway.Snapshot) {
			for i := range 100 {
				s.APIs[0].Stages[0].Variables[fmt.Sprint(i)] = ""
			}
		}, []string{"stage v1 too-many-variables"}},
		"canary that gets nothing": {func(s *gateway.Snapshot) { canary(s).Percent = 0.00009 }, []string{"canary out-of-range percent is 0.00009, must be 0, or at least 0.0001"}},
		"canary that gets little":  {func(s *gateway.Snapshot) { canary(s).Percent = 0.0001 }, nil},
		"canary's variable":        {func(s *gateway.Snapshot) { canary(s).Variables = map[string]string{"a": "\n"} }, []string{"canary invalid-value"}},
		"HTTP canary": {func(s *gateway.Snapshot) {
			s.APIs[1].Stages[0].Canary = &gateway.Canary{Source: place("canary")}
		}, []string{"canary canary-not-rest"}},
		"HTTP cache": {func(s *gateway.Snapshot) {
			s.APIs[1].Stages[0].Cache = &gateway.StageCache{CacheSettings: gateway.CacheSettings{Source: place("cache")}}
		}, []string{"cache cache-not-rest"}},
		"settings of no cache": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Settings = []gateway.RouteSettings{{RouteKey: "*", Cache: &gateway.CacheSettings{Source: place("cache")}}}
		}, []string{"cache no-stage-cache"}},
		"settings": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Settings = []gateway.RouteSettings{{RouteKey: "PUT /pets", Source: place("settings")}}
		}, []string{"settings unknown-route"}},
		"settings of the canary's route": {func(s *gateway.Snapshot) {
			canary(s).Deployment = &gateway.Deployment{Routes: []gateway.Route{route("PUT", "/pets")}}
			s.APIs[0].Stages[0].Settings = []gateway.RouteSettings{{RouteKey: "PUT /pets", Source: place("settings")}}
		}, nil},
		"unset variable": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Deployment.Routes[0].Integration.URI = "http://${stageVariables.a}${stageVariables.b}/${stageVariables.name}"
		}, []string{"uri unset-stage-variable a, b"}},
		"variable of the canary only": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Deployment.Routes[0].Integration.URI = "http://${stageVariables.a}/"
			canary(s).Variables = map[string]string{"a": "b"}
		}, []string{"uri unset-stage-variable"}},
		"variable that the canary lacks": {func(s *gateway.Snapshot) {
			canary(s).Deployment = &gateway.Deployment{Routes: []gateway.Route{route("GET", "/pets/{id}")}}
			canary := s.APIs[0].Stages[0].Canary.Deployment
			canary.Routes[0].Integration.URI = "http://${stageVariables.a}/"
		}, []string{"uri unset-stage-variable"}},
		"link": {func(s *gateway.Snapshot) { link(s, "nowhere") }, []string{"integration unknown-backend"}},
		"link by variable": {func(s *gateway.Snapshot) {
			link(s, "${stageVariables.link}")
			s.APIs[0].Stages[0].Variables["link"] = "orders"
		}, nil},
		"link to nowhere by variable": {func(s *gateway.Snapshot) { link(s, "${stageVariables.name}") }, []string{"integration unknown-backend"}},

		"no routes": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Deployment.Routes, s.APIs[0].Stages[0].Settings = nil, nil
		}, []string{"rest no-routes"}},
		"method":                    {func(s *gateway.Snapshot) { routes(s, 0, "TRACE /pets") }, []string{"TRACE /pets invalid-method"}},
		"path":                      {func(s *gateway.Snapshot) { routes(s, 0, "GET /a//b") }, []string{"GET /a//b invalid-path"}},
		"REST $default route":       {func(s *gateway.Snapshot) { routes(s, 0, "ANY $default") }, []string{"ANY $default default-route"}},
		"routes alike":              {func(s *gateway.Snapshot) { routes(s, 0, "GET /a", "GET /a") }, []string{"GET /a duplicate-name"}},
		"but for the slash":         {func(s *gateway.Snapshot) { routes(s, 0, "GET /a", "GET /a/") }, []string{"GET /a/ duplicate-name"}},
		"HTTP: the slash":           {func(s *gateway.Snapshot) { routes(s, 1, "GET /a", "GET /a/") }, nil},
		"HTTP: alike but for names": {func(s *gateway.Snapshot) { routes(s, 1, "GET /a/{b}", "GET /a/{c}") }, []string{"GET /a/{c} duplicate-name"}},
		"HTTP: two defaults":        {func(s *gateway.Snapshot) { routes(s, 1, "ANY $default", "ANY $default") }, []string{"ANY $default duplicate-name"}},
		"HTTP: two variables":       {func(s *gateway.Snapshot) { routes(s, 1, "GET /{a}/x", "GET /{b}/y") }, nil},
		"two variables":             {func(s *gateway.Snapshot) { routes(s, 0, "GET /{a}/x", "GET /{b}/y") }, []string{"GET /{b}/y sibling-variable ({a})"}},
		"a variable and a greedy":   {func(s *gateway.Snapshot) { routes(s, 0, "GET /p/{a}", "GET /p/{a+}") }, []string{"GET /p/{a+} sibling-variable ({a})"}},
		"two places for variables":  {func(s *gateway.Snapshot) { routes(s, 0, "GET /p/{a}", "GET /q/{b}", "GET /p/{a}/{b}", "PUT /p/{a}") }, nil},

		"domain name":               {func(s *gateway.Snapshot) { s.Domains[0].Name = "a..b" }, []string{"domain invalid-name"}},
		"wildcard inside":           {func(s *gateway.Snapshot) { s.Domains[0].Name = "a.*.b" }, []string{"domain invalid-name"}},
		"wildcard domain":           {func(s *gateway.Snapshot) { s.Domains[0].Name = "*.example.com" }, nil},
		"catch-all":                 {func(s *gateway.Snapshot) { s.Domains[0].Name = "*" }, nil},
		"domains alike":             {func(s *gateway.Snapshot) { s.Domains = append(s.Domains, s.Domains[0]) }, []string{"domain duplicate-name"}},
		"an API's own host":         {func(s *gateway.Snapshot) { s.Domains[0].Name = "rest.execute-api.localhost" }, []string{"domain host-conflict"}},
		"domain of no gateway":      {func(s *gateway.Snapshot) { s.Domains[0].Gateway = "" }, []string{"domain missing-key"}},
		"domain of unknown gateway": {func(s *gateway.Snapshot) { s.Domains[0].Gateway = "x" }, []string{"domain unknown-gateway"}},
		"base path":                 {func(s *gateway.Snapshot) { s.Domains[0].Mappings[0].Path = "a b" }, []string{"mapping shop invalid-path"}},
		"empty segment":             {func(s *gateway.Snapshot) { s.Domains[0].Mappings[0].Path = "a//b" }, []string{"mapping shop invalid-path"}},
		"base paths alike":          {func(s *gateway.Snapshot) { s.Domains[0].Mappings[0].Path = "" }, []string{"mapping root duplicate-name"}},
		"mapping to no API":         {func(s *gateway.Snapshot) { s.Domains[0].Mappings[0].API = "x" }, []string{"mapping shop unknown-api"}},
		"mapping to no stage":       {func(s *gateway.Snapshot) { s.Domains[0].Mappings[0].Stage = "x" }, []string{"mapping shop unknown-stage"}},
		"mapping elsewhere":         {func(s *gateway.Snapshot) { s.APIs[0].Gateways = []string{"inner"} }, []string{"mapping shop unknown-api not served"}},
		"mapping reported before":   {func(s *gateway.Snapshot) { s.Domains[0].Mappings[0].API = "" }, nil},

		"keys alike":                      {func(s *gateway.Snapshot) { s.APIKeys[1].Name = "acme" }, []string{"key other duplicate-name"}},
		"values alike":                    {func(s *gateway.Snapshot) { s.APIKeys[1].Values[1] = "1" }, []string{"key other duplicate-value"}},
		"key's name with a bar":           {keyNamed("gold|key"), []string{"key other invalid-name"}},
		"key's name with a line's end":    {keyNamed("gold\r\nx: y"), []string{"key other invalid-name"}},
		"key's name with a space outside": {keyNamed(" gold"), []string{"key other invalid-name"}},
		"key's name that is no UTF-8":     {keyNamed("g\xffld"), []string{"key other invalid-name"}},
		"key's name that is long":         {keyNamed(strings.Repeat("x", 1025)), []string{"key other invalid-name"}},
		"key's name of many sorts":        {keyNamed("Ünïcode: a/b, {c} " + strings.Repeat("x", 1000)), nil},

		"plans alike": {func(s *gateway.Snapshot) { s.UsagePlans = append(s.UsagePlans, s.UsagePlans[0]) }, []string{"plan gold duplicate-name"}},
		"plan's key":  {func(s *gateway.Snapshot) { s.UsagePlans[0].Keys = []string{"x"} }, []string{"plan gold unknown-api-key"}},
		"plan's stage": {func(s *gateway.Snapshot) {
			s.UsagePlans[0].Stages = []gateway.PlanStage{{API: "rest", Stage: "x", Source: place("first")}, {API: "x", Stage: "v1", Source: place("second")}}
		}, []string{
			"first unknown-stage", "second unknown-stage",
		}},
		"plan's stage twice": {func(s *gateway.Snapshot) {
			s.UsagePlans[0].Stages = []gateway.PlanStage{{API: "rest", Stage: "v1"}, {API: "rest", Stage: "v1", Source: place("again")}}
		}, []string{"again duplicate-name"}},
		"plan's route": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Deployment.Routes[0].APIKeyRequired = true
			s.UsagePlans[0].Stages[0].Routes = []gateway.RouteThrottle{{RouteKey: "GET /nowhere", Source: place("route")}}
		}, []string{"route unknown-route"}},
		"plan's route that the canary has": {func(s *gateway.Snapshot) {
			keyed := route("PUT", "/pets")
			keyed.APIKeyRequired = true
			canary(s).Deployment = &gateway.Deployment{Protocol: gateway.REST, Routes: []gateway.Route{keyed}}
			s.UsagePlans[0].Stages[0].Routes = []gateway.RouteThrottle{{RouteKey: "PUT /pets"}}
		}, nil},
		"a limit for a stage without keys": {func(s *gateway.Snapshot) {
			s.UsagePlans[0].Throttle = &gateway.Throttle{Rate: 1}
		}, []string{"plan stage warning limit-without-key no method of rest/v1"}},
		"a limit for a canary with keys": {func(s *gateway.Snapshot) {
			keyed := route("GET", "/pets/{id}")
			keyed.APIKeyRequired = true
			canary(s).Deployment = &gateway.Deployment{Protocol: gateway.REST, Routes: []gateway.Route{keyed}}
			s.UsagePlans[0].Throttle = &gateway.Throttle{Rate: 1}
		}, nil},
		"a quota for an HTTP API": {func(s *gateway.Snapshot) {
			s.UsagePlans[0].Stages = []gateway.PlanStage{{API: "http", Stage: "$default", Source: place("http stage")}}
			s.UsagePlans[0].Quota = &gateway.Quota{Limit: 1}
		}, []string{"http stage warning limit-without-key"}},
		"a limit for a route without a key": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Deployment.Routes[1].APIKeyRequired = true
			s.UsagePlans[0].Stages[0].Routes = []gateway.RouteThrottle{{RouteKey: "GET /pets/{id}", Source: place("route")}, {RouteKey: "ANY /{proxy+}"}}
		}, []string{"route warning limit-without-key GET /pets/{id} of rest/v1"}},
		"two plans for a key": {func(s *gateway.Snapshot) {
			other := s.UsagePlans[0]
			other.Name, other.Source = "silver", place("plan silver")
			s.UsagePlans = append(s.UsagePlans, other)
		}, []string{"plan silver conflicting-plans"}},
		"two plans for a key, by label": {func(s *gateway.Snapshot) {
			s.APIKeys[0].Labels = map[string]string{"tier": "silver", "region": "eu"}
			other := s.UsagePlans[0]
			other.Name, other.Source, other.Keys, other.KeyLabels = "silver", place("plan silver"), nil, map[string]string{"tier": "silver"}
			s.UsagePlans = append(s.UsagePlans, other)
		}, []string{"plan silver conflicting-plans"}},
		"offset": {func(s *gateway.Snapshot) {
			s.APIs[0].Stages[0].Deployment.Routes[0].APIKeyRequired = true
			s.UsagePlans[0].Quota = &gateway.Quota{Limit: 5, Offset: 5, Source: place("quota")}
		}, []string{"quota out-of-range"}},

		"unreachable": {func(s *gateway.Snapshot) { s.APIs[1].DisableExecuteAPIEndpoint, s.Domains = true, nil }, []string{"api http warning unreachable-api"}},
		"issuers alike": {func(s *gateway.Snapshot) {
			s.Issuers = []gateway.Issuer{{URL: "https://id.example.com"}, {URL: "https://id.example.com", Source: place("issuer")}}
		}, []string{"issuer duplicate-name"}},
		"pools alike": {func(s *gateway.Snapshot) {
			s.Issuers = []gateway.Issuer{{URL: "https://a.example.com", UserPool: "arn"}, {URL: "https://b.example.com", UserPool: "arn", Source: place("issuer")}}
		}, []string{"issuer duplicate-name"}},
		"tools where certificates are asked for": {func(s *gateway.Snapshot) {
			st := &s.APIs[0].Stages[0]
			st.MCP = &gateway.MCP{Source: place("mcp")}
			st.Deployment.Tools = []gateway.Tool{{Name: "get", Route: "GET /pets/{id}"}}
			s.Domains[0].TLS = &gateway.TLS{Certificate: cert, Key: gateway.Secret(key), ClientCA: cert, Source: place("tls")}
		}, []string{"mapping root warning mutual-tls-bypass", "mapping shop warning mcp-client-certificate", "mapping shop warning mutual-tls-bypass", "tls warning not-an-authority"}},
		"too many tools": {func(s *gateway.Snapshot) {
			st := &s.APIs[0].Stages[0]
			st.MCP = &gateway.MCP{Source: place("mcp")}
			for i := range 10_001 {
				st.Deployment.Tools = append(st.Deployment.Tools, gateway.Tool{Name: fmt.Sprint(i), Route: "GET /pets/{id}"})
			}
		}, []string{"mcp too-many-tools"}},
		"issuer with a query": {func(s *gateway.Snapshot) {
			s.Issuers = []gateway.Issuer{{URL: "https://id.example.com/?a=b", Source: place("issuer")}}
		}, []string{"issuer invalid-issuer"}},
		"keys behind a password": {func(s *gateway.Snapshot) {
			s.Issuers = []gateway.Issuer{{URL: "https://id.example.com", JWKSURI: "https://a:b@id.example.com/keys", Source: place("issuer")}}
		}, []string{"issuer invalid-issuer"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := valid()
			c.change(s)
			found := s.Validate()
			var got []string
			for i, d := range found {
				line := fmt.Sprintf("%s %s %s", d.Pos.File, d.Severity, d.Code)
				line = strings.Replace(line, " error ", " ", 1)
				if i < len(c.want) {
					if more, ok := strings.CutPrefix(c.want[i], line+" "); ok && strings.Contains(d.Message, more) {
						line = c.want[i]
					}
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s%v", diff, found)
			}
		})
	}
}

// TestValidateKeepsSecrets: what is wrong with keys is said without them.
func TestValidateKeepsSecrets(t *testing.T) {
	s := valid()
	s.APIKeys[0].Values, s.APIKeys[1].Values = []gateway.Secret{"hunter2"}, []gateway.Secret{"hunter2"}
	s.Domains[0].TLS = &gateway.TLS{Certificate: "x", Key: "hunter2"}
	if found := s.Validate(); len(found) != 2 || strings.Contains(fmt.Sprint(found), "hunter2") {
		t.Error(found)
	}
}

// TestValidateTellsEnough: there is an end to what is told of errors, and warnings hide
// none of them, however many they are.
func TestValidateTellsEnough(t *testing.T) {
	s := valid()
	for i := range 3000 {
		id := fmt.Sprintf("api%d", i)
		s.APIs = append(s.APIs, gateway.API{ID: id, Name: id, Protocol: gateway.REST, DisableExecuteAPIEndpoint: true})
	}
	s.UsagePlans[0].Keys = []string{"nobody"}
	if found := s.Validate(); !found.HasErrors() {
		t.Errorf("%d warnings hide the error", len(found))
	}
	for range 3000 {
		s.UsagePlans = append(s.UsagePlans, s.UsagePlans[0])
	}
	errors := slices.DeleteFunc(s.Validate(), func(d gateway.Diagnostic) bool { return d.Severity == gateway.Warning })
	if !slices.ContainsFunc(errors, func(d gateway.Diagnostic) bool { return d.Code == "too-many-problems" }) || len(errors) > 1001 {
		t.Errorf("%d errors", len(errors))
	}
}

func TestValidateClientCertificates(t *testing.T) {
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	cert, key := certificate(t, soon)
	good, rsaKey := newKey(t), newRSAKey(t, 1024)
	authority := authorityOf(t, "ca", good, soon, true)
	for name, c := range map[string]struct {
		tls  gateway.TLS
		open bool
		want []string
	}{
		"good":                  {gateway.TLS{ClientCA: authority}, false, nil},
		"an open API":           {gateway.TLS{ClientCA: authority}, true, []string{"mapping root mutual-tls-bypass", "mapping shop mutual-tls-bypass"}},
		"no authority":          {gateway.TLS{ClientCA: authorityOf(t, "ca", good, soon, false)}, false, []string{"tls not-an-authority"}},
		"expired":               {gateway.TLS{ClientCA: authorityOf(t, "ca", good, past, true)}, false, []string{"tls expired-certificate"}},
		"no PEM":                {gateway.TLS{ClientCA: "x"}, false, []string{"tls invalid-certificate"}},
		"a key":                 {gateway.TLS{ClientCA: authority + key.Reveal()}, false, []string{"tls invalid-certificate"}},
		"not DER":               {gateway.TLS{ClientCA: authority + garbled()}, false, []string{"tls invalid-certificate"}},
		"short RSA":             {gateway.TLS{ClientCA: authorityOf(t, "ca", rsaKey, soon, true)}, false, []string{"tls invalid-certificate"}},
		"lists only":            {gateway.TLS{ClientCRL: revocations(t, "ca", good, soon)}, false, []string{"tls missing-key"}},
		"listed":                {gateway.TLS{ClientCA: authority, ClientCRL: revocations(t, "ca", good, soon)}, false, nil},
		"another's list":        {gateway.TLS{ClientCA: authority, ClientCRL: revocations(t, "other", good, soon)}, false, []string{"tls missing-revocation-list"}},
		"a list of its old key": {gateway.TLS{ClientCA: authority, ClientCRL: revocations(t, "ca", newKey(t), soon)}, false, []string{"tls missing-revocation-list"}},
		"of both its keys":      {gateway.TLS{ClientCA: authority, ClientCRL: revocations(t, "ca", newKey(t), soon) + revocations(t, "ca", good, soon)}, false, nil},
		"an outdated list":      {gateway.TLS{ClientCA: authority, ClientCRL: revocations(t, "ca", good, past)}, false, []string{"tls expired-certificate"}},
		"a bad list":            {gateway.TLS{ClientCA: authority, ClientCRL: authority}, false, []string{"tls invalid-certificate", "tls invalid-certificate", "tls missing-revocation-list"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := valid()
			for i := range s.APIs {
				s.APIs[i].DisableExecuteAPIEndpoint = !c.open
			}
			c.tls.Certificate, c.tls.Key, c.tls.Source = cert, key, place("tls")
			s.Domains[0].TLS = &c.tls
			var got []string
			for _, d := range s.Validate() {
				got = append(got, d.Pos.File+" "+d.Code)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s%v", diff, s.Validate())
			}
		})
	}
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRSAKey(t *testing.T, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func authorityOf(t *testing.T, name string, key crypto.Signer, until time.Time, isCA bool) string {
	t.Helper()
	c := authorityTemplate(name, until, isCA)
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("CERTIFICATE", der)
}

func authorityTemplate(name string, until time.Time, isCA bool) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: isCA, BasicConstraintsValid: true,
		NotBefore: until.Add(-24 * time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageCRLSign, SubjectKeyId: []byte{1},
	}
}

func revocations(t *testing.T, name string, key crypto.Signer, until time.Time) string {
	t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: until.Add(-24 * time.Hour), NextUpdate: until}
	issuer, err := x509.ParseCertificate(decode(t, authorityOf(t, name, key, until, true)))
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, issuer, key)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("X509 CRL", der)
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatal("no PEM")
	}
	return block.Bytes
}

func pemText(kind string, data []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
}

func twoListeners(s *gateway.Snapshot, first, second string, port uint32) {
	s.Gateways[0].Listeners = []gateway.Listener{{Address: first, Port: 8080}, {Address: second, Port: port, Source: place("second listener")}}
}

func tlsOf(s *gateway.Snapshot, c gateway.TLS) {
	c.Source = place("tls")
	s.Gateways[0].Listeners[0].TLS = &c
}

func link(s *gateway.Snapshot, id string) {
	in := s.APIs[0].Stages[0].Deployment.Routes[0].Integration
	in.ConnectionType, in.ConnectionID = gateway.ConnectionVPCLink, id
}

func routes(s *gateway.Snapshot, api int, keys ...string) {
	stage := &s.APIs[api].Stages[0]
	stage.Deployment.Routes, stage.Settings = nil, nil
	for _, key := range keys {
		method, path, _ := strings.Cut(key, " ")
		stage.Deployment.Routes = append(stage.Deployment.Routes, route(method, path))
	}
}

func keyNamed(name string) func(*gateway.Snapshot) {
	return func(s *gateway.Snapshot) { s.APIKeys[1].Name = name }
}

func certificate(t *testing.T, until time.Time) (string, gateway.Secret) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-24 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("CERTIFICATE", der), gateway.Secret(pemText("PRIVATE KEY", private))
}

// garbled is PEM text around something that is no certificate.
func garbled() string { return pemText("CERTIFICATE", []byte("garbled")) }

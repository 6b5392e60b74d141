package translator_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/translator"
)

// TestSameBytes translates every case twice, from fresh loads: control planes that run
// side by side must not take turns in changing what Envoy has.
func TestSameBytes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		first, second := mustTranslate(t, translator.New(), load(t, file)), mustTranslate(t, translator.New(), load(t, file))
		if first.Revision != second.Revision {
			t.Errorf("%s: the revisions differ", file)
		}
		names := identities(first)
		if other := identities(second); !slices.Equal(slices.Sorted(maps.Keys(names)), slices.Sorted(maps.Keys(other))) {
			t.Fatalf("%s: the resources differ: %v, %v", file, names, other)
		}
		for name, m := range names {
			a, b := marshal(t, m), marshal(t, identities(second)[name])
			if !bytes.Equal(a, b) {
				t.Errorf("%s: the bytes of %s differ", file, name)
			}
		}
	}
}

const twoAPIs = `
backends:
  - {name: pets, endpoints: ["127.0.0.1:9101"]}
  - {name: shop, endpoints: ["127.0.0.1:9102"]}
apis:
  - {name: pets, definition: pets.openapi.yaml, backend: pets, stages: [{name: v1}, {name: v2}]}
  - {name: shop, definition: shop.openapi.yaml, backend: shop, stages: [{name: v1, variables: {a: b}}]}
domains:
  - {name: api.example.com, mappings: [{path: shop, stage: shop/v1}]}
`

const oneRoute = `
openapi: 3.0.1
info: {title: pets, version: "1"}
paths:
  /pets: {get: {}}
`

// TestOnlyWhatChanged follows one translator through edits: what an edit does not
// concern stays the same message, so that nothing is compared or sent again.
func TestOnlyWhatChanged(t *testing.T) {
	const pets, shop, domain = "RouteConfiguration host/pets.execute-api.localhost", "RouteConfiguration host/shop.execute-api.localhost", "RouteConfiguration host/api.example.com"
	for _, c := range []struct {
		name    string
		file    string
		from    string
		to      string
		changed []string
	}{
		{"nothing", "gatehouse.yaml", "", "", nil},
		{"a comment, which moves lines", "gatehouse.yaml", "\nbackends:", "\n# hello\n\nbackends:", nil},
		{"a comment in a document", "pets.openapi.yaml", "\nopenapi:", "\n# hello\nopenapi:", nil},
		{"a route", "pets.openapi.yaml", "/pets: {get: {}}", "/pets: {get: {}, post: {}}", []string{pets}},
		{"a route of an API with a domain", "shop.openapi.yaml", "/pets: {get: {}}", "/birds: {get: {}}", []string{domain, shop}},
		{"a stage variable that nobody uses", "gatehouse.yaml", "{a: b}", "{a: c}", nil},
		{"a stage", "gatehouse.yaml", "{name: v2}", "{name: v3}", []string{pets}},
		{"a throttle", "gatehouse.yaml", "{name: v2}", "{name: v2, throttle: {rate: 5}}", []string{pets, "TypedExtensionConfig gw.throttle.stages"}},
		{"a throttle of all APIs", "gatehouse.yaml", "backends:", "account: {throttle: {rate: 5}}\nbackends:", []string{domain, pets, shop, "TypedExtensionConfig gw.throttle.stages"}},
		{"endpoints", "gatehouse.yaml", "127.0.0.1:9101", "127.0.0.1:9103", []string{"ClusterLoadAssignment backend/pets#"}},
		{"a backend's options", "gatehouse.yaml", `"127.0.0.1:9101"]`, `"127.0.0.1:9101"], maxRequests: 5`, []string{"Cluster backend/pets", "ClusterLoadAssignment backend/pets#"}},
		{"a mapping", "gatehouse.yaml", "path: shop", "path: store", []string{domain}},
		{"a domain", "gatehouse.yaml", "api.example.com", "www.example.com", []string{
			"RouteConfiguration host/api.example.com", "RouteConfiguration host/www.example.com",
			"ScopedRouteConfiguration scope/api.example.com", "ScopedRouteConfiguration scope/www.example.com",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"gatehouse.yaml": twoAPIs, "pets.openapi.yaml": oneRoute, "shop.openapi.yaml": oneRoute}
			loader := definition.NewLoader(definition.Options{ReadFile: func(name string) ([]byte, error) {
				text, ok := files[name]
				if !ok {
					return nil, os.ErrNotExist
				}
				return []byte(text), nil
			}})
			tr := translator.New()
			read := func() *translator.Output {
				return mustTranslate(t, tr, loader.Load(t.Context(), []string{"gatehouse.yaml"}))
			}
			before := read()
			if !strings.Contains(files[c.file], c.from) {
				t.Fatalf("%q is not in %s", c.from, c.file)
			}
			files[c.file] = strings.Replace(files[c.file], c.from, c.to, 1)
			after := read()
			if got := changes(before, after); !slices.Equal(got, c.changed) {
				t.Errorf("changed %q, want %q", got, c.changed)
			}
			wantAsAfresh(t, loader, after)
		})
	}
}

// wantAsAfresh holds what a translator that has followed edits gives against what a new one
// does.
func wantAsAfresh(t *testing.T, loader *definition.Loader, after *translator.Output) {
	t.Helper()
	fresh := identities(mustTranslate(t, translator.New(), loader.Load(t.Context(), []string{"gatehouse.yaml"})))
	if len(fresh) != len(identities(after)) {
		t.Errorf("%d resources, afresh %d", len(identities(after)), len(fresh))
		return
	}
	for name, m := range identities(after) {
		if !proto.Equal(m, fresh[name]) {
			t.Errorf("%s is not what it would be afresh", name)
		}
	}
}

// TestOptionsOfGateways follows a translator through edits of a gateway that routes depend on.
func TestOptionsOfGateways(t *testing.T) {
	const plain = "{port: 8080}]"
	for _, option := range []string{
		"{port: 8080, sourceVpc: vpc-1}]",
		plain + ", accessLog: {path: /dev/stdout}",
		plain + ", telemetry: true",
		plain + ", limitHeaders: [retry-after]",
		plain + `, tracing: {otlp: {endpoints: ["127.0.0.1:4317"], plaintext: true}}`,
		plain + `, services: {integration: "127.0.0.1:9102", ratelimit: "127.0.0.1:9103", authorization: "127.0.0.1:9104"}`,
	} {
		t.Run(option, func(t *testing.T) {
			gatehouse := ""
			loader := definition.NewLoader(definition.Options{ReadFile: func(name string) ([]byte, error) {
				if name == "gatehouse.yaml" {
					return []byte(gatehouse), nil
				}
				return []byte(optionalRoutes), nil
			}})
			tr := translator.New()
			for _, with := range []string{plain, option, plain} {
				gatehouse = "gateways: [{name: edge, listeners: [" + with + "}]\n" + optionalStage
				wantAsAfresh(t, loader, mustTranslate(t, tr, loader.Load(t.Context(), []string{"gatehouse.yaml"})))
			}
		})
	}
}

const optionalStage = `
apis: [{name: pets, protocol: REST, definition: pets.openapi.yaml, stages: [{name: v1, tracing: {sampling: 1}}]}]
functions: [{name: f, url: "http://127.0.0.1:9101/"}]
apiKeys: [{name: acme, value: "0123456789-0123456789"}]
usagePlans:
  - {name: gold, keys: [acme], stages: [pets/v1], throttle: {rate: 10, scope: shared}, quota: {limit: 5, period: DAY}}
`

const optionalRoutes = `
openapi: 3.0.1
info: {title: pets, version: "1"}
paths:
  /pets:
    get:
      security: [{api_key: []}]
      x-amazon-apigateway-integration: {type: aws_proxy, httpMethod: POST, uri: "arn:aws:lambda:eu-west-1:000000000000:function:f"}
components:
  securitySchemes: {api_key: {type: apiKey, name: x-api-key, in: header}}
`

const limitedAPIs = `
account: {throttle: {rate: 1000}}
apiKeys: [{name: acme, value: "0123456789-0123456789"}, {name: bolt, value: "9876543210-9876543210"}]
usagePlans:
  - {name: gold, keys: [acme], stages: [pets/v1], throttle: {rate: 10}}
  - {name: tin, keys: [bolt], stages: [shop/v1], throttle: {rate: 5}}
apis:
  - {name: pets, definition: keyed.openapi.yaml, backend: "http://127.0.0.1:9101", stages: [{name: v1, throttle: {rate: 100}}]}
  - {name: shop, definition: keyed.openapi.yaml, backend: "http://127.0.0.1:9101", stages: [{name: v1, throttle: {rate: 100}}]}
`

const keyedRoute = `
openapi: 3.0.1
info: {title: keyed, version: "1"}
paths:
  /pets: {get: {security: [{api_key: []}]}}
components:
  securitySchemes: {api_key: {type: apiKey, name: x-api-key, in: header}}
`

// TestThrottlesThatStay: a filter that changes forgets its buckets, so that it must not
// when nothing of its limits has changed.
func TestThrottlesThatStay(t *testing.T) {
	const pets, shop = "RouteConfiguration host/pets.execute-api.localhost", "RouteConfiguration host/shop.execute-api.localhost"
	const keys, plans, stages = "TypedExtensionConfig gw.keys", "TypedExtensionConfig gw.throttle.plans", "TypedExtensionConfig gw.throttle.stages"
	for _, c := range []struct {
		name, from, to string
		changed        []string
	}{
		{"the account's rate", "rate: 1000", "rate: 2000", []string{stages}},
		{"another limit of the account: none", "rate: 1000", "rate: 0", []string{pets, shop, stages}},
		{"a plan's rate", "rate: 10}", "rate: 11}", []string{pets, plans}},
		{"a plan's rate to one that is there, leaving none behind", "rate: 10}", "rate: 5}", []string{pets, plans}},
		{"a stage's rate", "rate: 100}", "rate: 101}", []string{pets, stages}},
		{"another key", "apiKeys: [", "apiKeys: [{name: coal, value: 5555555555-5555555555}, ", nil},
		{"another key of a plan", "keys: [acme]", "keys: [acme, bolt]", []string{keys}},
		{"a plan without limits", "usagePlans:", "usagePlans:\n  - {name: free, stages: [pets/v1]}", []string{pets}},
		{"a plan with limits", "usagePlans:", "usagePlans:\n  - {name: new, stages: [pets/v1], throttle: {rate: 5}}", []string{pets}},
		{"a plan with limits of a route", "usagePlans:", "usagePlans:\n  - {name: new, stages: [{stage: pets/v1, routes: {GET /pets: {throttle: {rate: 5}}}}]}", []string{pets, plans}},
		{"another plan with the limit of one that has a key in common", "usagePlans:", "usagePlans:\n  - {name: new, stages: [shop/v1], keys: [acme], throttle: {rate: 10}}", []string{pets, shop, keys, plans}},
		{"a name for people", "name: shop,", "name: shop, description: here,", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"gatehouse.yaml": limitedAPIs, "keyed.openapi.yaml": keyedRoute}
			loader := definition.NewLoader(definition.Options{ReadFile: func(name string) ([]byte, error) { return []byte(files[name]), nil }})
			tr := translator.New()
			before := mustTranslate(t, tr, loader.Load(t.Context(), []string{"gatehouse.yaml"}))
			if !strings.Contains(limitedAPIs, c.from) {
				t.Fatalf("%q is not there", c.from)
			}
			files["gatehouse.yaml"] = strings.Replace(limitedAPIs, c.from, c.to, 1)
			after := mustTranslate(t, tr, loader.Load(t.Context(), []string{"gatehouse.yaml"}))
			if got := changes(before, after); !slices.Equal(got, c.changed) {
				t.Errorf("changed %q, want %q", got, c.changed)
			}
		})
	}
}

// TestRefusedChangesAreForgotten: what could not be translated is not what the next
// translation builds upon, and sources follow lines that have moved.
func TestRefusedChangesAreForgotten(t *testing.T) {
	good := func() *gateway.Snapshot { return load(t, "testdata/rest-plain.in.yaml").Snapshot }
	tr := translator.New()
	first, diags := tr.Translate(good())
	if first == nil {
		t.Fatal(diags)
	}
	bad := good()
	bad.APIs = append(bad.APIs, gateway.API{ID: "none", Name: "none", Protocol: gateway.REST, Stages: []gateway.Stage{{
		Name: "v1", Deployment: &gateway.Deployment{Routes: []gateway.Route{{Method: "GET", Path: "/"}}},
	}}})
	if out, diags := tr.Translate(bad.Seal()); out != nil || !diags.HasErrors() {
		t.Fatalf("a route without an integration was taken: %v", diags)
	}
	moved := good()
	moved.APIs[0].Source.Line += 7
	second, diags := tr.Translate(moved.Seal())
	if second == nil {
		t.Fatal(diags)
	}
	if got := changes(first, second); got != nil {
		t.Errorf("after a refused change, %v are new", got)
	}
	const host = "host/shop.execute-api.localhost"
	if got := second.Source(shownTypes["routes"], host); got != moved.APIs[0].Source {
		t.Errorf("the source of %s is %v, want %v", host, got, moved.APIs[0].Source)
	}
}

func mustTranslate(t *testing.T, tr *translator.Translator, loaded definition.Result) *translator.Output {
	t.Helper()
	if loaded.Snapshot == nil {
		t.Fatal(loaded.Diagnostics)
	}
	out, diags := tr.Translate(loaded.Snapshot)
	if out == nil {
		t.Fatal(diags)
	}
	return out
}

// identities are the resources of all gateways by short type and name.
func identities(out *translator.Output) map[string]proto.Message {
	all := map[string]proto.Message{}
	for gatewayName, types := range out.Gateways {
		for typeURL, named := range types {
			short := typeURL[strings.LastIndexByte(typeURL, '.')+1:]
			for name, m := range named {
				key := short + " " + name
				if len(out.Gateways) > 1 {
					key = fmt.Sprintf("%s (%s)", key, gatewayName)
				}
				all[key] = m
			}
		}
	}
	return all
}

// changes lists the resources that are not the same messages before and after.
func changes(before, after *translator.Output) []string {
	old, current := identities(before), identities(after)
	var changed []string
	for name, m := range current {
		if old[name] != m {
			changed = append(changed, name)
		}
	}
	for name := range old {
		if current[name] == nil {
			changed = append(changed, name)
		}
	}
	for i, name := range changed {
		changed[i] = digest.ReplaceAllString(name, "#")
	}
	slices.Sort(changed)
	return slices.Compact(changed)
}

// digest is what a name ends with that tells of the cluster the endpoints are for.
var digest = regexp.MustCompile("#[0-9a-f]{16}$")

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

package translator_test

import (
	"os"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"gatehouse/definition"
	"gatehouse/internal/wire"
	"gatehouse/translator"
)

const toldGateway = `
apiKeys: [{name: acme, value: "0123456789-key-of-acme"}]
usagePlans: [{name: gold, stages: [shop/v1], keys: [acme]}]
apis:
  - {name: shop, definition: rest.openapi.yaml, stages: [{name: v1}]}
  - {name: web, protocol: HTTP, definition: http.openapi.yaml, stages: [{name: $default}]}
domains:
  - {name: api.example.com, mappings: [{path: old, stage: shop/v1}]}
  - {name: "*.example.com", mappings: [{path: "", stage: shop/v1}]}
`

const toldREST = `
openapi: 3.0.1
info: {title: shop, version: "1"}
paths:
  /pets: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:9/a"}}}
  /pets/{id}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:9/{id}", requestParameters: {integration.request.path.id: method.request.path.id}}}}
  /v1/{proxy+}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:9/v1/v1/{proxy}", requestParameters: {integration.request.path.proxy: method.request.path.proxy}}}}
  /posted: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "http://127.0.0.1:9/a"}}}
  /all: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "http://127.0.0.1:9/a"}}}
  /all/posted: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: POST, uri: "http://127.0.0.1:9/a"}}}
  /agent: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:9/a", requestParameters: {integration.request.header.User-Agent: "'me'"}}}}
  /plain: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: http, httpMethod: GET, uri: "http://127.0.0.1:9/a", responses: {default: {statusCode: "200"}}}}}
  /mock/{id}: {get: {responses: {"200": {description: ok}}, x-amazon-apigateway-integration: {type: mock, requestTemplates: {application/json: '{"statusCode": 200}'}, responses: {default: {statusCode: "200"}}}}}
  /keyed: {get: {security: [{key: []}], x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: "http://127.0.0.1:9/a"}}}
components: {securitySchemes: {key: {type: apiKey, name: x-api-key, in: header}}}
`

const toldHTTP = `
openapi: 3.0.1
info: {title: web, version: "1"}
paths:
  $default: {x-amazon-apigateway-any-method: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, payloadFormatVersion: "1.0", uri: "http://127.0.0.1:9"}}}
  /same/{a}/{rest+}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "http://127.0.0.1:9/same/{a}/{rest}"}}}
  /turned/{a}/{b}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "http://127.0.0.1:9/turned/{b}/{a}"}}}
  /path: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "http://127.0.0.1:9/a", requestParameters: {overwrite:path: /b}}}}
  /path/{id}: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "http://127.0.0.1:9/path/{id}", requestParameters: {overwrite:path: /b}}}}
  /agent: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: "1.0", uri: "http://127.0.0.1:9/agent", requestParameters: {remove:header.user-agent: ''}}}}
`

// TestToldByRoutes holds for which routes Envoy keeps nothing of what is asked, and what those
// say of it.
func TestToldByRoutes(t *testing.T) {
	const kept = "is kept"
	const shop, web = "shop.execute-api.localhost", "web.execute-api.localhost"
	cases := map[string]map[string]string{
		shop: {
			"GET /pets": "GET " + shop + " /v1/pets", "GET /pets/{id}": kept, "GET /v1/{proxy+}": "GET " + shop + " ",
			"GET /posted": "GET " + shop + " /v1/posted", "ANY /all": " " + shop + " /v1/all", "ANY /all/posted": kept,
			"GET /agent": kept, "GET /plain": kept, "GET /mock/{id}": "GET " + shop + " ", "GET /keyed": kept, "no route": kept,
		},
		"api.example.com": {"GET /pets": "GET api.example.com /old/pets", "GET /pets/{id}": kept},
		"*.example.com":   {"GET /pets": kept, "GET /mock/{id}": kept},
		web: {
			"$default": " " + web + " ", "GET /same/{a}/{rest+}": "GET " + web + " ", "GET /turned/{a}/{b}": kept,
			"GET /path": "GET " + web + " /path", "GET /path/{id}": kept, "GET /agent": kept,
		},
	}
	files := map[string]string{"rest.openapi.yaml": toldREST, "http.openapi.yaml": toldHTTP}
	translated := func(gateways string) *translator.Output {
		files["gatehouse.yaml"] = gateways + toldGateway
		loader := definition.NewLoader(definition.Options{ReadFile: func(name string) ([]byte, error) {
			text, ok := files[name]
			if !ok {
				return nil, os.ErrNotExist
			}
			return []byte(text), nil
		}})
		return mustTranslate(t, translator.New(), loader.Load(t.Context(), []string{"gatehouse.yaml"}))
	}
	check := func(t *testing.T, out *translator.Output, want func(host, name string) string) {
		hosts := map[string]*routev3.VirtualHost{}
		for _, m := range identities(out) {
			if config, ok := m.(*routev3.RouteConfiguration); ok {
				for _, vh := range config.VirtualHosts {
					hosts[vh.Name] = vh
				}
			}
		}
		for host, names := range cases {
			for name := range names {
				routes := routesNamed(t, &routev3.RouteConfiguration{VirtualHosts: []*routev3.VirtualHost{hosts[host]}}, name)
				if len(routes) == 0 {
					t.Fatalf("%s has no route %s", host, name)
				}
				for _, r := range routes {
					asked := wire.ParseLoggedRoute(r.Name).Asked
					told := kept
					if asked.Host != "" {
						told = asked.Method + " " + asked.Host + " " + asked.Path
					}
					// The same with a slash at the end.
					if wanted := want(host, name); told != wanted && told != wanted+"/" {
						t.Errorf("%s: what %s asks %q, want %q", host, name, told, wanted)
					}
					if off := switchesOff(t, hosts[host], r, "gw.asked"); off != (told != kept) {
						t.Errorf("%s: %s switches the filter off: %v", host, name, off)
					}
				}
			}
		}
	}
	edge := "gateways: [{name: edge, telemetry: true, listeners: [{port: 8080}]}]\n"
	check(t, translated(edge), func(host, name string) string { return cases[host][name] })
	t.Run("a log of Envoy's own reads the filter", func(t *testing.T) {
		logs := "gateways: [{name: edge, telemetry: true, accessLog: {path: /dev/stdout}, listeners: [{port: 8080}]}]\n"
		check(t, translated(logs), func(string, string) string { return kept })
	})
}

// switchesOff reports whether a route has a filter not run, by itself or by its host.
func switchesOff(t *testing.T, host *routev3.VirtualHost, route *routev3.Route, filter string) bool {
	t.Helper()
	for _, configs := range []map[string]*anypb.Any{route.TypedPerFilterConfig, host.TypedPerFilterConfig} {
		if configs[filter] == nil {
			continue
		}
		config := &routev3.FilterConfig{}
		if err := configs[filter].UnmarshalTo(config); err != nil {
			t.Fatal(err)
		}
		return config.Disabled
	}
	return false
}

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/internal/proctest"
	"gatehouse/internal/redistest"
)

// ownEnvoy is what somebody starts an Envoy with who knows nothing of Gatehouse: its
// rate limits are where another service was before. In order: the listener's port, and
// the ports of the backend and of the rate limit service.
const ownEnvoy = `
static_resources:
  listeners:
    - address: {socket_address: {address: 127.0.0.1, port_value: %d}}
      filter_chains:
        - filters:
            - name: hcm
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: own
                http_filters:
                  - name: envoy.filters.http.ratelimit
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit
                      domain: shop
                      failure_mode_deny: true
                      timeout: 5s
                      enable_x_ratelimit_headers: DRAFT_VERSION_03
                      rate_limit_service:
                        transport_api_version: V3
                        grpc_service: {envoy_grpc: {cluster_name: ratelimit}}
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
                route_config:
                  virtual_hosts:
                    - name: shop
                      domains: ["*"]
                      response_headers_to_add:
                        - header: {key: x-would-refuse, value: "%%DYNAMIC_METADATA(envoy.filters.http.ratelimit:quotaModeViolations)%%"}
                      routes:
                        - match: {prefix: /thrice}
                          route: {cluster: backend}
                          typed_per_filter_config:
                            envoy.filters.http.ratelimit:
                              "@type": type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute
                              rate_limits:
                                - actions: [{request_headers: {header_name: x-user, descriptor_key: user}}]
                                  hits_addend: {number: 3}
                        - match: {prefix: /bytes}
                          route: {cluster: backend}
                          typed_per_filter_config:
                            envoy.filters.http.ratelimit:
                              "@type": type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute
                              rate_limits:
                                - actions: [{request_headers: {header_name: x-user, descriptor_key: bytes}}]
                                  hits_addend: {number: 0}
                                - actions: [{request_headers: {header_name: x-user, descriptor_key: bytes}}]
                                  hits_addend: {format: "%%BYTES_SENT%%"}
                                  apply_on_stream_done: true
                        - match: {prefix: /}
                          route:
                            cluster: backend
                            rate_limits:
                              - actions: [{request_headers: {header_name: x-user, descriptor_key: user}}]
                              - actions:
                                  - generic_key: {descriptor_key: api, descriptor_value: pets}
                                  - request_headers: {header_name: ":path", descriptor_key: path}
                              - actions: [{request_headers: {header_name: x-special, descriptor_key: special}}]
  clusters:
    - name: backend
      load_assignment:
        cluster_name: backend
        endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}}]}]
    - name: ratelimit
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {http2_protocol_options: {}}
      load_assignment:
        cluster_name: ratelimit
        endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: %d}}}}]}]
`

const shopFile = `domain: shop
descriptors:
  - key: user
    rate_limit: {unit: year, requests_per_unit: 4, name: each}
  - key: user
    value: staff-*
    rate_limit: {unlimited: true}
  - key: bytes
    rate_limit: {unit: year, requests_per_unit: 25}
  - key: special
    value: instead
    rate_limit: {unit: year, requests_per_unit: 1, replaces: [{name: each}]}
  - key: special
    value: watched
    quota_mode: true
    rate_limit: {unit: year, requests_per_unit: 0}
  - key: special
    value: shadowed
    shadow_mode: true
    rate_limit: {unit: year, requests_per_unit: 0}
  - key: api
    value: pets
    descriptors:
      - key: path
        value: /rare/*
        share_threshold: true
        rate_limit: {unit: year, requests_per_unit: 1}
`

// ownEnvoyAt is such an Envoy beside 'gatehouse serve --roles ratelimit'.
type ownEnvoyAt struct {
	t         *testing.T
	port      int
	gatehouse *proctest.Process
	file      string
}

func startOwnEnvoy(t *testing.T, flags ...string) *ownEnvoyAt {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "0123456789") }))
	t.Cleanup(backend.Close)
	_, backendPort, _ := strings.Cut(strings.TrimPrefix(backend.URL, "http://"), ":")
	o := &ownEnvoyAt{t: t, port: proctest.FreePort(t), file: filepath.Join(t.TempDir(), "shop.yaml")}
	o.write(shopFile)
	service := proctest.FreePort(t)
	args := append([]string{"serve", "--roles", "ratelimit", "--ratelimit-config", filepath.Dir(o.file), "--ratelimit-headers", "RateLimit",
		"--xds-address", fmt.Sprintf("127.0.0.1:%d", service), "--http-address", "127.0.0.1:0", "--data-dir", t.TempDir()}, flags...)
	cmd := exec.Command(proctest.Gatehouse(t), args...)
	cmd.Dir = t.TempDir()
	o.gatehouse = proctest.Start(t, cmd)
	o.gatehouse.AwaitOutput("msg=serving")
	at, err := strconv.Atoi(backendPort)
	if err != nil {
		t.Fatal(err)
	}
	bootstrap := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(bootstrap, fmt.Appendf(nil, ownEnvoy, o.port, at, service), 0o600); err != nil {
		t.Fatal(err)
	}
	envoy := proctest.Start(t, exec.Command(envoytest.Binary(t), "-c", bootstrap, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"))
	envoy.Await(http.DefaultClient, fmt.Sprintf("http://127.0.0.1:%d/", o.port))
	return o
}

func (o *ownEnvoyAt) write(text string) {
	o.t.Helper()
	if err := os.WriteFile(o.file, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

// ask makes a request with headers, names and values in turn.
func (o *ownEnvoyAt) ask(path string, headers ...string) *http.Response {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), "GET", fmt.Sprintf("http://127.0.0.1:%d%s", o.port, path), nil)
	if err != nil {
		o.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		o.t.Fatal(err)
	}
	return resp
}

// want asks as often as there are codes.
func (o *ownEnvoyAt) want(what string, codes []int, path string, headers ...string) {
	o.t.Helper()
	for i, want := range codes {
		if got := o.ask(path, headers...).StatusCode; got != want {
			o.t.Errorf("%s: request %d has status %d, want %d", what, i+1, got, want)
		}
	}
}

// TestOwnEnvoy holds what an Envoy that is not Gatehouse's gets by a file of the
// reference rate limit service.
func TestOwnEnvoy(t *testing.T) {
	for _, store := range []string{"memory", "redis"} {
		t.Run(store, func(t *testing.T) {
			var flags []string
			var redis *redistest.Server
			if store == "redis" {
				redis = redistest.Start(t)
				flags = []string{"--redis-url", redis.URL()}
			}
			o := startOwnEnvoy(t, flags...)

			o.want("a limit", []int{200, 200, 200, 200, 429, 429}, "/", "x-user", "ann")
			o.want("another value", []int{200}, "/", "x-user", "bob")
			o.want("unlimited", []int{200, 200, 200, 200, 200, 200}, "/", "x-user", "staff-1")
			o.want("no header, no descriptor", []int{200, 200, 200, 200, 200, 200}, "/")
			o.want("hits of a route", []int{200, 429, 429}, "/thrice", "x-user", "cid")
			o.want("replaced", []int{200, 429}, "/", "x-user", "ann", "x-special", "instead")
			o.want("shadow mode", []int{200, 200}, "/", "x-special", "shadowed")
			o.want("shared by what is below", []int{200}, "/rare/a")
			o.want("shared by what is below", []int{429}, "/rare/b")

			r := o.ask("/", "x-user", "dan")
			for name, want := range map[string]string{"Ratelimit-Limit": "4", "Ratelimit-Remaining": "3", "X-Ratelimit-Limit": "4, 4;w=31536000;name=\"each\"", "X-Ratelimit-Remaining": "3"} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if left, err := strconv.Atoi(r.Header.Get("Ratelimit-Reset")); err != nil || left < 1 || left > 31536000 || r.Header.Get("X-Ratelimit-Reset") != r.Header.Get("Ratelimit-Reset") {
				t.Errorf("%q, %q until the limit begins anew", r.Header.Get("Ratelimit-Reset"), r.Header.Get("X-Ratelimit-Reset"))
			}
			r = o.ask("/", "x-special", "watched")
			if got := r.Header.Get("x-would-refuse"); r.StatusCode != 200 || got != "[1]" {
				t.Errorf("quota mode: status %d, violations %q", r.StatusCode, got)
			}

			// Ten bytes each are counted when they have been sent; only then it is known.
			allowed := 0
			for ; allowed < 10 && o.ask("/bytes", "x-user", "ann").StatusCode == 200; allowed++ {
				time.Sleep(50 * time.Millisecond)
			}
			if allowed != 3 {
				t.Errorf("%d answers of ten bytes get through a limit of 25 bytes, want 3: the one that goes beyond is the last", allowed)
			}

			// An edit holds at once, with what was counted; a bad one does not.
			o.write(strings.Replace(shopFile, "requests_per_unit: 4, name: each", "requests_per_unit: 9, name: each", 1))
			o.gatehouse.Until("the edit is in force", func() bool { return o.ask("/", "x-user", "eve").Header.Get("Ratelimit-Limit") == "9" }, nil)
			if got := o.ask("/", "x-user", "dan").Header.Get("Ratelimit-Remaining"); got != "7" {
				t.Errorf("after the edit %s remain, want 7", got)
			}
			o.write(strings.Replace(shopFile, "unit: year", "unit: yaer", 1))
			o.gatehouse.AwaitOutput("shop.yaml:4:24: error unknown-value")
			if got := o.ask("/", "x-user", "dan").Header.Get("Ratelimit-Limit"); got != "9" {
				t.Errorf("after a bad edit the limit is %s", got)
			}

			if redis == nil {
				return
			}
			// Without Redis limits hold on, from what was known last.
			redis.Kill()
			o.want("Redis is gone", []int{200, 200, 200, 200, 200, 200, 200, 200, 200, 429}, "/", "x-user", "fay")
			o.want("Redis is gone", []int{200, 200, 200, 200, 200, 200, 429}, "/", "x-user", "dan")
		})
	}
}

// TestFailureModesOfFiles holds that the mode of a file's domain decides while Redis is
// gone, and what it let through is counted when Redis is back.
func TestFailureModesOfFiles(t *testing.T) {
	for _, c := range []struct {
		flag    string
		gone    int
		counted bool
	}{
		{"open", 200, true},
		{"closed", 429, false},
		// That of the domain goes before that of all others.
		{"open,shop=closed", 429, false},
		{"closed,other=closed,shop=open", 200, true},
	} {
		// Its folder is named like the test, and commas are between paths.
		t.Run(strings.ReplaceAll(c.flag, ",", " "), func(t *testing.T) {
			redis := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
			o := startOwnEnvoy(t, "--redis-url", redis.URL(), "--ratelimit-failure-mode", c.flag)
			// The first question waits for a connection, too, which a closed limit may not.
			o.gatehouse.Until("Redis is asked", func() bool { return o.ask("/", "x-user", "first").StatusCode == 200 }, nil)
			o.want("Redis answers", []int{200, 200}, "/", "x-user", "ann")
			redis.Kill()
			o.want("Redis is gone", []int{c.gone, c.gone, c.gone, c.gone, c.gone, c.gone}, "/", "x-user", "ann")
			o.want("unlimited", []int{200, 200}, "/", "x-user", "staff-1")
			o.want("shadow mode", []int{200, 200}, "/", "x-special", "shadowed")
			redis.Run()
			// Four are let through in all. Those of an open limit are in the count afterwards,
			// those of a closed one have been refused.
			if c.counted {
				o.gatehouse.Until("what went on is counted", func() bool { return o.ask("/", "x-user", "ann").StatusCode == 429 }, nil)
				return
			}
			o.gatehouse.Until("Redis is asked again", func() bool { return o.ask("/", "x-user", "ann").StatusCode == 200 }, nil)
			// One was left then, if none was counted whose answer came too late.
			more := 0
			for range 3 {
				if o.ask("/", "x-user", "ann").StatusCode == 200 {
					more++
				}
			}
			if more > 1 {
				t.Errorf("%d requests more got through than were left", more)
			}
		})
	}
}

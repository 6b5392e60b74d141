package native

import (
	"math"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

func parseBackend(v source.Value) gateway.Backend {
	o := v.Object()
	b := gateway.Backend{
		Name:                 o.RequireText("name"),
		Hosts:                parseHosts(o.Get("hosts")),
		Protocol:             o.Get("protocol").OneOf("HTTP1", "HTTP2", "AUTO"),
		LoadBalancing:        loadBalancing[o.Get("loadBalancing").OneOf("roundRobin", "leastRequest", "random", "ringHash")],
		Retry:                parseRetry(o.Get("retry")),
		MaxConnections:       uint32(o.Get("maxConnections").Int(0, 1, math.MaxUint32)),
		MaxPendingRequests:   uint32(o.Get("maxPendingRequests").Int(0, 1, math.MaxUint32)),
		MaxRequests:          uint32(o.Get("maxRequests").Int(0, 1, math.MaxUint32)),
		ConnectTimeoutMillis: o.Get("connectTimeout").Millis(0, time.Millisecond),
		Source:               v.Pos(),
	}
	endpoints := o.Require("endpoints")
	for _, e := range endpoints.List() {
		b.Endpoints = append(b.Endpoints, parseEndpoint(e))
	}
	if endpoints.IsList() && len(b.Endpoints) == 0 {
		endpoints.Errorf("empty-list", "", "the backend has no endpoints")
	}
	if t := o.Get("tls"); t.Exists() {
		b.TLS = parseBackendTLS(t)
	}
	if h := o.Get("healthCheck"); h.Exists() {
		b.HealthCheck = parseHealthCheck(h)
	}
	o.Done()
	return b
}

var loadBalancing = map[string]string{
	"": "", "roundRobin": "ROUND_ROBIN", "leastRequest": "LEAST_REQUEST", "random": "RANDOM", "ringHash": "RING_HASH",
}

// parseEndpoint reads "host:port" or {address: "host:port", weight: n}.
func parseEndpoint(v source.Value) gateway.Endpoint {
	e := gateway.Endpoint{Source: v.Pos()}
	address := v
	if v.IsObject() {
		o := v.Object()
		address = o.Require("address")
		e.Weight = uint32(o.Get("weight").Int(0, 1, 128))
		o.Done()
	}
	if address.IsNull() && v.IsObject() {
		return e
	}
	text := address.NonEmpty()
	if text == "" {
		return e
	}
	host, port, err := net.SplitHostPort(text)
	n, convErr := strconv.ParseUint(port, 10, 16)
	if err != nil || convErr != nil || n == 0 || !isHost(host) {
		address.Errorf("invalid-address", "write host:port, such as 10.0.0.2:8080", "%s is not an address", address.Shown())
		return e
	}
	e.Host, e.Port = host, uint32(n)
	return e
}

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

// isHost tells IP addresses and names that DNS may have.
func isHost(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Zone() == ""
	}
	return len(host) <= 255 && hostPattern.MatchString(host) && !numericHost.MatchString(host)
}

// numericHost is what looks like an IP address but is none.
var numericHost = regexp.MustCompile(`^[0-9.]+$`)

// parseHosts reads the authorities of URIs that mean a backend: host[:port].
func parseHosts(v source.Value) []string {
	var out []string
	for _, item := range v.List() {
		text := strings.ToLower(item.NonEmpty())
		if text == "" {
			continue
		}
		host, port, err := net.SplitHostPort(text)
		if err != nil {
			host, port = strings.Trim(text, "[]"), "80"
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || !isHost(host) {
			item.Errorf("invalid-address", "write host or host:port, as in the URIs of integrations", "%s is not the host of a URI", item.Shown())
			continue
		}
		out = append(out, text)
	}
	return out
}

func parseBackendTLS(v source.Value) *gateway.BackendTLS {
	o := v.Object()
	t := &gateway.BackendTLS{
		ServerName:               o.Get("serverName").Text(),
		CA:                       pemOf(o.Get("ca")),
		Certificate:              pemOf(o.Get("certificate")),
		Key:                      gateway.Secret(pemOf(o.Get("key"))),
		InsecureSkipVerification: o.Get("insecureSkipVerification").Bool(false),
		Source:                   v.Pos(),
	}
	if o.Get("certificate").IsNull() != o.Get("key").IsNull() {
		v.Errorf("missing-key", "", "certificate and key belong together; one is missing")
	}
	o.Done()
	return t
}

func parseHealthCheck(v source.Value) *gateway.HealthCheck {
	o := v.Object()
	h := &gateway.HealthCheck{
		Path:               o.RequireText("path"),
		IntervalMillis:     o.Get("interval").Millis(0, time.Millisecond),
		TimeoutMillis:      o.Get("timeout").Millis(0, time.Millisecond),
		HealthyThreshold:   uint32(o.Get("healthyThreshold").Int(0, 1, 100)),
		UnhealthyThreshold: uint32(o.Get("unhealthyThreshold").Int(0, 1, 100)),
	}
	if h.Path != "" && !strings.HasPrefix(h.Path, "/") {
		o.Get("path").Errorf("invalid-path", "", "the path of a health check must begin with a slash")
	}
	o.Done()
	return h
}

func parseRetry(v source.Value) *gateway.Retry {
	if v.IsNull() {
		return nil
	}
	o := v.Object()
	r := &gateway.Retry{
		Attempts:            uint32(o.Require("attempts").Int(0, 0, 10)),
		On:                  o.Get("on").Text(),
		PerTryTimeoutMillis: o.Get("perTryTimeout").Millis(0, time.Millisecond),
	}
	for _, condition := range strings.Split(r.On, ",") {
		if c := strings.TrimSpace(condition); r.On != "" && !retryConditions[c] {
			o.Get("on").Errorf("unknown-value", "see retry_on in Envoy's documentation of its router filter", "%q is not a retry condition", c)
		}
	}
	o.Done()
	return r
}

// retryConditions are Envoy's, HTTP and gRPC.
// See https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_filters/router_filter
var retryConditions = map[string]bool{
	"5xx": true, "gateway-error": true, "reset": true, "reset-before-request": true, "connect-failure": true,
	"envoy-ratelimited": true, "retriable-4xx": true, "refused-stream": true, "retriable-status-codes": true,
	"retriable-headers": true, "http3-post-connect-failure": true, "cancelled": true, "deadline-exceeded": true,
	"internal": true, "resource-exhausted": true, "unavailable": true,
}

package native

import (
	"net"
	"strconv"
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

func parseBackend(v source.Value) gateway.Backend {
	o := v.Object()
	b := gateway.Backend{
		Name:                 o.Require("name").Text(),
		Hosts:                o.Get("hosts").Texts(),
		Protocol:             o.Get("protocol").OneOf("HTTP1", "HTTP2", "AUTO"),
		LoadBalancing:        loadBalancing[o.Get("loadBalancing").OneOf("roundRobin", "leastRequest", "random", "ringHash")],
		Retry:                parseRetry(o.Get("retry")),
		MaxConnections:       uint32(o.Get("maxConnections").Int(0, 0, 1<<31)),
		MaxPendingRequests:   uint32(o.Get("maxPendingRequests").Int(0, 0, 1<<31)),
		MaxRequests:          uint32(o.Get("maxRequests").Int(0, 0, 1<<31)),
		ConnectTimeoutMillis: o.Get("connectTimeout").Millis(0),
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
	text := address.Text()
	if text == "" {
		return e
	}
	host, port, err := net.SplitHostPort(text)
	n, convErr := strconv.ParseUint(port, 10, 16)
	if err != nil || convErr != nil || host == "" || n == 0 || strings.ContainsAny(host, "/@ ") {
		address.Errorf("invalid-address", "write host:port, such as 10.0.0.2:8080", "%q is not an address", text)
		return e
	}
	e.Host, e.Port = host, uint32(n)
	return e
}

func parseBackendTLS(v source.Value) *gateway.BackendTLS {
	o := v.Object()
	t := &gateway.BackendTLS{
		ServerName:               o.Get("serverName").Text(),
		CA:                       pemOf(o.Get("ca")),
		Certificate:              pemOf(o.Get("certificate")),
		Key:                      gateway.Secret(pemOf(o.Get("key"))),
		InsecureSkipVerification: o.Get("insecureSkipVerification").Bool(false),
	}
	if (t.Certificate == "") != (t.Key == "") {
		v.Errorf("missing-key", "", "certificate and key belong together; one is missing")
	}
	o.Done()
	return t
}

func parseHealthCheck(v source.Value) *gateway.HealthCheck {
	o := v.Object()
	h := &gateway.HealthCheck{
		Path:               o.Require("path").Text(),
		IntervalMillis:     o.Get("interval").Millis(0),
		TimeoutMillis:      o.Get("timeout").Millis(0),
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
		PerTryTimeoutMillis: o.Get("perTryTimeout").Millis(0),
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

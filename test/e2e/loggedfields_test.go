package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/gateway"
	"gatehouse/internal/scripttest"
)

// TestLoggedFieldsStandAlone holds that nothing of what clients and backends send gets from
// one field of what Envoy tells about a request into another, whatever bytes it is of.
func TestLoggedFieldsStandAlone(t *testing.T) {
	const forged = "forged"
	// What would be lines of their own, if a line could be ended.
	var ends []string
	for _, end := range []string{"\n", "\r", "\r\n ", "\x00", "\x01", "\v", "\f", "\x1f", "\u0085", "\u2028", "\xff\xfe", "\t", `\n`, "%0A"} {
		ends = append(ends, "a"+strings.Repeat(end+forged, 40))
	}
	var routes strings.Builder
	for i, text := range ends {
		backend := scripttest.Server(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nX-Amz-Id-2: "+text+"\r\nx-amzn-errortype: "+text+"\r\n\r\nok", true)
		fmt.Fprintf(&routes, "  /b%d: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: \"1.0\", uri: %q}}}\n", i, backend+"/")
	}
	good := scripttest.Server(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", true)
	fmt.Fprintf(&routes, "  /good: {get: {x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, payloadFormatVersion: \"1.0\", uri: %q}}}\n", good+"/")
	s := snapshotOf(gateway.API{ID: "shop", Protocol: gateway.HTTP, Stages: []gateway.Stage{{
		Name:       gateway.DefaultStage,
		Deployment: deploy(t, gateway.HTTP, "openapi: 3.0.1\ninfo: {title: shop, version: \"1\"}\npaths:\n"+routes.String(), good),
		AccessLog: &gateway.StageAccessLog{
			Format:      jsonFormat("requestId", "httpMethod", "protocol", "identity.sourceIp", "status", "routeKey", "domainName", "identity.userAgent", "awsEndpointRequestId2"),
			Destination: gateway.DestinationStdout,
		},
	}}})
	s.Gateways[0].Telemetry = true
	g := start(t, s)

	const host = "shop.execute-api.localhost"
	var asked sync.WaitGroup
	for i, text := range ends {
		asked.Go(func() {
			g.request("GET", host, fmt.Sprintf("/b%d", i), "")
			// Some are no requests that are answered.
			for _, lines := range [][]string{
				{"GET /good HTTP/1.1", "Host: " + host, "User-Agent: " + text, "X-Request-Id: " + text},
				{"GET /good" + text + " HTTP/1.1", "Host: " + host},
				{"GET /good HTTP/1.1", "Host: " + host + text},
			} {
				_, _ = g.raw("GET", append(lines, "Connection: close", "", "")...)
			}
			for j := range 4 {
				fields := []string{":path", "/good", ":authority", host, "user-agent", "x", "x-request-id", "x"}
				fields[2*j+1] += text
				_, _, _ = g.askHTTP2(append([]string{":method", "GET", ":scheme", "http"}, fields...))
			}
		})
	}
	asked.Wait()
	g.request("GET", host, "/good", "", "User-Agent", "last")
	for end := time.Now().Add(time.Minute); !strings.Contains(g.told.String(), `"identity.userAgent":"last"`); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the last request is not logged:\n%s", g.told)
		}
	}
	lines := 0
	for text := range strings.Lines(g.told.String()) {
		lines++
		var line map[string]string
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Errorf("%v: %q", err, text)
			continue
		}
		free := map[string]bool{"requestId": true, "identity.userAgent": true, "awsEndpointRequestId2": true, "domainName": true}
		for name, value := range line {
			if strings.Contains(value, forged) && !free[name] {
				t.Errorf("%s is %q", name, value)
			}
		}
		if line["httpMethod"] != "GET" || line["identity.sourceIp"] != "127.0.0.1" || !strings.HasPrefix(line["protocol"], "HTTP/") || len(line["status"]) != 3 {
			t.Errorf("a line has %v", line)
		}
	}
	// Those of backends whose bytes are let through, and of clients.
	if lines < len(ends) {
		t.Errorf("there are %d lines", lines)
	}
}

package xds_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/envoytest"
	"gatehouse/xds"
)

var fullBootstrap = xds.BootstrapOptions{
	NodeID: "123", Gateway: "true", Address: "gatehouse.example:18000", Admin: "127.0.0.1:0",
	TLS:      &xds.BootstrapTLS{CAFile: "ca.pem", CertFile: "cert.pem", KeyFile: "key.pem"},
	Metadata: map[string]any{"service": "pets", "replicas": 3}, Region: "eu", Zone: "eu-1",
	MaxConnections: 10_000, StatsFlush: time.Minute, Runtime: map[string]any{"re2.max_program_size.warn_level": 5},
}

func TestBootstrapIsTakenByEnvoy(t *testing.T) {
	envoy := envoytest.Binary(t)
	full := fullBootstrap
	ca, cert, key := writeCertificates(t, t.TempDir())
	full.TLS = &xds.BootstrapTLS{CAFile: ca, CertFile: cert, KeyFile: key}
	for name, o := range map[string]xds.BootstrapOptions{
		"least":   {NodeID: "envoy-1", Gateway: "edge", Address: "127.0.0.1:18000"},
		"ipv6":    {NodeID: "envoy-1", Gateway: "edge", Address: "[::1]:18000", Admin: xds.NoAdmin},
		"full":    full,
		"metrics": {NodeID: "envoy-1", Gateway: "edge", Address: "127.0.0.1:18000", Metrics: "0.0.0.0:9902", MaxConnections: 10},
		"unix":    {NodeID: "envoy-1", Gateway: "edge", Address: "127.0.0.1:18000", Integration: "unix:/run/gatehouse.sock"},
		"sockets": {NodeID: "envoy-1", Gateway: "edge", Address: "unix:/run/gatehouse/xds"},
	} {
		b, err := xds.Bootstrap(o)
		if err != nil {
			t.Fatal(err)
		}
		yaml, err := xds.BootstrapYAML(b)
		if err != nil {
			t.Fatal(err)
		}
		json, err := xds.BootstrapJSON(b)
		if err != nil {
			t.Fatal(err)
		}
		for ext, text := range map[string][]byte{".yaml": yaml, ".json": json} {
			t.Run(name+ext, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "envoy"+ext)
				write(t, path, text)
				out, err := exec.Command(envoy, "--mode", "validate", "-c", path, "-l", "warning").CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s\n%s", err, out, text)
				}
				for _, line := range strings.Split(string(out), "\n") {
					if strings.Contains(line, "[warning]") || strings.Contains(line, "deprecated") {
						t.Error(line)
					}
				}
			})
		}
	}
}

func TestBootstrapIsDeterministic(t *testing.T) {
	var first []byte
	for range 10 {
		b, err := xds.Bootstrap(fullBootstrap)
		if err != nil {
			t.Fatal(err)
		}
		text, err := xds.BootstrapYAML(b)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = text
		}
		if !bytes.Equal(first, text) {
			t.Fatalf("differs:\n%s\n%s", first, text)
		}
	}
	// What looks like another type of value stays a string.
	for _, want := range []string{`id: "123"`, `cluster: "true"`, "sni: gatehouse.example", "type: STRICT_DNS", "replicas: 3", "port_value: 18001"} {
		if !strings.Contains(string(first), want) {
			t.Errorf("%q is not in\n%s", want, first)
		}
	}
}

func TestBootstrapRefuses(t *testing.T) {
	good := xds.BootstrapOptions{NodeID: "n", Gateway: "g", Address: "127.0.0.1:1"}
	for want, spoil := range map[string]func(*xds.BootstrapOptions){
		"node id":          func(o *xds.BootstrapOptions) { o.NodeID = "" },
		"gateway":          func(o *xds.BootstrapOptions) { o.Gateway = "" },
		"missing port":     func(o *xds.BootstrapOptions) { o.Address = "localhost" },
		"host":             func(o *xds.BootstrapOptions) { o.Address = ":18000" },
		"port is 0":        func(o *xds.BootstrapOptions) { o.Address = "localhost:0" },
		"port follows":     func(o *xds.BootstrapOptions) { o.Address = "localhost:65535" },
		"integration":      func(o *xds.BootstrapOptions) { o.Integration = "localhost" },
		"admin":            func(o *xds.BootstrapOptions) { o.Admin = "localhost:http" },
		"metrics address":  func(o *xds.BootstrapOptions) { o.Metrics = "9902" },
		"there is none":    func(o *xds.BootstrapOptions) { o.Metrics, o.Admin = "0.0.0.0:9902", xds.NoAdmin },
		"is not known":     func(o *xds.BootstrapOptions) { o.Metrics, o.Admin = "0.0.0.0:9902", "127.0.0.1:0" },
		"has this port":    func(o *xds.BootstrapOptions) { o.Metrics = "0.0.0.0:9901" },
		"at an IP address": func(o *xds.BootstrapOptions) { o.Metrics, o.Admin = "0.0.0.0:9902", "0.0.0.0:9901" },
		"CA file":          func(o *xds.BootstrapOptions) { o.TLS = &xds.BootstrapTLS{} },
		"key file":         func(o *xds.BootstrapOptions) { o.TLS = &xds.BootstrapTLS{CAFile: "ca", CertFile: "cert"} },
		"metadata":         func(o *xds.BootstrapOptions) { o.Metadata = map[string]any{"x": struct{}{}} },
		"StatsFlush":       func(o *xds.BootstrapOptions) { o.StatsFlush = time.Nanosecond },
		"needs no TLS": func(o *xds.BootstrapOptions) {
			o.Address, o.TLS = "unix:/run/gatehouse/xds", &xds.BootstrapTLS{CAFile: "ca", CertFile: "cert", KeyFile: "key"}
		},
	} {
		o := good
		spoil(&o)
		if _, err := xds.Bootstrap(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

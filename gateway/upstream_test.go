package gateway

import "testing"

// TestVPCLinkBackends follows connection ids to backends: by the name, or by a VPC link of
// the management API to the name of its load balancer, or to its own.
func TestVPCLinkBackends(t *testing.T) {
	const balancer = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/net/orders/0a1b2c"
	s := &Snapshot{
		Backends: []Backend{{Name: "orders"}, {Name: "link-name"}, {Name: "direct"}},
		VPCLinks: []VPCLink{{ID: "balanced", Name: "link-name", Targets: []string{balancer}}, {ID: "named", Name: "link-name"}, {ID: "lost", Name: "nothing"}},
	}
	const listener = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/orders/0a1b2c/3d4e5f"
	for name, c := range map[string]struct{ connection, uri, backend, host string }{
		"by name":             {"direct", "http://a.example/x", "direct", ""},
		"by load balancer":    {"balanced", "http://a.example/x", "orders", ""},
		"by the link's name":  {"named", "http://a.example/x", "link-name", ""},
		"by listener":         {"named", listener, "orders", ""},
		"nothing of the name": {"lost", "http://a.example/x", "", "a.example"},
		"by a variable":       {"${stageVariables.link}", "http://a.example/x", "orders", ""},
	} {
		t.Run(name, func(t *testing.T) {
			uri := &EndpointURI{Scheme: "http", Host: "a.example", Authority: "a.example", Port: 80}
			if c.uri == listener {
				uri = &EndpointURI{Scheme: "http", Private: true}
			}
			in := &Integration{ConnectionType: ConnectionVPCLink, ConnectionID: c.connection, URI: c.uri}
			up, backend, err := s.Upstream(in, uri, &Stage{ClientCertificate: "c"}, map[string]string{"link": "balanced"})
			if err != nil || up.Backend != c.backend || up.Host != c.host || (backend != nil) != (c.backend != "") {
				t.Errorf("%+v %v %v", up, backend, err)
			}
			if up.ClientCertificate != "" {
				t.Error("a certificate is shown without TLS")
			}
		})
	}
	for connection, uri := range map[string]string{"unknown": "http://a.example/x", "lost": "arn:aws:servicediscovery:eu-west-1:123456789012:service/srv-1"} {
		in := &Integration{ConnectionType: ConnectionVPCLink, ConnectionID: connection, URI: uri}
		if _, _, err := s.Upstream(in, &EndpointURI{Scheme: "http", Private: true}, nil, nil); err == nil {
			t.Errorf("%s leads somewhere", connection)
		}
	}
}

// TestClientCertificateShown holds that a stage's certificate goes to HTTPS backends only,
// and that those of another certificate are other upstreams.
func TestClientCertificateShown(t *testing.T) {
	s := &Snapshot{}
	in := &Integration{URI: "https://a.example/"}
	uri := &EndpointURI{Scheme: "https", Host: "a.example", Authority: "a.example", Port: 443}
	with, _, err := s.Upstream(in, uri, &Stage{ClientCertificate: "c"}, nil)
	if err != nil || with.ClientCertificate != "c" {
		t.Errorf("%+v %v", with, err)
	}
	if without, _, _ := s.Upstream(in, uri, &Stage{}, nil); without == with {
		t.Error("stages share connections that show different certificates")
	}
}

package address_test

import (
	"testing"

	"gatehouse/management/address"
)

func TestGateway(t *testing.T) {
	for _, c := range []struct {
		gateway      address.Gateway
		host, target string
	}{
		{address.Gateway{}, "https://a1.execute-api.localhost", "d-1.execute-api.eu-west-1.amazonaws.com"},
		{address.Gateway{Plain: true, Port: 8080}, "http://a1.execute-api.localhost:8080", "d-1.execute-api.eu-west-1.amazonaws.com"},
		{address.Gateway{Plain: true, Port: 80, Suffix: "api.example.com"}, "http://a1.execute-api.api.example.com", "d-1.execute-api.api.example.com"},
		{address.Gateway{Port: 443, Suffix: "api.example.com"}, "https://a1.execute-api.api.example.com", "d-1.execute-api.api.example.com"},
		{address.Gateway{Port: 80, Suffix: "api.example.com"}, "https://a1.execute-api.api.example.com:80", "d-1.execute-api.api.example.com"},
	} {
		if got := c.gateway.Scheme("http") + "://" + c.gateway.Host("a1"); got != c.host {
			t.Errorf("%+v: %s", c.gateway, got)
		}
		if got := c.gateway.Target("d-1.execute-api.eu-west-1.amazonaws.com"); got != c.target {
			t.Errorf("%+v: %s", c.gateway, got)
		}
	}
	if got := (address.Gateway{Suffix: "x.example"}).Target(""); got != "" {
		t.Errorf("a domain name without a target has %q", got)
	}
}

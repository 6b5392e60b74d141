package cli

import (
	"slices"
	"testing"

	"gatehouse/gateway"
)

func TestSampleURLs(t *testing.T) {
	api := func(id string, stages ...string) gateway.API {
		a := gateway.API{ID: id}
		for _, name := range stages {
			a.Stages = append(a.Stages, gateway.Stage{Name: name})
		}
		return a
	}
	tests := map[string]struct {
		listener gateway.Listener
		apis     []gateway.API
		domains  []gateway.Domain
		want     string
	}{
		"REST stage":       {gateway.Listener{Address: "0.0.0.0", Port: 8080}, []gateway.API{api("pets", "v1", "v2")}, nil, "http://localhost:8080/_aws/execute-api/pets/v1/"},
		"default stage":    {gateway.Listener{Address: "127.0.0.1", Port: 8080}, []gateway.API{api("pets", gateway.DefaultStage)}, nil, "http://localhost:8080/_aws/execute-api/pets/"},
		"standard port":    {gateway.Listener{Address: "::", Port: 80}, []gateway.API{api("pets", "v1")}, nil, "http://localhost/_aws/execute-api/pets/v1/"},
		"one address":      {gateway.Listener{Address: "2001:db8::1", Port: 8080}, nil, nil, "http://[2001:db8::1]:8080/"},
		"every name":       {gateway.Listener{Address: "192.0.2.1", Port: 8080}, []gateway.API{api("pets", "v1")}, []gateway.Domain{{Name: "api.example.com", Mappings: []gateway.DomainMapping{{}}}, {Name: "*", Mappings: []gateway.DomainMapping{{Path: "v1"}, {}}}}, "http://192.0.2.1:8080/"},
		"every, by a path": {gateway.Listener{Port: 8080}, []gateway.API{api("pets", "v1")}, []gateway.Domain{{Name: "*", Mappings: []gateway.DomainMapping{{Path: "v1"}}}}, "http://localhost:8080/v1/"},
		"nothing at all":   {gateway.Listener{Port: 8080}, nil, nil, "http://localhost:8080/"},
		"TLS, a domain":    {gateway.Listener{Port: 8443, TLS: &gateway.TLS{}}, []gateway.API{api("pets", "v1")}, []gateway.Domain{{Name: "api.example.com", Mappings: []gateway.DomainMapping{{Path: "shop"}}}}, "https://api.example.com:8443/shop/"},
		"TLS, a wildcard":  {gateway.Listener{Port: 443, TLS: &gateway.TLS{}}, nil, []gateway.Domain{{Name: "*.example.com", Mappings: []gateway.DomainMapping{{}}}}, "https://any.example.com/"},
		"another gateway":  {gateway.Listener{Port: 80}, []gateway.API{{ID: "pets", Gateways: []string{"other"}, Stages: []gateway.Stage{{Name: "v1"}}}}, []gateway.Domain{{Name: "*", Gateway: "other", Mappings: []gateway.DomainMapping{{}}}}, "http://localhost/"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &gateway.Snapshot{
				Gateways: []gateway.Gateway{{Name: "edge", Listeners: []gateway.Listener{test.listener}}},
				APIs:     test.apis, Domains: test.domains,
			}
			if got := sampleURLs(s, "edge"); !slices.Equal(got, []string{test.want}) {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}

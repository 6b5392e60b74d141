package native

import (
	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// parseServices reads where a gateway's Envoys find services that run apart.
func parseServices(v source.Value) gateway.Services {
	var s gateway.Services
	o := v.Object()
	if a := o.Get("authorization"); a.Exists() {
		s.Authorization = parseService(a)
	}
	if r := o.Get("ratelimit"); r.Exists() {
		s.RateLimit = parseService(r)
	}
	if i := o.Get("integration"); i.Exists() {
		s.Integration = parseService(i)
	}
	if t := o.Get("telemetry"); t.Exists() {
		s.Telemetry = parseService(t)
	}
	o.Done()
	return s
}

// parseService reads "host:port", a list of such, or an object with all that there is
// to say.
func parseService(v source.Value) *gateway.Service {
	s := &gateway.Service{Source: v.Pos()}
	endpoints := v
	if v.IsObject() {
		o := v.Object()
		endpoints = o.Require("endpoints")
		s.Plaintext = o.Get("plaintext").Bool(false)
		if t := o.Get("tls"); t.Exists() {
			s.TLS = parseServiceTLS(t)
		}
		o.Done()
	}
	switch {
	case endpoints.IsList():
		for _, e := range endpoints.List() {
			s.Endpoints = append(s.Endpoints, parseEndpoint(e))
		}
		if len(s.Endpoints) == 0 {
			endpoints.Errorf("empty-list", "", "the service has no endpoints")
		}
	case endpoints.Exists():
		s.Endpoints = []gateway.Endpoint{parseEndpoint(endpoints)}
	}
	return s
}

// parseServiceTLS reads how Envoys and the service know each other. Whom to believe is
// always to be said: any public authority would do otherwise.
func parseServiceTLS(v source.Value) *gateway.ServiceTLS {
	o := v.Object()
	t := &gateway.ServiceTLS{
		CA:          pemOf(o.Require("ca")),
		Certificate: pemOf(o.Get("certificate")),
		Key:         gateway.Secret(pemOf(o.Get("key"))),
		ServerName:  o.Get("serverName").Text(),
		Source:      v.Pos(),
	}
	if o.Get("certificate").IsNull() != o.Get("key").IsNull() {
		v.Errorf("missing-key", "", "certificate and key belong together; one is missing")
	}
	if name := o.Get("serverName"); t.ServerName != "" && !isHost(t.ServerName) {
		name.Errorf("invalid-address", "write the name, or the IP address, that is in the certificates", "%s is not a name that a certificate has", name.Shown())
	}
	o.Done()
	return t
}

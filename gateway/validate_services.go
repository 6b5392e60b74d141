package gateway

import (
	"net/netip"
	"strings"
)

// maxServiceEndpoints bounds the endpoints of a service: each Envoy looks after all of
// them.
const maxServiceEndpoints = 100

// service checks where a gateway's Envoys are to find a service. They tell it what
// callers prove themselves by, and what it answers is believed.
func (v *validation) service(name string, s *Service) {
	if s == nil {
		return
	}
	if len(s.Endpoints) > maxServiceEndpoints {
		v.errorf("too-many-endpoints", s.Source, "put a load balancer in front of them", "the %s service has %d endpoints; it may have %d", name, len(s.Endpoints), maxServiceEndpoints)
		return
	}
	seen := map[Endpoint]bool{}
	for _, e := range s.Endpoints {
		key := Endpoint{Host: strings.ToLower(e.Host), Port: e.Port}
		if seen[key] && e.Host != "" {
			v.errorf("duplicate-name", e.Source, "", "the %s service has the endpoint %s:%d twice", name, e.Host, e.Port)
		}
		seen[key] = true
	}
	switch {
	case s.TLS != nil:
		v.authorities(s.TLS.CA, s.TLS.Source)
		if s.TLS.Certificate != "" && s.TLS.Key != "" {
			v.pair(s.TLS.Certificate, s.TLS.Key, s.TLS.Source)
		}
		if s.Plaintext {
			v.errorf("conflicting-tls", s.Source, "remove one of them", "the %s service has tls and plaintext: true", name)
		}
	case !s.Plaintext:
		for _, e := range s.Endpoints {
			if e.Host != "" && !onThisMachine(e.Host) {
				v.errorf("plaintext-service", e.Source, "give it tls, or say plaintext: true if the network is private",
					"the %s service at %s can be listened in on, and replaced by another, for there is no tls", name, e.Host)
			}
		}
	}
}

// onThisMachine reports whether a host is the machine of whoever connects to it.
func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

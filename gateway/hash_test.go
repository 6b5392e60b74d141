package gateway_test

import (
	"fmt"
	"reflect"
	"testing"

	"gatehouse/gateway"
)

// snapshotForHash has something of everything; each call makes all of it anew.
func snapshotForHash() *gateway.Snapshot {
	size, retries := int64(1024), int64(5)
	ttl, age := 300, 60
	d := &gateway.Deployment{
		Protocol: gateway.REST, MinimumCompressionSize: &size, CORS: &gateway.CORS{AllowOrigins: []string{"*"}, MaxAge: &age},
		Routes: []gateway.Route{{
			Method: "GET", Path: "/pets", RequestModels: map[string]string{"a/b": "A", "c/d": "C"},
			Integration: &gateway.Integration{
				Type: gateway.IntegrationHTTPProxy, URI: "http://a", TLS: &gateway.IntegrationTLS{},
				RequestParameters: []gateway.ParameterMapping{{Target: "a", Source: "b"}},
			},
			Authorization: &gateway.Authorization{Type: "AWS_IAM"},
		}},
		Authorizers: []gateway.Authorizer{{Name: "a", ResultTTLSeconds: &ttl}},
	}
	return &gateway.Snapshot{
		Gateways: []gateway.Gateway{{Name: "edge", Listeners: []gateway.Listener{{Port: 8080, TLS: &gateway.TLS{Key: "k"}}}}},
		APIs: []gateway.API{{ID: "a", Tags: map[string]string{"x": "1", "y": "2", "z": "3"}, Stages: []gateway.Stage{{
			Name: "v1", Deployment: d, Variables: map[string]string{"a": "1", "b": "2"},
			Canary:   &gateway.Canary{Percent: 12.5, Deployment: d},
			Settings: []gateway.RouteSettings{{RouteKey: "*", TimeoutMillis: &retries, Retry: &gateway.Retry{Attempts: 1}, Throttle: &gateway.Throttle{Rate: 1.5}}},
		}}}},
		Backends:   []gateway.Backend{{Name: "b", Endpoints: []gateway.Endpoint{{Host: "h", Port: 1}}, TLS: &gateway.BackendTLS{Key: "k"}, HealthCheck: &gateway.HealthCheck{}}},
		Domains:    []gateway.Domain{{Name: "d", TLS: &gateway.TLS{}, Mappings: []gateway.DomainMapping{{Path: "p"}}}},
		UsagePlans: []gateway.UsagePlan{{Name: "u", Quota: &gateway.Quota{Limit: 1}}},
		APIKeys:    []gateway.APIKey{{Name: "k", Values: []gateway.Secret{"secret"}}},
		Issuers:    []gateway.Issuer{{URL: "https://a", Introspection: &gateway.Introspection{ClientSecret: "secret"}}},
	}
}

func TestContentHashIsStable(t *testing.T) {
	want := snapshotForHash().Seal().Revision()
	for range 20 {
		if got := snapshotForHash().Seal().Revision(); got != want {
			t.Fatalf("%s, then %s", want, got)
		}
	}
	// The same on every machine and in every build: control planes compare them.
	const known = "7791bb1f65dc79cc7a42d27a"
	if got := gateway.ContentHash(map[string][]string{"a": {"b", "c"}}); got != known {
		t.Errorf("the hash of a constant is %s, was %s", got, known)
	}
}

// TestContentHashCountsEverything changes every field of a snapshot, one at a time: all
// of them count but positions.
func TestContentHashCountsEverything(t *testing.T) {
	base := snapshotForHash().Seal().Revision()
	fields, positions := 0, 0
	// The nth place that can change is changed, on a fresh snapshot each time.
	for n := 0; ; n++ {
		s := snapshotForHash()
		m := &mutation{at: n}
		m.visit(reflect.ValueOf(s), "snapshot")
		if !m.done {
			break
		}
		fields++
		changed := s.Seal().Revision() != base
		if m.position {
			positions++
		}
		if changed == m.position {
			t.Errorf("%s: the hash has changed: %v", m.path, changed)
		}
	}
	if fields < 150 || positions < 40 {
		t.Errorf("only %d fields and %d positions were changed", fields, positions)
	}
}

// A mutation changes the place whose number is at.
type mutation struct {
	at       int
	path     string
	done     bool
	position bool
}

func (m *mutation) visit(v reflect.Value, path string) {
	if m.done {
		return
	}
	inPosition := v.Type() == reflect.TypeFor[gateway.Position]()
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			m.visit(v.Elem(), path)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				m.visit(v.Field(i), path+"."+f.Name)
				if m.done && inPosition {
					m.position = true
				}
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			m.visit(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Map:
		if v.Len() > 0 && m.here(path) {
			v.SetMapIndex(reflect.ValueOf("new"), reflect.ValueOf("entry"))
		}
	case reflect.String:
		if m.here(path) {
			v.SetString(v.String() + "!")
		}
	case reflect.Bool:
		if m.here(path) {
			v.SetBool(!v.Bool())
		}
	case reflect.Int, reflect.Int64:
		if m.here(path) {
			v.SetInt(v.Int() + 1)
		}
	case reflect.Uint32:
		if m.here(path) {
			v.SetUint(v.Uint() + 1)
		}
	case reflect.Float64:
		if m.here(path) {
			v.SetFloat(v.Float() + 0.0001)
		}
	default:
		panic(path + " is a " + v.Kind().String())
	}
}

func (m *mutation) here(path string) bool {
	m.at--
	m.done = m.at < 0
	m.path = path
	return m.done
}

func TestContentHashTellsApart(t *testing.T) {
	one := int64(0)
	for name, pair := range map[string][2]any{
		"where text ends":          {[]string{"ab", "c"}, []string{"a", "bc"}},
		"how many":                 {[]string{""}, []string{}},
		"nothing and zero":         {(*int64)(nil), &one},
		"keys and values":          {map[string]string{"a": "b"}, map[string]string{"b": "a"}},
		"lists in structs":         {gateway.Domain{Name: "a"}, gateway.Domain{Gateway: "a"}},
		"numbers of any sign":      {int64(-1), int64(1)},
		"fractions":                {1.0000001, 1.0000002},
		"secrets":                  {gateway.Secret("a"), gateway.Secret("b")},
		"what is behind a pointer": {&gateway.TLS{Key: "a"}, &gateway.TLS{Key: "b"}},
	} {
		if gateway.ContentHash(pair[0]) == gateway.ContentHash(pair[1]) {
			t.Errorf("%s: %v and %v have one hash", name, pair[0], pair[1])
		}
	}
	// How a list or map came to be empty means nothing.
	if gateway.ContentHash(gateway.API{Tags: map[string]string{}, Gateways: []string{}}) != gateway.ContentHash(gateway.API{}) {
		t.Error("empty and absent differ")
	}
}

func TestSealingDeployments(t *testing.T) {
	d := &gateway.Deployment{Title: "a"}
	first := d.Seal().Hash()
	if first == "" || first != (&gateway.Deployment{Title: "a", Source: gateway.Position{Line: 9}}).Seal().Hash() {
		t.Errorf("%q", first)
	}
	if first == (&gateway.Deployment{Title: "b"}).Seal().Hash() {
		t.Error("another title, the same hash")
	}
	// A canary may have only variables of its own.
	s := &gateway.Snapshot{APIs: []gateway.API{{Stages: []gateway.Stage{{Deployment: d, Canary: &gateway.Canary{Percent: 1}}}}}}
	if s.Seal().Revision() == "" {
		t.Error("no revision")
	}
}

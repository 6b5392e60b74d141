package translator_test

import (
	"fmt"
	"testing"

	"gatehouse/gateway"
	"gatehouse/translator"
)

// manyAPIs are n APIs of ten routes each.
func manyAPIs(n int) *gateway.Snapshot {
	s := &gateway.Snapshot{Gateways: []gateway.Gateway{{Name: "edge", Suffix: "localhost", Listeners: []gateway.Listener{{Address: "127.0.0.1", Port: 8080}}}}}
	for i := range n {
		s.APIs = append(s.APIs, oneAPI(i, "v1"))
	}
	return s
}

func oneAPI(i int, version string) gateway.API {
	d := &gateway.Deployment{Protocol: gateway.HTTP}
	for r := range 10 {
		d.Routes = append(d.Routes, gateway.Route{
			Method: "GET", Path: fmt.Sprintf("/r%d/{id}", r),
			Integration: &gateway.Integration{Type: gateway.IntegrationHTTPProxy, HTTPMethod: "GET", URI: fmt.Sprintf("http://127.0.0.1:9101/%s/r%d", version, r)},
		})
	}
	id := fmt.Sprintf("api%07d", i)
	return gateway.API{ID: id, Name: id, Protocol: gateway.HTTP, Stages: []gateway.Stage{{Name: "prod", Deployment: d.Seal()}}}
}

// BenchmarkTranslateOneOfMany is what a deployment costs when a thousand others are there.
func BenchmarkTranslateOneOfMany(b *testing.B) {
	benchmarkChange(b, func(s *gateway.Snapshot, i int) { s.APIs[500] = oneAPI(500, fmt.Sprint("v", i)) })
}

// BenchmarkTranslateNewOfMany is what a new API costs.
func BenchmarkTranslateNewOfMany(b *testing.B) {
	benchmarkChange(b, func(s *gateway.Snapshot, i int) { s.APIs = append(s.APIs, oneAPI(1000+i, "v1")) })
}

func benchmarkChange(b *testing.B, change func(*gateway.Snapshot, int)) {
	s := manyAPIs(1000)
	t := translator.New()
	if out, ds := t.Translate(s.Seal()); out == nil {
		b.Fatal(ds)
	}
	for i := 0; b.Loop(); i++ {
		next := *s
		next.APIs = append([]gateway.API(nil), s.APIs...)
		change(&next, i)
		if out, ds := t.Translate(next.Seal()); out == nil {
			b.Fatal(ds)
		}
	}
}

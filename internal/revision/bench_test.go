package revision

import (
	"fmt"
	"testing"

	"gatehouse/gateway"
)

// BenchmarkStoreSave stores 10,000 routes in 200 APIs. It is not on the way of a
// change to the Envoys, but takes the disk and a processor for that long.
func BenchmarkStoreSave(b *testing.B) {
	s := &gateway.Snapshot{}
	for i := range 200 {
		d := &gateway.Deployment{}
		for j := range 50 {
			d.Routes = append(d.Routes, gateway.Route{
				Method: "GET", Path: fmt.Sprintf("/things/%d/{id}", j),
				Integration: &gateway.Integration{Type: gateway.IntegrationHTTPProxy, URI: "http://127.0.0.1:9101/things/{id}"},
			})
		}
		s.APIs = append(s.APIs, gateway.API{ID: fmt.Sprintf("api-%d", i), Stages: []gateway.Stage{{Name: "v1", Deployment: d}}})
	}
	s.Seal()
	store, err := NewStore(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := store.Save(s); err != nil {
			b.Fatal(err)
		}
	}
}

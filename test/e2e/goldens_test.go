package e2e

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"gatehouse/definition"
	"gatehouse/gateway"
	"gatehouse/translator"
	"gatehouse/xds"
)

// TestEnvoyTakesGoldens has one real Envoy load, one after the other, what the cases of
// the translator's goldens become, gateway by gateway.
func TestEnvoyTakesGoldens(t *testing.T) {
	files, err := filepath.Glob("../../translator/testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	g := start(t, &gateway.Snapshot{Gateways: []gateway.Gateway{{Name: "edge"}}})
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".in.yaml")
		t.Run(name, func(t *testing.T) {
			nothing := func(string) (string, bool) { return "", false }
			loaded := definition.NewLoader(definition.Options{LookupEnv: nothing}).Load(t.Context(), []string{file})
			if loaded.Snapshot == nil {
				t.Fatal(loaded.Diagnostics)
			}
			out, diags := translator.New().Translate(loaded.Snapshot)
			if out == nil {
				t.Fatal(diags)
			}
			for _, gatewayName := range slices.Sorted(maps.Keys(out.Gateways)) {
				// The Envoy is one of the gateway "edge", whatever it stands for.
				resources := withoutPorts(out.Gateways[gatewayName])
				id := name + "/" + gatewayName
				g.judge(t, id, resources)
			}
		})
	}
}

// judge fails the test unless Envoy takes all of the resources.
func (g *running) judge(t *testing.T, id string, resources xds.Resources) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := g.server.Set(ctx, xds.Revision{ID: id, Gateways: map[string]xds.Resources{"edge": resources}}); err != nil {
		t.Errorf("%s: %v", id, err)
		return
	}
	outcome, err := g.server.Wait(ctx, id)
	if err != nil || outcome.State != xds.Acked || outcome.Nodes != 1 {
		t.Errorf("%s: %v", id, err)
		for _, n := range outcome.NACKs {
			t.Errorf("%+v", n)
		}
		return
	}
	g.hasLoaded(ctx, t, id, resources)
}

// hasLoaded waits until Envoy has acknowledged every resource by name: it asks for some
// only after it has taken the ones that name them.
func (g *running) hasLoaded(ctx context.Context, t *testing.T, id string, resources xds.Resources) {
	t.Helper()
	for {
		var missing []string
		types := g.server.Status().Nodes[0].Types
		for typeURL, named := range resources {
			for name := range named {
				if types[xds.TypeName(typeURL)].Versions[name] == "" {
					missing = append(missing, xds.TypeName(typeURL)+" "+name)
				}
			}
		}
		if len(missing) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			slices.Sort(missing)
			t.Errorf("%s: Envoy never asked for %v", id, missing)
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// withoutPorts gives resources whose listeners are judged, but open no port: goldens
// name those of the documentation, which others may have.
func withoutPorts(resources xds.Resources) xds.Resources {
	out := maps.Clone(resources)
	out[xds.ListenerType] = map[string]proto.Message{}
	for name, m := range resources[xds.ListenerType] {
		l := proto.Clone(m).(*listenerv3.Listener)
		if l.GetInternalListener() == nil {
			l.BindToPort = wrapperspb.Bool(false)
		}
		out[xds.ListenerType][name] = l
	}
	return out
}

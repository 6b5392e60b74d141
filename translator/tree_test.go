package translator_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"

	"gatehouse/translator"
)

// A routeTree is a virtual host's routes by path prefix, in the order Envoy tries them.
type routeTree map[string][]*routev3.Route

// treesOf unpacks a RouteConfiguration, virtual host by virtual host.
func treesOf(t testing.TB, m proto.Message) map[string]routeTree {
	t.Helper()
	config, ok := m.(*routev3.RouteConfiguration)
	if !ok {
		t.Fatalf("a %T has no routes", m)
	}
	trees := map[string]routeTree{}
	for _, vh := range config.VirtualHosts {
		tree := routeTree{}
		for prefix, onMatch := range translator.RoutesByPath(vh) {
			list := &routev3.RouteList{}
			if err := onMatch.GetAction().GetTypedConfig().UnmarshalTo(list); err != nil {
				t.Fatal(err)
			}
			tree[prefix] = list.Routes
		}
		trees[vh.Name] = tree
	}
	return trees
}

// routesNamed gives every place of the routes whose name matches.
func routesNamed(t testing.TB, m proto.Message, name string) []*routev3.Route {
	t.Helper()
	var found []*routev3.Route
	trees := treesOf(t, m)
	for _, host := range slices.Sorted(maps.Keys(trees)) {
		for _, prefix := range slices.Sorted(maps.Keys(trees[host])) {
			for _, r := range trees[host][prefix] {
				if nameOf(r) == name {
					found = append(found, r)
				}
			}
		}
	}
	return found
}

// nameOf is a route's key, or what else it is called.
func nameOf(r *routev3.Route) string {
	if name := r.GetMetadata().GetFilterMetadata()["gw"].GetFields()["route"].GetStringValue(); name != "" {
		return name
	}
	return r.GetName()
}

// treeOf writes a RouteConfiguration with a line for each route.
func treeOf(t testing.TB, m proto.Message) *yaml.Node {
	t.Helper()
	out := &yaml.Node{Kind: yaml.MappingNode}
	trees := treesOf(t, m)
	for _, host := range slices.Sorted(maps.Keys(trees)) {
		prefixes := &yaml.Node{Kind: yaml.MappingNode}
		for _, prefix := range slices.Sorted(maps.Keys(trees[host])) {
			lines := &yaml.Node{Kind: yaml.SequenceNode}
			for _, r := range trees[host][prefix] {
				lines.Content = append(lines.Content, text(lineOf(r)))
			}
			prefixes.Content = append(prefixes.Content, text(prefix), lines)
		}
		out.Content = append(out.Content, text(host), prefixes)
	}
	return out
}

// lineOf sums a route up: conditions, where it goes, its name.
func lineOf(r *routev3.Route) string {
	var b strings.Builder
	m := r.GetMatch()
	switch p := m.PathSpecifier.(type) {
	case *routev3.RouteMatch_Path:
		b.WriteString("= " + p.Path)
	case *routev3.RouteMatch_SafeRegex:
		b.WriteString("~ " + p.SafeRegex.Regex)
	case *routev3.RouteMatch_PathSeparatedPrefix:
		b.WriteString(p.PathSeparatedPrefix + "/…")
	case *routev3.RouteMatch_Prefix:
		b.WriteString(p.Prefix + "…")
	}
	for _, h := range m.GetHeaders() {
		if h.Name != ":method" {
			b.WriteString(", if " + h.Name)
		}
	}
	for _, q := range m.GetQueryParameters() {
		b.WriteString(", if ?" + q.Name)
	}
	if f := m.GetRuntimeFraction().GetDefaultValue(); f != nil {
		fmt.Fprintf(&b, ", %d/1000000", f.Numerator)
	}
	b.WriteString(" → " + nameOf(r))
	if f := r.GetMetadata().GetFilterMetadata()["gw"].GetFields(); f["api"].GetStringValue() != "" {
		fmt.Fprintf(&b, " of %s/%s", f["api"].GetStringValue(), f["stage"].GetStringValue())
	}
	if d := r.GetDirectResponse(); d != nil {
		fmt.Fprintf(&b, ", %d", d.Status)
	}
	return b.String()
}

package translator_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"gatehouse/translator"
)

const typePrefix = "type.googleapis.com/"

// shownTypes are the views that goldens have of resources, with their types.
var shownTypes = map[string]string{
	// Without what every listener has: filters, local replies. That is for one golden.
	"listeners": typePrefix + "envoy.config.listener.v3.Listener",
	// Of listeners, how they log, and the filters that there are for logs alone.
	"logs":           typePrefix + "envoy.config.listener.v3.Listener",
	"wholeListeners": typePrefix + "envoy.config.listener.v3.Listener",
	"scopes":         typePrefix + "envoy.config.route.v3.ScopedRouteConfiguration",
	"clusters":       typePrefix + "envoy.config.cluster.v3.Cluster",
	"endpoints":      typePrefix + "envoy.config.endpoint.v3.ClusterLoadAssignment",
	"extensions":     typePrefix + "envoy.config.core.v3.TypedExtensionConfig",
	"secrets":        typePrefix + "envoy.extensions.transport_sockets.tls.v3.Secret",
	// Of hosts, what connections with the present chain get.
	"routes":      typePrefix + "envoy.config.route.v3.RouteConfiguration",
	"wholeRoutes": typePrefix + "envoy.config.route.v3.RouteConfiguration",
	// tree has a line for each route: its match, its name, the status of a direct reply.
	"tree": typePrefix + "envoy.config.route.v3.RouteConfiguration",
	// shared is what a virtual host has besides its routes.
	"shared": typePrefix + "envoy.config.route.v3.RouteConfiguration",
	// route is single routes, each once, wherever they are. The twin for a path with a
	// slash at its end is left out.
	"route": typePrefix + "envoy.config.route.v3.RouteConfiguration",
}

// render writes views of the resources of all gateways as YAML. Short values stand on
// one line, a route that stands in several places is written once, and type names are
// without their packages.
func render(t *testing.T, out *translator.Output, wanted []shown) []byte {
	t.Helper()
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range slices.Sorted(maps.Keys(out.Gateways)) {
		g := &yaml.Node{Kind: yaml.MappingNode}
		for _, w := range wanted {
			typeURL, known := shownTypes[w.view]
			if !known {
				t.Fatalf("a golden cannot show %q", w.view)
			}
			g.Content = append(g.Content, text(strings.TrimSuffix(w.view+" "+w.name, " **")), w.nodes(t, out.Gateways[name][typeURL]))
		}
		root.Content = append(root.Content, text(name), g)
	}
	plain(root)
	(&aliases{seen: map[string]*yaml.Node{}, names: map[string]bool{}}).routes(root)
	oneLine(root, 0, 0)
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	// A hash would make every golden differ whenever a filter does.
	return chainName.ReplaceAll(b.Bytes(), []byte("CHAIN"))
}

// chainName is what a chain of filters is called, in all that is named after it.
var chainName = regexp.MustCompile(`\b[0-9a-f]{12}\b`)

// nodes gives the view of one type's resources, sorted by name.
func (s shown) nodes(t *testing.T, resources map[string]proto.Message) *yaml.Node {
	t.Helper()
	list := &yaml.Node{Kind: yaml.SequenceNode}
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		m := resources[name]
		switch s.view {
		case "route":
			for _, r := range routesNamed(t, m, s.name) {
				if key := withoutSlash(r).String(); !seen[key] {
					seen[key] = true
					list.Content = append(list.Content, yamlOf(t, r))
				}
			}
		case "tree":
			if s.matches(name) {
				list.Content = append(list.Content, treeOf(t, m))
			}
		default:
			if s.matches(name) {
				list.Content = append(list.Content, yamlOf(t, shorten(t, m, s.view)))
			}
		}
	}
	if len(list.Content) == 0 && s.name != "**" {
		t.Errorf("nothing to show for %s %s", s.view, s.name)
	}
	return list
}

// shorten leaves out what a view does not show: of a listener what every listener has,
// of a host's configuration its routes.
func shorten(t *testing.T, m proto.Message, view string) proto.Message {
	t.Helper()
	m = proto.Clone(m)
	switch m := m.(type) {
	case *routev3.RouteConfiguration:
		for _, vh := range m.VirtualHosts {
			switch view {
			case "shared":
				vh.Matcher = nil
			case "routes":
				for _, byChain := range vh.Matcher.GetMatcherTree().GetExactMatchMap().GetMap() {
					vh.Matcher = byChain.GetMatcher()
				}
			}
		}
	case *listenerv3.Listener:
		for _, chain := range m.FilterChains {
			if view != "wholeListeners" {
				chain.Filters = slices.DeleteFunc(chain.Filters, func(f *listenerv3.Filter) bool { return f.Name == "envoy.filters.network.set_filter_state" })
			}
			for _, f := range chain.Filters {
				switch view {
				case "listeners":
					f.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: withoutConstants(t, f.GetTypedConfig())}
				case "logs":
					f.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: onlyLogs(t, f.GetTypedConfig())}
				}
			}
		}
	}
	return m
}

func withoutConstants(t *testing.T, packed *anypb.Any) *anypb.Any {
	t.Helper()
	manager := &hcmv3.HttpConnectionManager{}
	if err := packed.UnmarshalTo(manager); err != nil {
		t.Fatal(err)
	}
	packed, err := anypb.New(&hcmv3.HttpConnectionManager{
		CodecType: manager.CodecType, StatPrefix: manager.StatPrefix, RouteSpecifier: manager.RouteSpecifier,
		UseRemoteAddress: manager.UseRemoteAddress, XffNumTrustedHops: manager.XffNumTrustedHops,
		SkipXffAppend: manager.SkipXffAppend, PreserveExternalRequestId: manager.PreserveExternalRequestId,
	})
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func onlyLogs(t *testing.T, packed *anypb.Any) *anypb.Any {
	t.Helper()
	manager := &hcmv3.HttpConnectionManager{}
	if err := packed.UnmarshalTo(manager); err != nil {
		t.Fatal(err)
	}
	filters := slices.DeleteFunc(manager.HttpFilters, func(f *hcmv3.HttpFilter) bool {
		return !strings.HasPrefix(f.Name, "gw.asked") && f.Name != "gw.logged-key"
	})
	packed, err := anypb.New(&hcmv3.HttpConnectionManager{StatPrefix: manager.StatPrefix, AccessLog: manager.AccessLog, HttpFilters: filters})
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// withoutSlash makes a route equal to its twin for a path with a slash at its end.
func withoutSlash(r *routev3.Route) *routev3.Route {
	r = proto.Clone(r).(*routev3.Route)
	if p, ok := r.GetMatch().GetPathSpecifier().(*routev3.RouteMatch_Path); ok {
		p.Path = strings.TrimSuffix(p.Path, "/")
	}
	return r
}

func yamlOf(t *testing.T, m proto.Message) *yaml.Node {
	t.Helper()
	data, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	return document.Content[0]
}

func text(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

var pemBlock = regexp.MustCompile(`(?s)-----BEGIN ([A-Z ]+)-----.*-----END [A-Z ]+-----\n?`)

// plain takes JSON's style away and shortens what would only be read by machines.
func plain(n *yaml.Node) {
	n.Style = 0
	for i, child := range n.Content {
		plain(child)
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Value == "@type" {
			child.Value = child.Value[strings.LastIndexByte(child.Value, '.')+1:]
		}
	}
	if n.Kind != yaml.ScalarNode {
		return
	}
	if m := pemBlock.FindStringSubmatch(n.Value); m != nil {
		n.Value = fmt.Sprintf("%s %.8x", m[1], sha256.Sum256([]byte(n.Value)))
	}
	for _, name := range []string{"mapping.lua", "limitheaders.lua", "tracing.lua"} {
		if script, err := os.ReadFile(name); err == nil && n.Value == string(script) {
			n.Value = "the text of " + name
		}
	}
}

// aliases writes a route that stands in several buckets of a prefix tree only once.
type aliases struct {
	seen  map[string]*yaml.Node
	names map[string]bool
}

var notInAnchor = regexp.MustCompile(`[^A-Za-z0-9]+`)

func (a *aliases) routes(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "routes" && n.Content[i+1].Kind == yaml.SequenceNode {
				for j, route := range n.Content[i+1].Content {
					n.Content[i+1].Content[j] = a.once(route)
				}
			}
		}
	}
	for _, child := range n.Content {
		if child.Kind != yaml.AliasNode {
			a.routes(child)
		}
	}
}

func (a *aliases) once(route *yaml.Node) *yaml.Node {
	key, err := yaml.Marshal(route)
	if err != nil || len(flow(route)) < maxWidth {
		return route
	}
	first := a.seen[string(key)]
	if first == nil {
		a.seen[string(key)] = route
		return route
	}
	if first.Anchor == "" {
		name := "route"
		if m := regexp.MustCompile(`(?m)^ *route: (.*)$`).FindSubmatch(key); m != nil {
			name = strings.Trim(notInAnchor.ReplaceAllString(string(m[1]), "-"), "-")
		}
		first.Anchor = name
		for i := 2; a.names[first.Anchor]; i++ {
			first.Anchor = fmt.Sprintf("%s-%d", name, i)
		}
		a.names[first.Anchor] = true
	}
	return &yaml.Node{Kind: yaml.AliasNode, Alias: first, Value: first.Anchor}
}

const maxWidth = 120

// oneLine puts objects and lists that are short enough on one line. The line already
// has used characters, of which indent are before the node's own lines.
func oneLine(n *yaml.Node, indent, used int) {
	if n.Kind == yaml.AliasNode || len(n.Content) == 0 {
		return
	}
	if f := flow(n); f != "" && used+len(f) < maxWidth {
		n.Style = yaml.FlowStyle
		return
	}
	for i, child := range n.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			oneLine(child, indent+2, indent+2)
		case i%2 == 1:
			oneLine(child, indent+2, indent+len(n.Content[i-1].Value)+2)
		}
	}
}

// flow is about what a node looks like on one line, "" for what cannot be.
func flow(n *yaml.Node) string {
	switch n.Kind {
	case yaml.AliasNode:
		return ""
	case yaml.ScalarNode:
		if strings.Contains(n.Value, "\n") {
			return ""
		}
		return n.Value + "  "
	}
	if n.Anchor != "" {
		return ""
	}
	var b strings.Builder
	for _, child := range n.Content {
		f := flow(child)
		if f == "" && (child.Kind != yaml.ScalarNode || child.Value != "") {
			return ""
		}
		b.WriteString(f)
	}
	return b.String() + "  "
}

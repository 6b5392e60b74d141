package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"gatehouse/translator"
	"gatehouse/xds"
)

// resourceTypes are the types of Envoy resources by the names that the command
// line has for them, in the order in which a request passes them.
var resourceTypes = []struct{ name, typeURL string }{
	{"listeners", xds.ListenerType},
	{"scopedRoutes", xds.ScopedRouteType},
	{"routes", xds.RouteType},
	{"clusters", xds.ClusterType},
	{"endpoints", xds.EndpointType},
	{"secrets", xds.SecretType},
	{"extensions", xds.ExtensionConfigType},
}

// allResources is the name for every type.
const allResources = "all"

func resourceTypeNames() []string {
	names := []string{allResources}
	for _, t := range resourceTypes {
		names = append(names, t.name)
	}
	return names
}

// resourceView says what of a translation is shown.
type resourceView struct {
	// resourceType is one of resourceTypeNames, gateway "" for all.
	resourceType, gateway string
	showSecrets           bool
}

// gatewayResources are one gateway's resources by type, as JSON. The slices keep
// the order, which a map would lose.
type gatewayResources struct {
	name  string
	types []typeResources
}

type typeResources struct {
	name      string
	resources [][]byte
}

func (g gatewayResources) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"gateway":%s`, quoted(g.name))
	for _, t := range g.types {
		fmt.Fprintf(&b, `,%s:[%s]`, quoted(t.name), bytes.Join(t.resources, []byte(",")))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s) // A string always can be.
	return b
}

// resources gives what the view asks for, gateways and resources sorted by name.
func (v resourceView) resources(output *translator.Output) ([]gatewayResources, error) {
	list := []gatewayResources{}
	for _, name := range slices.Sorted(maps.Keys(output.Gateways)) {
		if v.gateway != "" && v.gateway != name {
			continue
		}
		g := gatewayResources{name: name}
		for _, t := range resourceTypes {
			if v.resourceType != allResources && v.resourceType != t.name {
				continue
			}
			messages, err := v.messages(output.Gateways[name][t.typeURL])
			if err != nil {
				return nil, fmt.Errorf("gateway %s: %s: %w", name, t.name, err)
			}
			g.types = append(g.types, typeResources{t.name, messages})
		}
		list = append(list, g)
	}
	if len(list) == 0 && v.gateway != "" {
		return nil, usagef("there is no gateway %q; the definitions have %v", v.gateway, slices.Sorted(maps.Keys(output.Gateways)))
	}
	return list, nil
}

func (v resourceView) messages(named map[string]proto.Message) ([][]byte, error) {
	list := make([][]byte, 0, len(named))
	for _, name := range slices.Sorted(maps.Keys(named)) {
		m := named[name]
		if !v.showSecrets {
			var err error
			if m, err = redact(m); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, text)
	}
	return list, nil
}

// writeJSON writes values that marshal to JSON, indented. protojson varies its
// white space on purpose; indenting makes equal messages equal text again.
func writeJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// writeYAML writes values that marshal to JSON as YAML documents.
func writeYAML[T any](w io.Writer, documents ...T) error {
	out := yaml.NewEncoder(w)
	out.SetIndent(2)
	for _, d := range documents {
		node, err := yamlNode(d)
		if err != nil {
			return err
		}
		if err := out.Encode(node); err != nil {
			return err
		}
	}
	return out.Close()
}

// yamlNode reads JSON as the YAML that it is, which keeps the order of keys, and
// takes its style away.
func yamlNode(v any) (*yaml.Node, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil {
		return nil, err
	}
	plain(&node)
	return &node, nil
}

func plain(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		plain(child)
	}
}

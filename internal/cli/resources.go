package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

// resourceType is a type by the name that the command line has for it.
type resourceType struct{ name, typeURL string }

// resourceTypes are the types of Envoy resources by the names that the command
// line has for them, in the order in which a request passes them.
var resourceTypes = []resourceType{
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

// write prints what the view asks for, gateways and resources sorted by name: a list of objects
// as JSON, or a YAML document for each gateway. One resource is made text of at a time: all those
// of a thousand APIs together are more than memory may hold.
func (v resourceView) write(ctx context.Context, to io.Writer, output *translator.Output, asJSON bool) error {
	names := slices.Sorted(maps.Keys(output.Gateways))
	if v.gateway != "" {
		if output.Gateways[v.gateway] == nil {
			return usagef("there is no gateway %q; the definitions have %v", v.gateway, names)
		}
		names = []string{v.gateway}
	}
	w := bufio.NewWriter(to)
	write := v.writeYAML
	if asJSON {
		write = v.writeJSON
	}
	err := write(names, w, func(name string, t resourceType, each func([]byte) error) error {
		messages := output.Gateways[name][t.typeURL]
		for _, resource := range slices.Sorted(maps.Keys(messages)) {
			if ctx.Err() != nil {
				return errInterrupted
			}
			text, err := v.text(messages[resource])
			if err == nil {
				err = each(text)
			}
			if err != nil {
				return fmt.Errorf("gateway %s: %s: %s: %w", name, t.name, resource, err)
			}
		}
		return nil
	})
	// What could be said is said.
	return errors.Join(err, w.Flush())
}

// eachResource calls a function with the JSON of each resource of a gateway that is of a type.
type eachResource func(gateway string, t resourceType, each func(text []byte) error) error

func (v resourceView) writeJSON(gateways []string, w *bufio.Writer, resources eachResource) error {
	open := func(first bool, bracket string) string {
		if first {
			return bracket + "\n"
		}
		return ",\n"
	}
	for i, name := range gateways {
		fmt.Fprintf(w, "%s  {\n    \"gateway\": %s", open(i == 0, "["), quoted(name))
		for _, t := range v.types() {
			fmt.Fprintf(w, ",\n    %s: ", quoted(t.name))
			any := false
			if err := resources(name, t, func(text []byte) error {
				var b bytes.Buffer
				if err := json.Indent(&b, text, "      ", "  "); err != nil {
					return err
				}
				_, err := fmt.Fprintf(w, "%s      %s", open(!any, "["), b.Bytes())
				any = true
				return err
			}); err != nil {
				return err
			}
			if any {
				fmt.Fprint(w, "\n    ]")
			} else {
				fmt.Fprint(w, "[]")
			}
		}
		fmt.Fprint(w, "\n  }")
	}
	if len(gateways) == 0 {
		fmt.Fprint(w, "[")
	} else {
		fmt.Fprint(w, "\n")
	}
	_, err := fmt.Fprint(w, "]\n")
	return err
}

func (v resourceView) writeYAML(gateways []string, w *bufio.Writer, resources eachResource) error {
	for i, name := range gateways {
		if i > 0 {
			fmt.Fprint(w, "---\n")
		}
		if err := writeYAML(w, map[string]string{"gateway": name}); err != nil {
			return err
		}
		for _, t := range v.types() {
			head := t.name + ":"
			if err := resources(name, t, func(text []byte) error {
				if head != "" {
					fmt.Fprintln(w, head)
				}
				head = ""
				return writePieces(&indented{w: w, first: "  - ", prefix: "    "}, text)
			}); err != nil {
				return err
			}
			if head != "" {
				fmt.Fprintln(w, head, "[]")
			}
		}
	}
	return nil
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s) // A string always can be.
	return b
}

// types are those that the view shows.
func (v resourceView) types() []resourceType {
	if v.resourceType == allResources {
		return resourceTypes
	}
	return slices.DeleteFunc(slices.Clone(resourceTypes), func(t resourceType) bool { return t.name != v.resourceType })
}

// text is a resource as JSON.
func (v resourceView) text(m proto.Message) ([]byte, error) {
	if !v.showSecrets {
		var err error
		if m, err = redact(m); err != nil {
			return nil, err
		}
	}
	return protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
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

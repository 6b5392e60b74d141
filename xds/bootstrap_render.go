package xds

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
)

// BootstrapJSON writes a bootstrap as Envoy reads it with -c file.json.
func BootstrapJSON(b *bootstrapv3.Bootstrap) ([]byte, error) {
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("bootstrap as JSON: %w", err)
	}
	// protojson varies its spaces at random, so that nobody relies on them.
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("bootstrap as JSON: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// BootstrapYAML writes a bootstrap as Envoy reads it with -c file.yaml.
func BootstrapYAML(b *bootstrapv3.Bootstrap) ([]byte, error) {
	raw, err := BootstrapJSON(b)
	if err != nil {
		return nil, err
	}
	// JSON is YAML; what makes it look like JSON is only the style of its
	// nodes. Working on nodes keeps the order of the fields.
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("bootstrap as YAML: %w", err)
	}
	plain(&doc)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return nil, fmt.Errorf("bootstrap as YAML: %w", err)
	}
	return out.Bytes(), nil
}

func plain(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		plain(c)
	}
}

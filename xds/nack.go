package xds

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// NACK is one Envoy's refusal of resources that it was sent.
type NACK struct {
	Time time.Time `json:"time"`
	// Node is the Envoy's node id, Gateway its node cluster.
	Node    string `json:"node"`
	Gateway string `json:"gateway"`
	// Revision is the one being served when the refusal came, "" if what was
	// refused is no longer part of it.
	Revision string `json:"revision,omitempty"`
	TypeURL  string `json:"typeUrl"`
	// Resources are the names of what was refused, sorted.
	Resources []string `json:"resources"`
	// Message is Envoy's own.
	Message string `json:"message"`

	versions map[string]string
}

func (n NACK) String() string {
	return fmt.Sprintf("node %s (gateway %s) refused %s %s: %s",
		n.Node, n.Gateway, TypeName(n.TypeURL), strings.Join(n.Resources, ", "), n.Message)
}

// blame finds the clusters or listeners that a refusal names, sorted; nil if it
// names none. Envoy's messages are for people, but these two are regular:
//
//	Error adding/updating cluster(s) a: why, b: why
//	Error adding/updating listener(s) a: why\nb: why
//
// (source/common/upstream/cds_api_helper.cc and
// source/common/listener_manager/lds_api.cc.) Those of the other types may or may
// not name the resource, somewhere, and are not trusted to.
func blame(versions map[string]string, message string) []string {
	_, list, ok := strings.Cut(message, "(s) ")
	if !ok {
		return nil
	}
	var names []string
	for name, version := range versions {
		if version == "" {
			continue
		}
		if entry := name + ": "; strings.HasPrefix(list, entry) || strings.Contains(list, ", "+entry) || strings.Contains(list, "\n"+entry) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"gatehouse/gateway"
	"gatehouse/internal/difference"
	"gatehouse/translator"
)

// errDifferent ends diff where there is a difference, which has been shown.
var errDifferent = &codedError{exitDifferent, errors.New("they differ")}

func newDiff() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "diff A B",
		GroupID: groupWork,
		Short:   "Tell what changes from one set of definitions to another",
		Long: "Diff tells, in words and in Envoy's resources, what changes when B is served in place\n" +
			"of A. Each is a file or folder with definitions, or the URL of a running server, which\n" +
			"keeps its secrets to itself: whether those differ is told of files only. It ends with\n" +
			"0 if there is no difference, with 3 if there is one.",
		Example: "  gatehouse diff gatehouse.yaml apis/\n" +
			"  gatehouse diff -o json http://127.0.0.1:8001 gatehouse.yaml || [ $? = 3 ]",
		Args: args(cobra.ExactArgs(2)),
	}
	output := choiceFlag(cmd, "output", "o", "output format", "text", "json")
	cmd.RunE = func(cmd *cobra.Command, sides []string) error {
		snapshots, err := bothSides(cmd, sides)
		if err != nil {
			return err
		}
		d := differenceJSON{Changes: difference.Between(snapshots[0], snapshots[1])}
		if d.Resources, err = resourceChanges(cmd, snapshots[0], snapshots[1]); err != nil {
			return err
		}
		d.Same = len(d.Changes)+len(d.Resources) == 0
		if output.value == "json" {
			err = writeJSON(cmd.OutOrStdout(), d.filled())
		} else {
			err = d.print(cmd.OutOrStdout())
		}
		if err == nil && !d.Same {
			return errDifferent
		}
		return err
	}
	return cmd
}

// bothSides gives what is compared. Where one side has no secrets, the other has none
// either: they are no difference.
func bothSides(cmd *cobra.Command, sides []string) ([2]*gateway.Snapshot, error) {
	var out [2]*gateway.Snapshot
	var err error
	for i, side := range sides {
		if isServer(side) {
			out[i], err = askServed(cmd.Context(), side)
		} else {
			out[i], err = loadFiles(cmd, []string{side})
		}
		if err != nil {
			return out, err
		}
	}
	if isServer(sides[0]) == isServer(sides[1]) {
		return out, nil
	}
	for i := range out {
		if out[i], err = withoutSecrets(out[i]); err != nil {
			return out, err
		}
	}
	return out, nil
}

// differenceJSON is what differs.
type differenceJSON struct {
	Same      bool                `json:"same"`
	Changes   []difference.Change `json:"changes"`
	Resources []resourceChange    `json:"resources"`
}

// resourceChange is a resource of Envoy's that differs.
type resourceChange struct {
	Kind    difference.Kind `json:"kind"`
	Gateway string          `json:"gateway"`
	Type    string          `json:"type"`
	Name    string          `json:"name"`
}

// filled has lists without entries as [], not null.
func (d differenceJSON) filled() differenceJSON {
	d.Changes = append([]difference.Change{}, d.Changes...)
	d.Resources = append([]resourceChange{}, d.Resources...)
	return d
}

func (d differenceJSON) print(w io.Writer) error {
	if d.Same {
		_, err := fmt.Fprintln(w, "no difference")
		return err
	}
	for _, c := range d.Changes {
		if _, err := fmt.Fprintln(w, printable(c.String())); err != nil {
			return err
		}
	}
	at := ""
	for _, r := range d.Resources {
		if r.Gateway != at {
			at = r.Gateway
			if _, err := fmt.Fprintf(w, "Envoy's resources of gateway %s:\n", at); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(w, "  %s: %s %s\n", r.Kind, r.Type, printable(r.Name)); err != nil {
			return err
		}
	}
	return nil
}

// resourceChanges compares what Envoys are sent.
func resourceChanges(cmd *cobra.Command, before, after *gateway.Snapshot) ([]resourceChange, error) {
	var outputs [2]*translator.Output
	for i, s := range []*gateway.Snapshot{before, after} {
		translated, err := translate(cmd, s)
		if err != nil {
			return nil, err
		}
		if translated.diagnostics.HasErrors() {
			if err := printDiagnostics(cmd.ErrOrStderr(), translated.diagnostics); err != nil {
				return nil, err
			}
			return nil, errReported
		}
		outputs[i] = translated.output
	}
	var changes []resourceChange
	for _, gatewayName := range unionKeys(outputs[0].Gateways, outputs[1].Gateways) {
		for _, t := range resourceTypes {
			a, b := outputs[0].Gateways[gatewayName][t.typeURL], outputs[1].Gateways[gatewayName][t.typeURL]
			for _, name := range unionKeys(a, b) {
				if kind := compareResources(a[name], b[name]); kind != "" {
					changes = append(changes, resourceChange{kind, gatewayName, t.name, name})
				}
			}
		}
	}
	return changes, nil
}

func compareResources(a, b proto.Message) difference.Kind {
	switch {
	case a == nil:
		return difference.Added
	case b == nil:
		return difference.Removed
	case !proto.Equal(a, b):
		return difference.Changed
	}
	return ""
}

func unionKeys[V any](a, b map[string]V) []string {
	all := map[string]bool{}
	for name := range a {
		all[name] = true
	}
	for name := range b {
		all[name] = true
	}
	return slices.Sorted(maps.Keys(all))
}

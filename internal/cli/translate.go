package cli

import (
	"github.com/spf13/cobra"

	"gatehouse/translator"
)

func newTranslate() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "translate PATH…",
		GroupID: groupWork,
		Short:   "Print the Envoy resources that definitions become",
		Long: "Translate prints what the Envoys of each gateway are sent. Private keys and other\n" +
			"secrets are hidden unless they are asked for.",
		Example: "  gatehouse translate gatehouse.yaml\n" +
			"  gatehouse translate -o json --type routes gatehouse.yaml\n" +
			"  gatehouse translate --type clusters --gateway edge gatehouse.yaml",
		Args: somePaths,
	}
	var v resourceView
	output := choiceFlag(cmd, "output", "o", "output format", "yaml", "json")
	resourceType := choiceFlag(cmd, "type", "t", "type of resources to print", resourceTypeNames()...)
	cmd.Flags().StringVar(&v.gateway, "gateway", "", "gateway to print the resources of (default all)")
	cmd.Flags().BoolVar(&v.showSecrets, "show-secrets", false, "print private keys and other secrets as they are")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		v.resourceType = resourceType.value
		loaded := loadOnce(cmd, paths)
		ds := loaded.Diagnostics
		var translated *translator.Output
		if loaded.Snapshot != nil {
			translating := startProgress(cmd, "translating")
			out, more := translator.New().Translate(loaded.Snapshot)
			translating.end()
			translated, ds = out, append(ds, more...)
		}
		ds.Sort()
		if err := printDiagnostics(cmd.ErrOrStderr(), ds); err != nil {
			return err
		}
		if ds.HasErrors() {
			return errReported
		}
		list, err := v.resources(translated)
		if err != nil {
			return err
		}
		if output.value == "json" {
			return writeJSON(cmd.OutOrStdout(), list)
		}
		return writeYAML(cmd.OutOrStdout(), list...)
	}
	return cmd
}

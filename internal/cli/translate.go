package cli

import (
	"github.com/spf13/cobra"

	"gatehouse/gateway"
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
	format := choiceFlag(cmd, "output", "o", "output format", "yaml", "json")
	resourceType := choiceFlag(cmd, "type", "t", "type of resources to print", resourceTypeNames()...)
	cmd.Flags().StringVar(&v.gateway, "gateway", "", "gateway to print the resources of (default all)")
	cmd.Flags().BoolVar(&v.showSecrets, "show-secrets", false, "print private keys and other secrets as they are")
	cmd.RunE = func(cmd *cobra.Command, paths []string) error {
		v.resourceType = resourceType.value
		loaded, err := loadOnce(cmd, paths)
		if err != nil {
			return err
		}
		ds := loaded.Diagnostics
		var output *translator.Output
		if loaded.Snapshot != nil {
			translated, err := translate(cmd, loaded.Snapshot)
			if err != nil {
				return err
			}
			output, ds = translated.output, append(ds, translated.diagnostics...)
		}
		ds.Sort()
		if err := printDiagnostics(cmd.ErrOrStderr(), ds); err != nil {
			return err
		}
		if ds.HasErrors() {
			return errReported
		}
		return v.write(cmd.Context(), cmd.OutOrStdout(), output, format.value == "json")
	}
	return cmd
}

// translation is what a snapshot becomes, and what is wrong with it.
type translation struct {
	output      *translator.Output
	diagnostics gateway.Diagnostics
}

// translate translates for a command that people wait for. The error is errInterrupted.
func translate(cmd *cobra.Command, s *gateway.Snapshot) (translation, error) {
	translating := startProgress(cmd, "translating")
	defer translating.end()
	return computed(cmd.Context(), func() translation {
		output, diagnostics := translator.New().Translate(s)
		return translation{output, diagnostics}
	})
}

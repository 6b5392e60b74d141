package cli

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// envPrefix begins the environment variables that stand for flags.
const envPrefix = "GATEHOUSE_"

// noEnv annotates flags that are not set from the environment.
const noEnv = "gatehouse-no-env"

// envName is the environment variable of a flag.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagsFromEnv sets the flags that the command line left alone from the
// environment: flags before environment before defaults.
func flagsFromEnv(cmd *cobra.Command, _ []string) error {
	var errs []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value, ok := os.LookupEnv(envName(f.Name))
		_, excepted := f.Annotations[noEnv]
		if f.Changed || !ok || excepted || f.Name == "help" {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			errs = append(errs, usagef("%s: %w", envName(f.Name), err))
		}
	})
	if len(errs) > 0 {
		return usagef("%w", errors.Join(errs...))
	}
	return nil
}

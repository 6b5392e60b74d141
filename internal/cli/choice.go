package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// choice is a flag that takes one of some words, the first by default.
type choice struct {
	value   string
	allowed []string
}

// Set takes a word in.
func (c *choice) Set(value string) error {
	if !slices.Contains(c.allowed, value) {
		return fmt.Errorf("must be one of %s", strings.Join(c.allowed, ", "))
	}
	c.value = value
	return nil
}

func (c *choice) String() string { return c.value }

// Type is the word for the value in the help.
func (c *choice) Type() string { return strings.Join(c.allowed, "|") }

// choiceFlag adds a flag, with completion. The shorthand may be empty.
func choiceFlag(cmd *cobra.Command, name, shorthand, usage string, allowed ...string) *choice {
	c := &choice{value: allowed[0], allowed: allowed}
	cmd.Flags().VarP(c, name, shorthand, usage)
	// The only error there is, a flag that does not exist, cannot be here.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp))
	return c
}

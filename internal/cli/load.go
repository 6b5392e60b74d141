package cli

import (
	"io"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"gatehouse/definition"
	"gatehouse/definition/source"
)

// defaultPath is what run and serve read when no path is given.
const defaultPath = "gatehouse.yaml"

// pathsOrDefault gives the paths of a command line that may have none.
func pathsOrDefault(paths []string) ([]string, error) {
	if len(paths) > 0 {
		return paths, nil
	}
	if _, err := os.Stat(defaultPath); err != nil {
		return nil, usagef("there is no %s here; name the files or folders with the definitions", defaultPath)
	}
	return []string{defaultPath}, nil
}

// loaderOptions are those of a loader that reads "-" from the command's input: once,
// since there is nothing left of it for a second load.
func loaderOptions(cmd *cobra.Command) definition.Options {
	return definition.Options{
		Stdin: sync.OnceValues(func() ([]byte, error) {
			return io.ReadAll(io.LimitReader(cmd.InOrStdin(), source.MaxBytes+1))
		}),
	}
}

// loadOnce reads definitions for a command that does not go on to watch them. The error is
// errInterrupted.
func loadOnce(cmd *cobra.Command, paths []string) (definition.Result, error) {
	reading := startProgress(cmd, "reading definitions")
	defer reading.end()
	options := loaderOptions(cmd)
	options.OnDocument = reading.step
	return computed(cmd.Context(), func() definition.Result { return definition.NewLoader(options).Load(cmd.Context(), paths) })
}

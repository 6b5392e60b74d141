package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// version is set by the Makefile: -ldflags "-X gatehouse/internal/cli.version=v1.2.3".
var version string

// build is what a binary knows of itself.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok && b.Version == "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	if b.Version == "" {
		b.Version = "devel"
	}
	if ok {
		modified := ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				b.Commit = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = "+changes"
			}
		}
		if b.Commit != "" {
			b.Commit += modified
		}
	}
	return b
}

// instanceID names this process among others, also those of other machines: by its host and the
// port of its own there. A start anew is the same, but where any free port is taken.
func instanceID(httpAddress string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	_, port, err := net.SplitHostPort(httpAddress)
	if err != nil || port == "0" {
		port = "pid-" + strconv.Itoa(os.Getpid())
	}
	return net.JoinHostPort(host, port)
}

func (b build) String() string {
	parts := []string{"gatehouse", b.Version}
	if b.Commit != "" {
		parts = append(parts, b.Commit)
	}
	return strings.Join(append(parts, b.Go, b.OS+"/"+b.Arch), " ")
}

func newVersion() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  gatehouse version\n  gatehouse version -o json",
		Args:    args(cobra.NoArgs),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := choiceFlag(cmd, "output", "o", "output format", "text", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if output.value == "json" {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(thisBuild())
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), thisBuild())
		return err
	}
	return cmd
}

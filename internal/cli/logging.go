package cli

import (
	"io"
	"log/slog"

	"github.com/spf13/cobra"
)

// logFlags choose how the talk on stderr looks.
type logFlags struct {
	level, format *choice
}

func addLogFlags(cmd *cobra.Command) logFlags {
	return logFlags{
		level:  choiceFlag(cmd, "log-level", "", "least severe messages to log", "info", "debug", "warn", "error"),
		format: choiceFlag(cmd, "log-format", "", "format of the log", "text", "json"),
	}
}

func (f logFlags) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	// The allowed words are slog's own.
	_ = level.UnmarshalText([]byte(f.level.value))
	options := &slog.HandlerOptions{Level: level}
	if f.format.value == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

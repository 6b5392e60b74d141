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

func (f logFlags) logger(out io.Writer) *slog.Logger {
	w := &logWriter{to: out}
	var level slog.Level
	// The allowed words are slog's own.
	_ = level.UnmarshalText([]byte(f.level.value))
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(w, options)
	if f.format.value == "json" {
		handler = slog.NewJSONHandler(w, options)
	}
	log := slog.New(handler)
	w.lost = func(lines int) { log.Warn("lines of this log are lost: nothing has taken them", "lines", lines) }
	return log
}

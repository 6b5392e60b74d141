package cli

import (
	"fmt"
	"io"
	"strings"

	"gatehouse/gateway"
)

// diagnosticJSON is a diagnostic as validate and /status show it.
type diagnosticJSON struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Path     string `json:"path,omitempty"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

// diagnosticsJSON never gives nil: a list without entries is [], not null.
func diagnosticsJSON(ds gateway.Diagnostics) []diagnosticJSON {
	out := make([]diagnosticJSON, 0, len(ds))
	for _, d := range ds {
		out = append(out, diagnosticJSON{
			d.Severity.String(), d.Code, d.Pos.File, d.Pos.Line, d.Pos.Column, d.Path, d.Message, d.Hint,
		})
	}
	return out
}

func printDiagnostics(w io.Writer, ds gateway.Diagnostics) error {
	for _, d := range ds {
		if _, err := fmt.Fprintln(w, d); err != nil {
			return err
		}
	}
	return nil
}

// countDiagnostics says "2 errors, 1 warning", or "no problems".
func countDiagnostics(ds gateway.Diagnostics) string {
	errors := 0
	for _, d := range ds {
		if d.Severity == gateway.Error {
			errors++
		}
	}
	var parts []string
	if errors > 0 {
		parts = append(parts, plural(errors, "error"))
	}
	if warnings := len(ds) - errors; warnings > 0 {
		parts = append(parts, plural(warnings, "warning"))
	}
	if len(parts) == 0 {
		return "no problems"
	}
	return strings.Join(parts, ", ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

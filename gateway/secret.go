package gateway

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a value that must not be seen: API keys, private keys, tokens. Every
// way of printing it (fmt, slog, JSON, YAML) shows "[redacted]"; Reveal is the
// one way to the value, so that its uses can be searched for. fmt asks no methods in
// unexported fields, nor for verbs that are wrong for what holds a Secret: keep it in
// exported ones, and print with %v.
type Secret string

// Reveal returns the value itself.
func (s Secret) Reveal() string { return string(s) }

// String is what code sees that takes a fmt.Stringer.
func (s Secret) String() string { return redacted }

// Format hides the value from fmt, whatever the verb: one that is not for text would
// print it with a complaint.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue hides the value from log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the value from encoding/json.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText hides the value from encoders of text, such as XML's.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalYAML hides the value from YAML encoders.
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }

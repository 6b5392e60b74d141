package gateway

import "log/slog"

const redacted = "[redacted]"

// Secret is a value that must not be seen: API keys, private keys, tokens. Every
// way of printing it (fmt, slog, JSON, YAML) shows "[redacted]"; Reveal is the
// one way to the value, so that its uses can be searched for.
type Secret string

// Reveal returns the value itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the value from fmt's %v and %s.
func (s Secret) String() string { return redacted }

// GoString hides the value from fmt's %#v.
func (s Secret) GoString() string { return redacted }

// LogValue hides the value from log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON hides the value from encoding/json.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalYAML hides the value from YAML encoders.
func (s Secret) MarshalYAML() (any, error) { return redacted, nil }

package source

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
)

// JSON renders the value as JSON text with the keys in the order of the document, as
// it is written: ${NAME} stays. What JSON cannot express is reported.
func (v Value) JSON() string {
	var b bytes.Buffer
	v.writeJSON(&b)
	return b.String()
}

func (v Value) writeJSON(b *bytes.Buffer) {
	switch {
	case v.IsObject():
		b.WriteByte('{')
		for i, e := range v.Object().Entries() {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(TextJSON(e.Key))
			b.WriteByte(':')
			e.writeJSON(b)
		}
		b.WriteByte('}')
	case v.IsList():
		b.WriteByte('[')
		for i, item := range v.List() {
			if i > 0 {
				b.WriteByte(',')
			}
			item.writeJSON(b)
		}
		b.WriteByte(']')
	default:
		b.WriteString(v.ScalarJSON(v.Raw()))
	}
}

// ScalarJSON renders a scalar that is not a list or object; one that is text is
// rendered as the text given. YAML's dates are text, as they are in JSON.
func (v Value) ScalarJSON(text string) string {
	if v.IsNull() {
		return "null"
	}
	switch v.resolved().ShortTag() {
	case "!!bool":
		return strconv.FormatBool(v.Bool(false))
	case "!!int", "!!float":
		return v.numberJSON()
	}
	return TextJSON(text)
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// numberJSON gives a number as it stands, so that no digit is lost, and YAML's other
// forms (0x1F, 1_000, +1, .5) by their value.
func (v Value) numberJSON() string {
	raw := v.Raw()
	if jsonNumber.MatchString(raw) {
		return raw
	}
	var n any
	if err := v.resolved().Decode(&n); err == nil {
		if f, isFloat := n.(float64); !isFloat || !math.IsInf(f, 0) && !math.IsNaN(f) {
			if data, err := json.Marshal(n); err == nil {
				return string(data)
			}
		}
	}
	v.Errorf("wrong-type", "", "%s is %s, which JSON cannot express", v.name(), clip(raw))
	return "null"
}

// TextJSON renders text, without hiding what only HTML would mind.
func TextJSON(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	// A string always encodes; the encoder ends it with a line break.
	_ = enc.Encode(text)
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

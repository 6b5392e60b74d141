package cli

import (
	"bytes"
	"encoding/json"
	"io"
)

// yamlPiece is how much JSON is made YAML of at a time, in bytes. As a tree it takes a hundred
// times as much memory.
const yamlPiece = 64 << 10

// writePieces writes JSON as writeYAML does, in pieces that are not larger than they have to be.
func writePieces(w io.Writer, text []byte) error {
	text = bytes.TrimSpace(text)
	if len(text) <= yamlPiece || text[0] != '{' && text[0] != '[' {
		return writeYAML(w, json.RawMessage(text))
	}
	in := json.NewDecoder(bytes.NewReader(text))
	if _, err := in.Token(); err != nil { // the bracket
		return err
	}
	for in.More() {
		if text[0] == '[' {
			var item json.RawMessage
			if err := in.Decode(&item); err != nil {
				return err
			}
			if err := writePieces(&indented{w: w, first: "- ", prefix: "  "}, item); err != nil {
				return err
			}
			continue
		}
		key, err := in.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := in.Decode(&value); err != nil {
			return err
		}
		if len(value) <= yamlPiece || value[0] != '{' && value[0] != '[' {
			if err := writeYAML(w, map[string]json.RawMessage{key.(string): value}); err != nil {
				return err
			}
			continue
		}
		// The key, with nothing yet behind it.
		var head bytes.Buffer
		if err := writeYAML(&head, map[string]any{key.(string): nil}); err != nil {
			return err
		}
		if _, err := w.Write(append(bytes.TrimSuffix(head.Bytes(), []byte(" null\n")), '\n')); err != nil {
			return err
		}
		if err := writePieces(&indented{w: w, first: "  ", prefix: "  "}, value); err != nil {
			return err
		}
	}
	return nil
}

// indented puts something before each line that has anything on it, and something else before
// the first.
type indented struct {
	w             io.Writer
	first, prefix string
	// within tells that a line is begun.
	within bool
}

func (i *indented) Write(p []byte) (int, error) {
	var out bytes.Buffer
	for line := range bytes.Lines(p) {
		if !i.within && line[0] != '\n' {
			out.WriteString(i.first)
			i.first = i.prefix
		}
		out.Write(line)
		i.within = line[len(line)-1] != '\n'
	}
	if _, err := i.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

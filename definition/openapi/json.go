package openapi

import (
	"bytes"

	"gatehouse/definition/source"
	"gatehouse/gateway/schema"
)

// jsonWriter renders values as JSON with the keys in the order of the document.
// The zero schema makes it plain data; with one, references inside are checked
// and, where they leave the document, rewritten.
type jsonWriter struct {
	p      *parser
	buffer bytes.Buffer
	// schema is the outermost schema being written.
	schema source.Value
}

// jsonText renders plain data, such as a policy.
func (p *parser) jsonText(v source.Value) string {
	w := jsonWriter{p: p}
	w.value(v, schema.InData)
	return w.buffer.String()
}

// schemaText renders a JSON schema.
func (p *parser) schemaText(v source.Value) string {
	w := jsonWriter{p: p, schema: v}
	w.value(v, schema.InSchema)
	return w.buffer.String()
}

func (w *jsonWriter) value(v source.Value, c schema.Place) {
	switch {
	case v.IsObject():
		w.object(v, c)
	case v.IsList():
		w.buffer.WriteByte('[')
		for i, item := range v.List() {
			if i > 0 {
				w.buffer.WriteByte(',')
			}
			w.value(item, c)
		}
		w.buffer.WriteByte(']')
	default:
		w.scalar(v)
	}
}

func (w *jsonWriter) object(v source.Value, c schema.Place) {
	w.buffer.WriteByte('{')
	for i, e := range v.Object().Entries() {
		if i > 0 {
			w.buffer.WriteByte(',')
		}
		w.text(e.Key)
		w.buffer.WriteByte(':')
		if e.Key == "$ref" && c == schema.InSchema && e.IsString() {
			w.text(w.p.schemaReference(e.Value, w.schema))
			continue
		}
		w.value(e.Value, c.Of(e.Key))
	}
	w.buffer.WriteByte('}')
}

func (w *jsonWriter) scalar(v source.Value) {
	w.buffer.WriteString(v.ScalarJSON(w.p.expand(v.Raw())))
}

func (w *jsonWriter) text(s string) { w.buffer.WriteString(source.TextJSON(s)) }

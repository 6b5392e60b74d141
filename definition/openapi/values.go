package openapi

import (
	"strings"

	"gatehouse/definition/source"
	"gatehouse/gateway"
)

// text reads a scalar with AWS's template variables replaced. It takes the scalar
// as written: ${name} in a mapping template or a URI belongs to API Gateway, not
// to the environment of this process.
func (p *parser) text(v source.Value) string {
	if !v.IsScalar() {
		return v.Text()
	}
	return p.expand(v.Raw())
}

func (p *parser) expand(text string) string {
	if !strings.Contains(text, "${AWS::") {
		return text
	}
	return p.variables.Replace(text)
}

// texts reads a list of scalars.
func (p *parser) texts(v source.Value) []string {
	var out []string
	for _, item := range v.List() {
		if item.IsNull() {
			item.Errorf("wrong-type", "", "%s must be text, not nothing", item.Path())
			continue
		}
		out = append(out, p.text(item))
	}
	return out
}

// textMap reads an object of scalars, such as templates by content type.
func (p *parser) textMap(v source.Value) map[string]string {
	entries := v.Object().Entries()
	if len(entries) == 0 {
		return nil
	}
	m := make(map[string]string, len(entries))
	for _, e := range entries {
		m[e.Key] = p.text(e.Value)
	}
	return m
}

// templates reads mapping templates by content type, and where they are written.
func (p *parser) templates(v source.Value) (map[string]string, map[string]gateway.TextSource) {
	texts := p.textMap(v)
	if len(texts) == 0 {
		return nil, nil
	}
	sources := make(map[string]gateway.TextSource, len(texts))
	for _, e := range v.Object().Entries() {
		sources[e.Key] = e.TextSource()
	}
	return texts, sources
}

// requireText reads a key that must be there and not be empty.
func (p *parser) requireText(o *source.Object, key string) string {
	v := o.Require(key)
	text := p.text(v)
	if text == "" && v.IsScalar() {
		v.Errorf("empty-value", "", "%s must not be empty", v.Path())
	}
	return text
}

// statusCode reads an HTTP status that AWS lets be written as text or number;
// null and absent give "".
func (p *parser) statusCode(v source.Value, low, high int64) string {
	if v.IsNull() || v.Int(0, low, high) == 0 {
		return ""
	}
	return v.Raw()
}

// isObject reports what is no object, null included: where nothing would do, the
// key would not have been written.
func (p *parser) isObject(v source.Value) bool {
	switch {
	case v.IsObject():
		return true
	case v.IsNull():
		v.Errorf("wrong-type", "", "%s must be an object, not nothing", v.Path())
	default:
		v.Object()
	}
	return false
}

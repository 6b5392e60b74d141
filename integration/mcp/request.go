package mcp

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/gateway"
)

// A call is what a tool's call becomes: a request to the API.
type call struct {
	method, path string
	headers      [][2]string
	// contentType is empty where there is no body.
	contentType string
	body        []byte
}

// An argumentError is the agent's mistake. It is told so that it can do better.
type argumentError string

func (e argumentError) Error() string { return string(e) }

func mistake(format string, args ...any) error { return argumentError(fmt.Sprintf(format, args...)) }

// request makes the request of a call, below the path where the stage begins. query is that
// of the endpoint.
func (t *tool) request(base, query string, credentials []string, arguments map[string]json.RawMessage) (*call, error) {
	for name := range arguments {
		if name != t.BodyName && !slices.ContainsFunc(t.Arguments, func(a gateway.ToolArgument) bool { return a.Name == name }) {
			return nil, mistake("there is no argument %q", clip(name, 100))
		}
	}
	c := &call{method: t.method}
	variables := map[string]string{}
	var pairs []string
	for i := range t.Arguments {
		a := &t.Arguments[i]
		raw, given := arguments[a.Name]
		if !given || string(raw) == "null" {
			if a.Required {
				return nil, mistake("the argument %q is missing", a.Name)
			}
			continue
		}
		switch a.In {
		case "path":
			text, err := textOf(a, raw)
			if err != nil {
				return nil, err
			}
			variables[a.Parameter] = text
		case "header":
			text, err := textOf(a, raw)
			if err != nil {
				return nil, err
			}
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return nil, mistake("the argument %q has a line break or another control character in it", a.Name)
			}
			c.headers = append(c.headers, [2]string{strings.ToLower(a.Parameter), text})
		default:
			more, err := pairsOf(a, raw)
			if err != nil {
				return nil, err
			}
			pairs = append(pairs, more...)
		}
	}
	path, err := t.path(variables)
	if err != nil {
		return nil, err
	}
	pairs = append(pairs, credentialPairs(query, credentials)...)
	if c.path = base + path; len(pairs) > 0 {
		c.path += "?" + strings.Join(pairs, "&")
	}
	if len(c.path) > maxPath {
		return nil, mistake("the arguments make an address of more than %d bytes", maxPath)
	}
	return c, t.body(c, arguments)
}

// maxPath bounds the address of a call. Envoy bounds all headers together.
const maxPath = 16 << 10

// path fills the template in. A value stays within its segment, whatever is in it: nothing
// in it can lead to another path.
func (t *tool) path(variables map[string]string) (string, error) {
	var segments []string
	for _, s := range t.template {
		if s.Variable == "" {
			segments = append(segments, s.Literal)
			continue
		}
		values := []string{variables[s.Variable]}
		if s.Greedy {
			values = strings.Split(strings.TrimPrefix(values[0], "/"), "/")
		}
		for _, value := range values {
			switch {
			case value == "":
				return "", mistake("the argument for {%s} is empty, or has an empty part", s.Variable)
			case value == "." || value == "..":
				return "", mistake("the argument for {%s} cannot be, or have a part, %q: in a path that means another place", s.Variable, value)
			case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) || !utf8.ValidString(value):
				return "", mistake("the argument for {%s} has a control character in it", s.Variable)
			}
			segments = append(segments, url.PathEscape(value))
		}
	}
	for _, other := range t.better {
		if takes(other, segments) {
			return "", mistake("the arguments lead to another operation, %s", other)
		}
	}
	return "/" + strings.Join(segments, "/"), nil
}

// takes reports whether a template matches a path.
func takes(t gateway.PathTemplate, segments []string) bool {
	for i, s := range t {
		switch {
		case i >= len(segments):
			return false
		case s.Greedy:
			return true
		case s.Variable == "" && s.Literal != segments[i]:
			return false
		}
	}
	return len(t) == len(segments)
}

// scalar is a JSON value as it is written in a path, a query or a header.
func scalar(raw json.RawMessage) (string, bool) {
	switch raw[0] {
	case '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err == nil
	case '{', '[', 'n':
		return "", false
	}
	return string(raw), true
}

// items are the elements of a list as text; a scalar is a list of one.
func items(a *gateway.ToolArgument, raw json.RawMessage) ([]string, error) {
	if raw[0] != '[' {
		text, ok := scalar(raw)
		if !ok {
			// An object where nothing says how to write it.
			return []string{string(raw)}, nil
		}
		return []string{text}, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, mistake("the argument %q is no list", a.Name)
	}
	var out []string
	for _, item := range list {
		text, ok := scalar(item)
		if !ok {
			text = string(item)
		}
		out = append(out, text)
	}
	return out, nil
}

// textOf is an argument as one text.
func textOf(a *gateway.ToolArgument, raw json.RawMessage) (string, error) {
	if a.Style == gateway.ToolJSON {
		return string(raw), nil
	}
	list, err := items(a, raw)
	if err != nil {
		return "", err
	}
	separator := a.Separator
	if separator == "" {
		separator = ","
	}
	return strings.Join(list, separator), nil
}

// pairsOf are an argument's parameters in the query.
func pairsOf(a *gateway.ToolArgument, raw json.RawMessage) ([]string, error) {
	switch {
	case a.Style == gateway.ToolJSON:
		return []string{pair(a.Parameter, string(raw))}, nil
	case a.Style == gateway.ToolDeepObject && raw[0] == '{':
		var object map[string]json.RawMessage
		if err := json.Unmarshal(raw, &object); err != nil {
			return nil, mistake("the argument %q is no object", a.Name)
		}
		var out []string
		for name, value := range object {
			text, ok := scalar(value)
			if !ok {
				text = string(value)
			}
			out = append(out, pair(a.Parameter+"["+name+"]", text))
		}
		slices.Sort(out)
		return out, nil
	}
	list, err := items(a, raw)
	if err != nil {
		return nil, err
	}
	if a.Separator != "" {
		return []string{pair(a.Parameter, strings.Join(list, a.Separator))}, nil
	}
	var out []string
	for _, text := range list {
		out = append(out, pair(a.Parameter, text))
	}
	return out, nil
}

func pair(name, value string) string { return escapeQuery(name) + "=" + escapeQuery(value) }

// escapeQuery writes a space as %20, which means one everywhere.
func escapeQuery(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// credentialPairs are the parameters of the endpoint's query that prove who calls.
func credentialPairs(query string, names []string) (out []string) {
	if len(names) == 0 {
		return nil
	}
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil && slices.Contains(names, plain) {
			out = append(out, part)
		}
	}
	return out
}

// body writes the argument that is the request's body.
func (t *tool) body(c *call, arguments map[string]json.RawMessage) error {
	raw, given := arguments[t.BodyName]
	if t.BodyType == "" || !given {
		return nil
	}
	c.contentType, c.body = t.BodyType, raw
	base, _, _ := strings.Cut(strings.ToLower(t.BodyType), ";")
	switch base = strings.TrimSpace(base); {
	case strings.HasPrefix(base, "text/"):
		text, ok := scalar(raw)
		if !ok {
			text = string(raw)
		}
		c.body = []byte(text)
	case base == "application/x-www-form-urlencoded":
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil || raw[0] != '{' {
			return mistake("the argument %q must be an object", t.BodyName)
		}
		var pairs []string
		for name, value := range fields {
			more, err := pairsOf(&gateway.ToolArgument{Name: name, Parameter: name}, value)
			if err != nil {
				return err
			}
			pairs = append(pairs, more...)
		}
		slices.Sort(pairs)
		c.body = []byte(strings.Join(pairs, "&"))
	}
	return nil
}

func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-3], "") + "..."
}

package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// A SelectionExpression chooses among the routes, templates or responses of a WebSocket
// API: its value is the key of what is chosen.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-selection-expressions.html
type SelectionExpression []SelectionPart

// A SelectionPart is text as it stands, or what it refers to.
type SelectionPart struct {
	// Text is meant where Source is SelectText.
	Text   string
	Source SelectionSource
	// Path leads to a member of a JSON body; Name is that of a header, or of a variable
	// of the context.
	Path []string
	Name string
}

// SelectionSource is where a part of a selection expression comes from.
type SelectionSource int

// The sources that selection expressions can have.
const (
	SelectText SelectionSource = iota
	SelectRequestBody
	SelectRequestHeader
	SelectResponseStatus
	SelectResponseHeader
	SelectResponseBody
	SelectContext
	SelectStageVariable
)

var (
	selectionReference = regexp.MustCompile(`\\\$|\$\{[^}]*\}`)
	selectionName      = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
)

var selectionPrefixes = []struct {
	prefix string
	source SelectionSource
}{
	{"request.body.", SelectRequestBody},
	{"request.header.", SelectRequestHeader},
	{"integration.response.header.", SelectResponseHeader},
	{"integration.response.body.", SelectResponseBody},
	{"context.", SelectContext},
	{"stageVariables.", SelectStageVariable},
}

// ParseSelection reads one $reference, or text with ${references} in it; a dollar sign
// that is text is written \$.
func ParseSelection(text string) (SelectionExpression, error) {
	if text == "" {
		return nil, fmt.Errorf("a selection expression must not be empty")
	}
	if ref, ok := strings.CutPrefix(text, "$"); ok && !strings.HasPrefix(ref, "{") {
		part, err := selectionPart(ref, text)
		if err != nil {
			return nil, err
		}
		return SelectionExpression{part}, nil
	}
	var e SelectionExpression
	literal := func(text string) {
		switch last := len(e) - 1; {
		case text == "":
		case last >= 0 && e[last].Source == SelectText:
			e[last].Text += text
		default:
			e = append(e, SelectionPart{Text: text})
		}
	}
	last, unfinished := 0, false
	for _, m := range selectionReference.FindAllStringIndex(text, -1) {
		literal(text[last:m[0]])
		unfinished = unfinished || strings.Contains(text[last:m[0]], "${")
		last = m[1]
		if text[m[0]:m[1]] == `\$` {
			literal("$")
			continue
		}
		part, err := selectionPart(text[m[0]+2:m[1]-1], text)
		if err != nil {
			return nil, err
		}
		e = append(e, part)
	}
	literal(text[last:])
	if unfinished || strings.Contains(text[last:], "${") {
		return nil, fmt.Errorf("the selection expression %q has a reference without an end", text)
	}
	return e, nil
}

func selectionPart(ref, whole string) (SelectionPart, error) {
	if strings.EqualFold(ref, "integration.response.statuscode") {
		return SelectionPart{Source: SelectResponseStatus}, nil
	}
	for _, p := range selectionPrefixes {
		name, ok := strings.CutPrefix(ref, p.prefix)
		switch {
		case !ok:
			continue
		case !selectionName.MatchString(name):
			return SelectionPart{}, fmt.Errorf("%q is not a name that the selection expression %q can refer to", name, whole)
		case p.source == SelectRequestBody || p.source == SelectResponseBody:
			return SelectionPart{Source: p.source, Path: strings.Split(name, ".")}, nil
		}
		return SelectionPart{Source: p.source, Name: name}, nil
	}
	return SelectionPart{}, fmt.Errorf("%q is not something that a selection expression can refer to", "$"+ref)
}

// Only reports whether the expression refers to nothing but the given sources.
func (e SelectionExpression) Only(sources ...SelectionSource) bool {
	for _, part := range e {
		known := part.Source == SelectText
		for _, source := range sources {
			known = known || part.Source == source
		}
		if !known {
			return false
		}
	}
	return true
}

// Select evaluates the expression. What is not there counts as empty text.
func (e SelectionExpression) Select(value func(SelectionPart) string) string {
	if len(e) == 1 {
		if e[0].Source == SelectText {
			return e[0].Text
		}
		return value(e[0])
	}
	var b strings.Builder
	for _, part := range e {
		if part.Source == SelectText {
			b.WriteString(part.Text)
		} else {
			b.WriteString(value(part))
		}
	}
	return b.String()
}

// JSONText gives the text of a member of a JSON document: strings without their quotes,
// numbers and booleans as they are written. It is empty for what is not there, for null,
// and for lists and objects, which no key is named like.
func JSONText(document []byte, path []string) string {
	at := json.RawMessage(document)
	for _, name := range path {
		var object map[string]json.RawMessage
		if len(bytes.TrimSpace(at)) == 0 || json.Unmarshal(at, &object) != nil {
			return ""
		}
		at = object[name]
	}
	at = bytes.TrimSpace(at)
	switch {
	case len(at) == 0 || at[0] == '{' || at[0] == '[' || string(at) == "null":
		return ""
	case at[0] == '"':
		var text string
		if json.Unmarshal(at, &text) != nil {
			return ""
		}
		return text
	}
	return string(at)
}

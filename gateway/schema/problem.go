package schema

import (
	"errors"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Problem is one thing that is wrong with a model.
type Problem struct {
	// Model is the model in which it is, which may be one that another refers to.
	Model string
	// Pointer leads to the place in the model's schema, a JSON pointer.
	Pointer string
	// Message says what is wrong, Hint how to mend it (may be empty).
	Message string
	Hint    string
	// Warning marks what does not keep the model from being used.
	Warning bool
	// Dangling marks a reference that leads nowhere.
	Dangling bool
}

// String renders model#pointer: message (hint).
func (p Problem) String() string {
	s := p.Model + "#" + p.Pointer + ": " + p.Message
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

var english = message.NewPrinter(language.English)

// problemsOf tells what the library has to say about a schema.
func (s *Set) problemsOf(model string, err error) []Problem {
	var invalid *jsonschema.SchemaValidationError
	var found *jsonschema.ValidationError
	if errors.As(err, &invalid) && errors.As(invalid.Err, &found) {
		at := s.place(model, invalid.URL)
		var out []Problem
		for _, leaf := range leaves(found, nil) {
			out = append(out, schemaProblem(at, leaf))
		}
		return out
	}
	at := Problem{Model: model}
	var regex *jsonschema.InvalidRegexError
	if errors.As(err, &regex) {
		at = s.place(model, regex.URL)
		at.Message = "the pattern " + regex.Regex + " cannot be used: " + regex.Err.Error()
		return []Problem{at}
	}
	var missing *jsonschema.JSONPointerNotFoundError
	if errors.As(err, &missing) {
		target := s.place(model, missing.URL)
		at.Dangling = true
		at.Message = "a reference leads to " + target.Pointer + " of the model " + target.Model + ", where nothing is"
		return []Problem{at}
	}
	var load *jsonschema.LoadURLError
	if errors.As(err, &load) {
		at.Dangling = true
		at.Message = load.URL + " is not asked for its schemas"
		at.Hint = "put what is referred to into the document"
		return []Problem{at}
	}
	at.Message = err.Error()
	return []Problem{at}
}

// leaves are the errors at the bottom, of which the others are made. Of alternatives
// those count that at least ask for the right type.
func leaves(e *jsonschema.ValidationError, out []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return append(out, e)
	}
	begin := len(out)
	for _, cause := range e.Causes {
		out = leaves(cause, out)
	}
	if _, alternatives := e.ErrorKind.(*kind.AnyOf); alternatives {
		isType := func(e *jsonschema.ValidationError) bool { _, is := e.ErrorKind.(*kind.Type); return is }
		if found := out[begin:]; slices.ContainsFunc(found, func(e *jsonschema.ValidationError) bool { return !isType(e) }) {
			out = append(out[:begin], slices.DeleteFunc(slices.Clone(found), isType)...)
		}
	}
	return out
}

// schemaProblem is a place that the draft's own schema does not allow.
func schemaProblem(p Problem, e *jsonschema.ValidationError) Problem {
	for _, token := range e.InstanceLocation {
		p.Pointer = below(p.Pointer, token)
	}
	keyword := ""
	if n := len(e.InstanceLocation); n > 0 {
		keyword = e.InstanceLocation[n-1]
		p.Message = keyword + ": "
	}
	switch wrong := e.ErrorKind.(type) {
	case *kind.Format:
		p.Message += wrong.Err.Error()
	case *kind.Type:
		p.Message += e.ErrorKind.LocalizedString(english)
		if keyword == "exclusiveMinimum" || keyword == "exclusiveMaximum" {
			switch wrong.Got {
			case "number":
				p.Hint = "in draft 4 it is true or false, beside a minimum or a maximum"
			case "boolean":
				p.Hint = "since draft 6 it is the number itself"
			}
		}
	default:
		p.Message += e.ErrorKind.LocalizedString(english)
	}
	return p
}

// below appends a key to a JSON pointer.
func below(pointer, key string) string {
	if strings.ContainsAny(key, "~/") {
		key = strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
	}
	return pointer + "/" + key
}

// place finds the model, and the place in it, that a URL of ours names.
func (s *Set) place(otherwise, text string) Problem {
	if m, pointer := s.of(text); m != nil {
		return Problem{Model: m.Name, Pointer: pointer}
	}
	return Problem{Model: otherwise}
}

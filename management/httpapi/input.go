package httpapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"gatehouse/management/restjson"
)

// input is the body of a call that creates or changes something: the members that
// callers may set, and only those that are there.
type input map[string]json.RawMessage

// readInput reads the members of a body. Others, such as those that an answer has and
// nobody sets, are ignored, and so are those that are null.
func readInput(c *restjson.Call, members ...string) (input, error) {
	var body map[string]json.RawMessage
	if err := c.Decode(&body); err != nil {
		return nil, err
	}
	in := input{}
	for _, name := range members {
		if value, ok := body[name]; ok && !bytes.Equal(value, []byte("null")) {
			in[name] = value
		}
	}
	return in, nil
}

// has tells whether a member is there.
func (in input) has(name string) bool {
	_, ok := in[name]
	return ok
}

// into lays the members over a document. Maps of parameters, variables and settings are laid
// over those that are there, entry by entry; everything else is replaced: lists, objects as
// corsConfiguration, and the maps that have been emptied (fresh).
//
// Terraform's provider tells which are which. What goes from a map of the first kind it sends
// as an empty entry, or deletes by a call of its own; objects and maps of templates and models
// it sends as they are to be, and an empty object for one that goes.
func (in input) into(document any) error {
	v := reflect.ValueOf(document).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if f := v.Field(i); f.Kind() == reflect.Pointer && in.has(name) {
			f.SetZero()
		}
	}
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return (&restjson.Call{Body: data}).Decode(document)
}

// fresh empties a map that is replaced as a whole, if it is there.
func (in input) fresh(m *map[string]string, name string) {
	if in.has(name) {
		*m = nil
	}
}

// require notes members that are not there.
func (in input) require(p *problems, members ...string) {
	for _, name := range members {
		if !in.has(name) {
			p.constraint("null", name, "Member must not be null")
		}
	}
}

// without gives members but for some.
func without(members []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(members), func(m string) bool { return slices.Contains(names, m) })
}

// dropEmpty takes out entries that an update has emptied: that is how callers take them
// away.
func dropEmpty(m map[string]string) {
	for key, value := range m {
		if value == "" {
			delete(m, key)
		}
	}
}

package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Bounds of what a body may hold. Nothing that a program writes for another comes near
// them, and without them a small body could ask for a lot of work.
const (
	// maxDepth is how deep arrays and objects may lie in each other.
	maxDepth = 500
	// MaxValues is how many values there may be in a body.
	MaxValues = 1_000_000
	// maxDigits and maxExponent bound numbers, which are kept as exact as they are
	// written.
	maxDigits   = 1000
	maxExponent = 1000
)

// valueKind is a JSON type.
type valueKind uint8

const (
	nullKind valueKind = iota
	booleanKind
	numberKind
	stringKind
	arrayKind
	objectKind
)

// value is a JSON value. Numbers keep their text, and objects the order of their
// members.
type value struct {
	kind  valueKind
	truth bool
	// text is a string, or the text of a number.
	text string
	// inner is what an array or an object holds.
	inner *container
}

type container struct {
	items   []value
	members []member
	// index finds members by name, where there are many.
	index map[string]int
}

type member struct {
	name  string
	value value
}

// manyMembers is from how many on an index finds members faster than a look at each.
const manyMembers = 12

func (v *value) items() []value { return v.inner.items }

func (v *value) members() []member { return v.inner.members }

// member finds a member of an object, nil if there is none.
func (v *value) member(name string) *value {
	if v.inner.index != nil {
		if i, ok := v.inner.index[name]; ok {
			return &v.inner.members[i].value
		}
		return nil
	}
	for i := range v.inner.members {
		if v.inner.members[i].name == name {
			return &v.inner.members[i].value
		}
	}
	return nil
}

// add appends a member; false when there is one of the name already.
func (c *container) add(name string, v value) bool {
	if c.index == nil {
		for i := range c.members {
			if c.members[i].name == name {
				return false
			}
		}
	} else if _, twice := c.index[name]; twice {
		return false
	}
	c.members = append(c.members, member{name, v})
	switch {
	case c.index != nil:
		c.index[name] = len(c.members) - 1
	case len(c.members) == manyMembers:
		c.index = make(map[string]int, 2*manyMembers)
		for i := range c.members {
			c.index[c.members[i].name] = i
		}
	}
	return true
}

// Errors of bodies that are not read to their end.
var (
	errTooDeep   = fmt.Errorf("arrays and objects lie deeper than %d in each other", maxDepth)
	errTooMany   = fmt.Errorf("there are more than %d values", MaxValues)
	errNumber    = fmt.Errorf("a number has more than %d digits, or an exponent beyond %d", maxDigits, maxExponent)
	errDuplicate = errors.New("an object has two members of one name")
	errEncoding  = errors.New("the text is not UTF-8")
	errTrailing  = errors.New("something follows the JSON value")
)

// reader builds a value of a body's tokens.
type reader struct {
	tokens *json.Decoder
	count  int
}

// parse reads a body. What two readers may understand differently, such as an object
// with two members of one name, is no value here: the one behind the gateway might see
// what this one did not check.
func parse(body []byte) (value, error) {
	if !utf8.Valid(body) {
		return value{}, errEncoding
	}
	r := reader{tokens: json.NewDecoder(bytes.NewReader(body))}
	r.tokens.UseNumber()
	token, err := r.tokens.Token()
	if err != nil {
		return value{}, err
	}
	v, err := r.value(token, 0)
	if err != nil {
		return value{}, err
	}
	if _, err := r.tokens.Token(); err != io.EOF {
		return value{}, errTrailing
	}
	return v, nil
}

func (r *reader) value(token json.Token, depth int) (value, error) {
	if r.count++; r.count > MaxValues {
		return value{}, errTooMany
	}
	switch t := token.(type) {
	case nil:
		return value{kind: nullKind}, nil
	case bool:
		return value{kind: booleanKind, truth: t}, nil
	case json.Number:
		if !modest(string(t)) {
			return value{}, errNumber
		}
		return value{kind: numberKind, text: string(t)}, nil
	case string:
		return value{kind: stringKind, text: t}, nil
	}
	if depth == maxDepth {
		return value{}, errTooDeep
	}
	if token == json.Delim('[') {
		return r.array(depth + 1)
	}
	return r.object(depth + 1)
}

func (r *reader) array(depth int) (value, error) {
	c := &container{}
	for {
		token, err := r.tokens.Token()
		if err != nil || token == json.Delim(']') {
			return value{kind: arrayKind, inner: c}, unexpected(err)
		}
		item, err := r.value(token, depth)
		if err != nil {
			return value{}, err
		}
		c.items = append(c.items, item)
	}
}

func (r *reader) object(depth int) (value, error) {
	c := &container{}
	for {
		token, err := r.tokens.Token()
		if err != nil || token == json.Delim('}') {
			return value{kind: objectKind, inner: c}, unexpected(err)
		}
		// The decoder gives nothing but text here.
		name, _ := token.(string)
		if token, err = r.tokens.Token(); err != nil {
			return value{}, unexpected(err)
		}
		v, err := r.value(token, depth)
		if err != nil {
			return value{}, err
		}
		if !c.add(name, v) {
			return value{}, errDuplicate
		}
	}
}

// unexpected tells an end in the middle from the end.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

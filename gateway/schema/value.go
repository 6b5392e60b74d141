package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

// Errors of bodies that are JSON, and are not read to their end all the same.
var (
	errTooDeep   = fmt.Errorf("arrays and objects lie deeper than %d in each other", maxDepth)
	errTooMany   = fmt.Errorf("there are more than %d values", MaxValues)
	errNumber    = fmt.Errorf("a number has more than %d digits, or an exponent beyond %d", maxDigits, maxExponent)
	errDuplicate = errors.New("an object has two members of one name")
	errEncoding  = errors.New("the text is not UTF-8")
)

// reader builds the value of a text that is known to be JSON.
type reader struct {
	text  string
	at    int
	count int
}

// parse reads a body. What two readers may understand differently, such as an object
// with two members of one name, is no value here: the one behind the gateway might see
// what this one did not check.
func parse(body []byte) (value, error) {
	if !utf8.Valid(body) {
		return value{}, errEncoding
	}
	if !json.Valid(body) {
		return value{}, json.Unmarshal(body, new(json.RawMessage))
	}
	r := reader{text: string(body)}
	return r.value(0)
}

// skip goes past white space, commas and colons: they are where they have to be.
func (r *reader) skip() byte {
	for {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			r.at++
		default:
			return c
		}
	}
}

func (r *reader) value(depth int) (value, error) {
	if r.count++; r.count > MaxValues {
		return value{}, errTooMany
	}
	switch r.skip() {
	case 'n':
		r.at += len("null")
		return value{kind: nullKind}, nil
	case 't':
		r.at += len("true")
		return value{kind: booleanKind, truth: true}, nil
	case 'f':
		r.at += len("false")
		return value{kind: booleanKind}, nil
	case '"':
		text, err := r.string()
		return value{kind: stringKind, text: text}, err
	case '[':
		return r.array(depth + 1)
	case '{':
		return r.object(depth + 1)
	}
	begin := r.at
	for r.at < len(r.text) && strings.IndexByte("0123456789+-.eE", r.text[r.at]) >= 0 {
		r.at++
	}
	number := r.text[begin:r.at]
	if !modest(number) {
		return value{}, errNumber
	}
	return value{kind: numberKind, text: number}, nil
}

// string reads a string, which is a part of the text unless there are escapes in it.
func (r *reader) string() (string, error) {
	begin, plain := r.at, true
	for r.at++; r.text[r.at] != '"'; r.at++ {
		if r.text[r.at] == '\\' {
			plain = false
			r.at++
		}
	}
	r.at++
	if plain {
		return r.text[begin+1 : r.at-1], nil
	}
	var text string
	err := json.Unmarshal([]byte(r.text[begin:r.at]), &text)
	return text, err
}

func (r *reader) array(depth int) (value, error) {
	if depth > maxDepth {
		return value{}, errTooDeep
	}
	c := &container{}
	for r.at++; r.skip() != ']'; {
		item, err := r.value(depth)
		if err != nil {
			return value{}, err
		}
		c.items = append(c.items, item)
	}
	r.at++
	return value{kind: arrayKind, inner: c}, nil
}

func (r *reader) object(depth int) (value, error) {
	if depth > maxDepth {
		return value{}, errTooDeep
	}
	c := &container{}
	for r.at++; r.skip() != '}'; {
		name, err := r.string()
		if err != nil {
			return value{}, err
		}
		v, err := r.value(depth)
		if err != nil {
			return value{}, err
		}
		if !c.add(name, v) {
			return value{}, errDuplicate
		}
	}
	r.at++
	return value{kind: objectKind, inner: c}, nil
}

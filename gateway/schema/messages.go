package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The words for what is wrong are those that clients of Amazon's gateway know from
// $context.error.validationErrorString, such as
// [object has missing required properties (["name"])].

// Bounds of an explanation, which repeats parts of the body.
const (
	maxReportBytes = 2048
	maxQuotedBytes = 200
)

// report is a list of what is wrong.
type report struct {
	messages []string
	size     int
}

func (r *report) add(message string) {
	if r.full() {
		return
	}
	r.messages = append(r.messages, message)
	r.size += len(message) + 2
}

func (r *report) full() bool { return r.size >= maxReportBytes }

// String is a list as Java writes them.
func (r *report) String() string {
	return "[" + shortened(strings.Join(r.messages, ", "), maxReportBytes) + "]"
}

// shortened cuts a text between its characters.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "..."
}

// written is a value as JSON, or the beginning of it.
func written(v *value) string {
	var b strings.Builder
	write(&b, v)
	return shortened(b.String(), maxQuotedBytes)
}

func write(b *strings.Builder, v *value) {
	if b.Len() > maxQuotedBytes {
		return
	}
	switch v.kind {
	case nullKind:
		b.WriteString("null")
	case booleanKind:
		fmt.Fprint(b, v.truth)
	case numberKind:
		b.WriteString(v.text)
	case stringKind:
		b.WriteString(quoted(v.text))
	case arrayKind:
		b.WriteByte('[')
		for i := range v.items() {
			if i > 0 {
				b.WriteByte(',')
			}
			write(b, &v.items()[i])
		}
		b.WriteByte(']')
	case objectKind:
		b.WriteByte('{')
		for i := range v.members() {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(quoted(v.members()[i].name) + ":")
			write(b, &v.members()[i].value)
		}
		b.WriteByte('}')
	}
}

func quoted(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(shortened(text, maxQuotedBytes)) // Text always encodes.
	return strings.TrimSuffix(b.String(), "\n")
}

// list writes names as a JSON array without spaces.
func list(names []string) string {
	var b strings.Builder
	for i, name := range names {
		if b.Len() > maxReportBytes {
			break
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quoted(name))
	}
	return "[" + b.String() + "]"
}

func typeOf(v *value) string {
	if v.kind == numberKind && !strings.ContainsAny(v.text, ".eE") {
		return kindNames[integerKind]
	}
	return kindNames[v.kind]
}

func said(format string, args ...any) func() string {
	return func() string { return fmt.Sprintf(format, args...) }
}

func nothingAllowed() func() string { return said("the schema allows no value here") }

func wrongType(n *node, v *value) func() string {
	return func() string {
		return fmt.Sprintf("instance type (%s) does not match any allowed primitive type (allowed: %s)", typeOf(v), list(n.typeNames))
	}
}

func notInEnum(n *node, v *value) func() string {
	return func() string {
		values := value{kind: arrayKind, inner: &container{items: n.enum}}
		return fmt.Sprintf("instance value (%s) not found in enum (possible values: %s)", written(v), written(&values))
	}
}

func notConstant(n *node, v *value) func() string {
	return func() string {
		return fmt.Sprintf("instance value (%s) is not the constant %s", written(v), written(n.constant))
	}
}

func belowMinimum(n *node, v *value) func() string {
	return func() string {
		return fmt.Sprintf("numeric instance is lower than the required minimum (minimum: %s, found: %s)", n.minimum.String(), written(v))
	}
}

func notAbove(n *node) func() string {
	return func() string {
		return "numeric instance is not strictly greater than the required minimum " + n.exclusiveMinimum.String()
	}
}

func aboveMaximum(n *node, v *value) func() string {
	return func() string {
		return fmt.Sprintf("numeric instance is greater than the required maximum (maximum: %s, found: %s)", n.maximum.String(), written(v))
	}
}

func notBelow(n *node) func() string {
	return func() string {
		return "numeric instance is not strictly lower than the required maximum " + n.exclusiveMaximum.String()
	}
}

func notMultiple(n *node, v *value) func() string {
	return func() string {
		return fmt.Sprintf("remainder of division is not zero (%s / %s)", written(v), ratText(n.multipleOf))
	}
}

func tooShort(n *node, v *value, length int) func() string {
	return func() string {
		return fmt.Sprintf("string %s is too short (length: %d, required minimum: %d)", written(v), length, *n.minLength)
	}
}

func tooLong(n *node, v *value, length int) func() string {
	return func() string {
		return fmt.Sprintf("string %s is too long (length: %d, maximum allowed: %d)", written(v), length, *n.maxLength)
	}
}

func noMatch(n *node, v *value) func() string {
	return func() string {
		return fmt.Sprintf(`ECMA 262 regex "%s" does not match input string %s`, shortened(n.pattern.written, maxQuotedBytes), written(v))
	}
}

// formatNames are what the values of a format are called.
var formatNames = map[string]string{
	"email": "email address", "hostname": "hostname", "ipv4": "IPv4 address", "ipv6": "IPv6 address",
	"regex": "ECMA 262 regular expression", "uri": "URI", "uuid": "UUID", "uri-template": "URI template", "json-pointer": "JSON Pointer",
}

func wrongFormat(n *node, v *value) func() string {
	return func() string {
		if n.format.Name == "date-time" {
			return fmt.Sprintf("string %s is invalid against requested date format(s) [yyyy-MM-dd'T'HH:mm:ssZ, yyyy-MM-dd'T'HH:mm:ss.[0-9]{1,12}Z]", written(v))
		}
		name := formatNames[n.format.Name]
		if name == "" {
			name = n.format.Name
		}
		return fmt.Sprintf("string %s is not a valid %s", written(v), name)
	}
}

func tooFewItems(n *node, count int) func() string {
	return said("array is too short: must have at least %d elements but instance has %d elements", *n.minItems, count)
}

func tooManyItems(n *node, count int) func() string {
	return said("array is too long: must have at most %d elements but instance has %d elements", *n.maxItems, count)
}

func additionalItems(n *node, count int) func() string {
	return said("schema only allows %d elements in array but instance has %d elements", len(n.tuple), count)
}

func duplicateItems() func() string { return said("array must not contain duplicate elements") }

func wronglyContained(matched int) func() string {
	return said("array has %d elements that match what it has to contain", matched)
}

func tooFewProperties(n *node, count int) func() string {
	return said("object has too few properties (found %d but schema requires at least %d)", count, *n.minProperties)
}

func tooManyProperties(n *node, count int) func() string {
	return said("object has too many properties (found %d but schema requires at most %d)", count, *n.maxProperties)
}

func missing(v *value, names []string) []string {
	var out []string
	for _, name := range names {
		if v.member(name) == nil {
			out = append(out, name)
		}
	}
	return out
}

func missingProperties(n *node, v *value) func() string {
	return func() string {
		return fmt.Sprintf("object has missing required properties (%s)", list(missing(v, n.required)))
	}
}

func additionalProperties(e *evaluation, n *node, v *value) func() string {
	return func() string {
		var names []string
		for i := range v.members() {
			if name := v.members()[i].name; !e.named(n, name) {
				names = append(names, name)
			}
		}
		return "object instance has properties which are not allowed by the schema: " + list(sorted(names))
	}
}

func wrongName(name string) func() string {
	return func() string { return fmt.Sprintf("the property name %s is not allowed by the schema", quoted(name)) }
}

func missingDependencies(d *dependency, v *value) func() string {
	return func() string {
		return fmt.Sprintf("property %s of object has missing property dependencies (schema requires %s; missing: %s)",
			quoted(d.name), list(d.required), list(missing(v, d.required)))
	}
}

func matchedNot() func() string { return said("instance matched a schema which it should not have") }

func failedAll(n *node, matched int) func() string {
	return said("instance failed to match all required schemas (matched only %d out of %d)", matched, len(n.allOf))
}

func failedAny(n *node) func() string {
	return said("instance failed to match at least one required schema among %d", len(n.anyOf))
}

func failedOne(n *node, matched int) func() string {
	return said("instance failed to match exactly one schema (matched %d out of %d)", matched, len(n.oneOf))
}

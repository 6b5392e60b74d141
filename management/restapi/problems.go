package restapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/management/restjson"
)

// problems collects what is wrong with a call, so that its caller is told everything at
// once.
type problems struct{ constraints, others []string }

// constraint notes that the value of a member is not as the service model has it.
func (p *problems) constraint(value, member, constraint string) {
	if value != "null" {
		value = "'" + shortened(value) + "'"
	}
	p.constraints = append(p.constraints, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, member, constraint))
}

// require checks that a text is there.
func (p *problems) require(member, value string) {
	if value == "" {
		p.constraint("null", member, "Member must not be null")
	}
}

// add notes anything else.
func (p *problems) add(format string, args ...any) {
	p.others = append(p.others, fmt.Sprintf(format, args...))
}

// enum checks that a text, unless it is empty, is one of a few.
func (p *problems) enum(member, value string, values ...string) {
	if value != "" && !slices.Contains(values, value) {
		p.constraint(value, member, fmt.Sprintf("Member must satisfy enum value set: [%s]", strings.Join(values, ", ")))
	}
}

// length checks how long a text may be.
func (p *problems) length(member, value string, most int) {
	if utf8.RuneCountInString(value) > most {
		p.constraint(value, member, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
}

// shortened keeps messages about long texts short.
func shortened(text string) string {
	const most = 100
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}

// Amazon's limits of tags.
const (
	maxTags          = 50
	maxTagNameLength = 128
	maxTagLength     = 256
)

// tags checks tags.
func (p *problems) tags(tags map[string]string) {
	if len(tags) > maxTags {
		p.add("The number of tags %d exceeds the limit of %d", len(tags), maxTags)
	}
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		if name == "" {
			p.constraint(name, "tags", "Member must have length greater than or equal to 1")
		}
		p.length("tags", name, maxTagNameLength)
		p.length("tags."+name, tags[name], maxTagLength)
		if strings.HasPrefix(strings.ToLower(name), "aws:") {
			p.add("Tag keys cannot begin with aws: '%s'", name)
		}
	}
}

// err is nil when nothing was wrong.
func (p *problems) err() error {
	var parts []string
	switch n := len(p.constraints); n {
	case 0:
	case 1:
		parts = append(parts, "1 validation error detected: "+p.constraints[0])
	default:
		parts = append(parts, fmt.Sprintf("%d validation errors detected: %s", n, strings.Join(p.constraints, "; ")))
	}
	if parts = append(parts, p.others...); len(parts) == 0 {
		return nil
	}
	return restjson.BadRequest("%s", strings.Join(parts, "; "))
}

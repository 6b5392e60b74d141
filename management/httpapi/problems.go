package httpapi

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/management/restjson"
)

// problems collects what is wrong with a call, so that its caller is told everything at
// once.
type problems struct {
	constraints, others []string
}

// constraint notes that the value of a member is not as the service model has it.
func (p *problems) constraint(value, member, constraint string) {
	if value != "null" {
		value = "'" + value + "'"
	}
	p.constraints = append(p.constraints, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, member, constraint))
}

// add notes anything else.
func (p *problems) add(format string, args ...any) {
	p.others = append(p.others, fmt.Sprintf(format, args...))
}

// length checks how long a text is.
func (p *problems) length(member, value string, least, most int) {
	switch n := utf8.RuneCountInString(value); {
	case n < least:
		p.constraint(value, member, fmt.Sprintf("Member must have length greater than or equal to %d", least))
	case n > most:
		p.constraint(shorten(value), member, fmt.Sprintf("Member must have length less than or equal to %d", most))
	}
}

// shorten keeps messages about long texts short.
func shorten(text string) string {
	const most = 100
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}

// enum checks that a text, unless it is empty, is one of a few.
func (p *problems) enum(member, value string, values ...string) {
	if value != "" && !slices.Contains(values, value) {
		p.constraint(shorten(value), member, fmt.Sprintf("Member must satisfy enum value set: [%s]", strings.Join(values, ", ")))
	}
}

// between checks a number.
func (p *problems) between(member string, value, least, most int) {
	switch {
	case value < least:
		p.constraint(fmt.Sprint(value), member, fmt.Sprintf("Member must have value greater than or equal to %d", least))
	case value > most:
		p.constraint(fmt.Sprint(value), member, fmt.Sprintf("Member must have value less than or equal to %d", most))
	}
}

// pattern checks a text, unless it is empty.
func (p *problems) pattern(member, value string, pattern *regexp.Regexp) {
	if value != "" && !pattern.MatchString(value) {
		p.constraint(shorten(value), member, "Member must satisfy regular expression pattern: "+pattern.String())
	}
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
		p.length("tags", name, 1, maxTagNameLength)
		p.length("tags."+name, tags[name], 0, maxTagLength)
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

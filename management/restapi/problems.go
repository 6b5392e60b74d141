package restapi

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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

// shortened keeps messages about long texts short.
func shortened(text string) string {
	const most = 100
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}

// tags checks tags.
func (p *problems) tags(tags map[string]string) {
	var told *restjson.Error
	if errors.As(checkTags(tags), &told) {
		p.add("%s", told.Message)
	}
}

// err is nil when nothing was wrong.
func (p *problems) err() error {
	if text := p.text(); text != "" {
		return restjson.BadRequest("%s", text)
	}
	return nil
}

// text tells everything that was wrong, in one line.
func (p *problems) text() string {
	var parts []string
	switch n := len(p.constraints); n {
	case 0:
	case 1:
		parts = append(parts, "1 validation error detected: "+p.constraints[0])
	default:
		parts = append(parts, fmt.Sprintf("%d validation errors detected: %s", n, strings.Join(p.constraints, "; ")))
	}
	return strings.Join(append(parts, p.others...), "; ")
}

package openapi

import (
	"regexp"

	"gatehouse/definition/source"
)

// javaOnly finds what Java's regular expressions have and RE2 (ours and Envoy's)
// has not: look-around, atomic groups, possessive quantifiers, back-references.
var javaOnly = regexp.MustCompile(`\(\?(<?[=!]|>)|[*+?}]\+|\\[1-9]|\\k<`)

// checkPattern reports a regular expression that can't be compiled.
func (p *parser) checkPattern(v source.Value, pattern string) {
	err, known := p.patterns[pattern]
	if !known {
		_, err = regexp.Compile(pattern)
		p.patterns[pattern] = err
	}
	if err == nil {
		return
	}
	hint := ""
	if javaOnly.MatchString(pattern) {
		hint = "AWS runs patterns in Java; Envoy has no look-around, possessive quantifiers or back-references, so it must be written without them"
	}
	v.Errorf("invalid-pattern", hint, "the regular expression %q cannot be used: %v", pattern, err)
}

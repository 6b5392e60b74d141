package openapi

import (
	"fmt"
	"strings"

	"gatehouse/internal/nearest"
)

const (
	// hintEffort bounds the work of finding what typos meant, in characters
	// compared: a hostile document has many typos and many names to choose from.
	hintEffort = 5_000_000
	// maxHintLength is the longest word that is searched for.
	maxHintLength = 100
)

// didYouMean suggests the choice that a mistyped word probably meant, or nothing.
func (p *parser) didYouMean(word string, choices []string) string {
	best, distance := "", len(word)/4+2
	if len(word) > maxHintLength {
		return ""
	}
	for _, choice := range choices {
		if difference := len(word) - len(choice); max(difference, -difference) >= distance {
			continue
		}
		if p.hintEffort -= len(word) * len(choice); p.hintEffort < 0 {
			break
		}
		if d := nearest.Distance(strings.ToLower(word), strings.ToLower(choice)); d < distance {
			best, distance = choice, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

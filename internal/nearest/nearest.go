// Package nearest finds the name that a mistyped one was probably meant to be.
package nearest

import "strings"

// maxLength is the longest word that is searched for: comparing costs the product of
// the lengths, and no name that people type is that long.
const maxLength = 100

// Of gives the choice that the word is closest to, "" when none is close. Upper and lower
// case are the same.
func Of(word string, choices []string) string {
	best, distance := "", len(word)/3+2
	if len(word) > maxLength {
		return ""
	}
	for _, choice := range choices {
		if difference := len(word) - len(choice); max(difference, -difference) > distance {
			continue
		}
		if d := Distance(strings.ToLower(word), strings.ToLower(choice)); d < distance || d == distance && choice < best {
			best, distance = choice, d
		}
	}
	return best
}

// Distance is Levenshtein's: how many bytes are to be put in, taken out or replaced.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}

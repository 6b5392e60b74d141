package lambdaevent

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// ClaimText writes a claim as Amazon does: whole numbers without a fraction, lists in
// brackets.
func ClaimText(value any) string {
	list, ok := value.([]any)
	if !ok {
		return plainText(value)
	}
	return "[" + strings.Join(plainTexts(list), " ") + "]"
}

// ScopesIn are the scopes of a claim: words in a text, or a list.
func ScopesIn(claim any) []string {
	list, ok := claim.([]any)
	if !ok {
		return strings.Fields(plainText(claim))
	}
	return plainTexts(list)
}

func plainTexts(list []any) []string {
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = plainText(item)
	}
	return texts
}

func plainText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case nil:
		return ""
	}
	text, _ := json.Marshal(value) // It was JSON before.
	return string(text)
}

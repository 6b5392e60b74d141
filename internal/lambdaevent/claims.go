package lambdaevent

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// ClaimText writes a claim as Amazon does: whole numbers without a fraction, lists in
// brackets, but for those of scopes, which were one text in the token.
func ClaimText(name string, value any) string {
	list, ok := value.([]any)
	if !ok {
		return plainText(value)
	}
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = plainText(item)
	}
	text := strings.Join(texts, " ")
	if name == "scope" || name == "scp" {
		return text
	}
	return "[" + text + "]"
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

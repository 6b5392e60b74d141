package gateway

import (
	"errors"
	"regexp"
	"strings"
)

var mockStatusCode = regexp.MustCompile(`(?:^|[{,\s])["']?statusCode["']?\s*:\s*(-?[0-9]+)\s*(?:[,}\s]|$)`)

// MockStatus reads the status that the request template of a MOCK integration says. The
// reader is as lenient as Amazon's: unquoted or single-quoted keys and anything else beside
// the status pass.
// See https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-mock-integration.html
func MockStatus(text string) (string, error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") || !strings.HasSuffix(text, "}") || strings.Count(text, `"`)%2 == 1 || strings.Count(text, `'`)%2 == 1 {
		return "", errors.New("the request template is not an object with a statusCode")
	}
	m := mockStatusCode.FindStringSubmatch(text)
	if m == nil {
		return "", errors.New("the request template has no statusCode that is a whole number")
	}
	return m[1], nil
}
